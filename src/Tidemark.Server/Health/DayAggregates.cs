using Tidemark.Model.Health;

namespace Tidemark.Server.Health;

/// <summary>
/// A day's figure from its samples. What adds up counts every moment once: where sources overlap, the one that ranks first is believed for its whole intervals and
/// the others for what is left of theirs, in proportion. Days are those of a zone.
/// </summary>
public static class DayAggregates
{
    private const long HourMs = 3_600_000;

    /// <param name="intervals">In order of start.</param>
    /// <param name="type">What is known of the type; a range for unknown ones.</param>
    /// <param name="zone">Whose days.</param>
    /// <param name="sources">Sources in rank; the others follow, by their number of samples.</param>
    /// <param name="query">Intervals are cut to its time.</param>
    /// <param name="nowMs">Days whose lag is not over are provisional.</param>
    public static IReadOnlyList<HealthDayAggregate> Of(IReadOnlyList<HealthInterval> intervals, HealthType? type, TimeZoneInfo zone, IReadOnlyList<string> sources, HealthQuery query, long nowMs)
    {
        ArgumentNullException.ThrowIfNull(intervals);
        ArgumentNullException.ThrowIfNull(zone);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(query);
        var aggregation = type?.Aggregation ?? HealthAggregation.Range;
        var rank = Rank(intervals, sources);
        var days = new SortedDictionary<DateOnly, List<HealthInterval>>();
        foreach (var interval in intervals)
        {
            foreach (var (day, piece) in Cut(interval, zone, query, aggregation))
            {
                (days.TryGetValue(day, out var list) ? list : days[day] = []).Add(piece);
            }
        }

        return [.. days.Select(d => Make(d.Key, d.Value, aggregation, rank, zone, nowMs, (type?.LagHours ?? 0) * HourMs))];
    }

    private static HealthDayAggregate Make(DateOnly day, List<HealthInterval> pieces, HealthAggregation aggregation, Dictionary<string, int> rank, TimeZoneInfo zone, long nowMs, long lagMs)
    {
        var made = new HealthDayAggregate
        {
            Day = day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
            Samples = pieces.Count,
            Provisional = BeginOf(day.AddDays(1), zone) + lagMs > nowMs,
        };
        switch (aggregation)
        {
            case HealthAggregation.Sum:
                return made with
                {
                    Sum = HealthUnit.Rounded(SumByRank(pieces, rank)),
                    Sources = pieces.GroupBy(p => p.Source, StringComparer.Ordinal).ToDictionary(g => g.Key, g => HealthUnit.Rounded(g.Sum(p => p.Value ?? 0)), StringComparer.Ordinal),
                };
            case HealthAggregation.Duration:
                return made with { Sum = Union(pieces).Sum(u => u.End - u.Start) / 1000.0 };
            case HealthAggregation.Range when pieces.Exists(p => p.Value is not null):
                var values = pieces.Where(p => p.Value is not null).Select(p => p.Value!.Value).ToList();
                return made with { Least = values.Min(), Mean = HealthUnit.Rounded(values.Average()), Most = values.Max() };
            default:
                return made;
        }
    }

    // Sources in rank: what one covers is covered for all after it.
    private static double SumByRank(List<HealthInterval> pieces, Dictionary<string, int> rank)
    {
        var sum = 0.0;
        var covered = new List<(long Start, long End)>();
        foreach (var source in pieces.GroupBy(p => p.Source, StringComparer.Ordinal).OrderBy(g => rank[g.Key]))
        {
            foreach (var piece in source)
            {
                var length = piece.EndMs - piece.StartMs;
                var free = length == 0 ? (IsCovered(covered, piece.StartMs) ? 0.0 : 1.0) : 1.0 - (Overlap(covered, piece.StartMs, piece.EndMs) / (double)length);
                sum += (piece.Value ?? 0) * free;
            }

            covered = Union(covered.Select(c => new HealthInterval(c.Start, c.End, null, "")).Concat(source));
        }

        return sum;
    }

    private static List<(long Start, long End)> Union(IEnumerable<HealthInterval> pieces)
    {
        var union = new List<(long Start, long End)>();
        foreach (var piece in pieces.OrderBy(p => p.StartMs))
        {
            if (union.Count > 0 && piece.StartMs <= union[^1].End)
            {
                union[^1] = (union[^1].Start, Math.Max(union[^1].End, piece.EndMs));
            }
            else
            {
                union.Add((piece.StartMs, piece.EndMs));
            }
        }

        return union;
    }

    private static long Overlap(List<(long Start, long End)> covered, long start, long end)
    {
        var sum = 0L;
        for (var i = FirstEndingAfter(covered, start); i < covered.Count && covered[i].Start < end; i++)
        {
            sum += Math.Max(0, Math.Min(end, covered[i].End) - Math.Max(start, covered[i].Start));
        }

        return sum;
    }

    private static bool IsCovered(List<(long Start, long End)> covered, long at)
    {
        var i = FirstEndingAfter(covered, at);
        return i < covered.Count && covered[i].Start <= at;
    }

    private static int FirstEndingAfter(List<(long Start, long End)> covered, long at)
    {
        var (low, high) = (0, covered.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = covered[middle].End < at ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static Dictionary<string, int> Rank(IReadOnlyList<HealthInterval> intervals, IReadOnlyList<string> sources)
    {
        var rank = new Dictionary<string, int>(StringComparer.Ordinal);
        var byCount = intervals.GroupBy(i => i.Source, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Key);
        foreach (var source in sources.Concat(byCount))
        {
            rank.TryAdd(source, rank.Count);
        }

        return rank;
    }

    // An interval over midnight belongs to both days, its value in proportion; a value that does not add up to the day it starts on.
    private static IEnumerable<(DateOnly Day, HealthInterval Piece)> Cut(HealthInterval interval, TimeZoneInfo zone, HealthQuery query, HealthAggregation aggregation)
    {
        if (aggregation is HealthAggregation.Range or HealthAggregation.Count || interval.EndMs == interval.StartMs)
        {
            if (interval.StartMs >= query.FromMs && interval.StartMs < query.ToMs)
            {
                yield return (DayOf(interval.StartMs, zone), interval);
            }

            yield break;
        }

        var length = (double)(interval.EndMs - interval.StartMs);
        for (var at = interval.StartMs; at < interval.EndMs;)
        {
            var day = DayOf(at, zone);
            var end = Math.Min(interval.EndMs, BeginOf(day.AddDays(1), zone));
            if (end <= at)
            {
                yield break;
            }

            if (at >= query.FromMs && at < query.ToMs)
            {
                yield return (day, interval with { StartMs = at, EndMs = end, Value = interval.Value * (end - at) / length });
            }

            at = end;
        }
    }

    private static DateOnly DayOf(long ms, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeMilliseconds(ms), zone).DateTime);

    // A midnight that a change of the clock leaves out is the first moment after it.
    private static long BeginOf(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
        {
            midnight = midnight.AddMinutes(15);
        }

        return new DateTimeOffset(midnight, zone.GetUtcOffset(midnight)).ToUnixTimeMilliseconds();
    }
}
