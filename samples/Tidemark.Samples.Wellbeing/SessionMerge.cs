using System.Globalization;
using System.Text.Json;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Samples.Wellbeing;

/// <summary>A session was counted on several devices: it lasted from the earliest start to the latest end, and a minute that two devices counted counts once. The total is the server's.</summary>
internal static class SessionMerge
{
    public static CustomMergeResult Merge(CustomMergeInput input)
    {
        var ranges = RangesOf(input.Local["ranges"]).Concat(RangesOf(input.Remote["ranges"]));
        var merged = input.ByPolicies().Merged
            .With("started_at", Fields.Earlier(input.Local["started_at"], input.Remote["started_at"]))
            .With("ended_at", Fields.Later(input.Local["ended_at"], input.Remote["ended_at"]))
            .With("ranges", Value.Text(Text(United(ranges))));
        return CustomMergeResult.Of(merged, "started_at", "ended_at", "ranges");
    }

    // [[from, to], ...] in minutes; what is no such list has no ranges.
    private static List<(long From, long To)> RangesOf(Value value)
    {
        try
        {
            using var document = JsonDocument.Parse(value.Kind == ValueKind.Text ? value.AsText : "[]");
            return [.. document.RootElement.EnumerateArray().Select(r => (r[0].GetInt64(), r[1].GetInt64())).Where(r => r.Item1 < r.Item2)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            return [];
        }
    }

    private static List<(long From, long To)> United(IEnumerable<(long From, long To)> ranges)
    {
        var united = new List<(long From, long To)>();
        foreach (var range in ranges.Order())
        {
            if (united.Count > 0 && range.From <= united[^1].To)
            {
                united[^1] = (united[^1].From, Math.Max(united[^1].To, range.To));
            }
            else
            {
                united.Add(range);
            }
        }

        return united;
    }

    private static string Text(List<(long From, long To)> ranges) =>
        "[" + string.Join(',', ranges.Select(r => string.Create(CultureInfo.InvariantCulture, $"[{r.From},{r.To}]"))) + "]";
}
