using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Reports;

/// <summary>What a file holds of one type.</summary>
public sealed record TypeReport
{
    public required string Type { get; init; }

    public required long Samples { get; init; }

    public required long Deleted { get; init; }

    /// <summary>Samples and deletions before the acknowledged anchor.</summary>
    public required long Sent { get; init; }

    /// <summary>Samples and deletions after it: what the next run sends, the waiting ones included.</summary>
    public required long ToSend { get; init; }

    /// <summary>Of those to send, the ones that are captured in the queue.</summary>
    public required long Waiting { get; init; }

    public required long Rejected { get; init; }

    public DateTimeOffset? First { get; init; }

    public DateTimeOffset? Last { get; init; }

    /// <summary>The median of the time from a sample's start until it was written.</summary>
    public TimeSpan? LagMedian { get; init; }

    /// <summary>UTC days with a sample.</summary>
    public required long Days { get; init; }

    /// <summary>Days without one, between the first and the last.</summary>
    public required long GapDays { get; init; }
}

/// <summary>An item that the server refused.</summary>
public sealed record RejectedItem(string Type, Guid Id, string Reason);

/// <summary>Samples that say the same thing twice. All are kept: a sum believes one source for each moment.</summary>
/// <param name="SameIntervalOtherSource">Samples of an interval that another source has a sample of the same type for.</param>
/// <param name="MirroredWorkouts">Workouts that begin within ten seconds of one from another source.</param>
public sealed record DuplicateReport(long SameIntervalOtherSource, long MirroredWorkouts);

/// <summary>One day of a type, for a plot.</summary>
/// <param name="Day">UTC, as 2026-01-31.</param>
/// <param name="Figure">The sum where values add up (all sources together), otherwise the mean; seconds of a duration.</param>
/// <param name="Samples">How many there are.</param>
public sealed record DayFigure(string Day, double Figure, long Samples);

/// <summary>What a file holds, and how much of it is on the server.</summary>
public sealed record HealthReport(IReadOnlyList<TypeReport> Types, DuplicateReport Duplicates, IReadOnlyList<RejectedItem> Rejected)
{
    private const int RejectedShown = 100;
    private const long MirrorMs = 10_000;

    private const string TypesSql = """
        SELECT t.type, t.name, sum(s.deleted = 0), sum(s.deleted), min(CASE WHEN s.deleted = 0 THEN s.start END), max(CASE WHEN s.deleted = 0 THEN s.stop END), count(DISTINCT CASE WHEN s.deleted = 0 THEN s.start / 86400000 END),
          max(CASE WHEN s.deleted = 0 THEN s.start END)
        FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type GROUP BY s.type ORDER BY t.name
        """;

    private const string LagSql = """
        SELECT created - start FROM _tm_health_sample WHERE type = ?1 AND deleted = 0 AND created IS NOT NULL ORDER BY 1
        LIMIT 1 OFFSET (SELECT count(*) / 2 FROM _tm_health_sample WHERE type = ?1 AND deleted = 0 AND created IS NOT NULL)
        """;

    private const string SameIntervalSql = """
        SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(DISTINCT o.json ->> 'source') AS n FROM _tm_health_sample s JOIN _tm_health_origin o ON o.origin = s.origin WHERE s.deleted = 0 GROUP BY s.type, s.start, s.stop HAVING count(*) > 1)
        """;

    private const string MirroredSql = """
        WITH w AS (SELECT s.start, o.json ->> 'source' AS source FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type JOIN _tm_health_origin o ON o.origin = s.origin WHERE t.name = ?1 AND s.deleted = 0),
        p AS (SELECT start, source, lag(start) OVER (ORDER BY start) AS before, lag(source) OVER (ORDER BY start) AS other FROM w)
        SELECT count(*) FROM p WHERE start - before <= ?2 AND source <> other
        """;

    public static Task<HealthReport> OfAsync(HealthStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.ReadAsync(
            () =>
            {
                var counts = store.Queue.Counts().ToLookup(c => c.Type, StringComparer.Ordinal);
                return new HealthReport(
                    store.Query(TypesSql).ConvertAll(r => Of(store, r, counts[r[1].AsText])),
                    new DuplicateReport(store.Query(SameIntervalSql)[0][0].AsInteger, store.Query(MirroredSql, Value.Text(HealthTypes.Workout), Value.Integer(MirrorMs))[0][0].AsInteger),
                    store.Queue.Rejected(RejectedShown).ConvertAll(r => new RejectedItem(r.Type, r.Id, r.Reason)));
            },
            cancellationToken);
    }

    /// <summary>The last days of a type that have samples.</summary>
    public static Task<IReadOnlyList<DayFigure>> DaysAsync(HealthStore store, string type, int days, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        var figure = HealthTypes.Find(type)?.Aggregation switch
        {
            HealthAggregation.Sum => "sum(s.value)",
            HealthAggregation.Duration => "sum(s.stop - s.start) / 1000.0",
            HealthAggregation.Count => "count(*) * 1.0",
            _ => "coalesce(avg(s.value), count(*)) * 1.0",
        };
        return store.ReadAsync<IReadOnlyList<DayFigure>>(
            () =>
            {
                var rows = store.Query(
                    $"SELECT s.start / 86400000, {figure}, count(*) FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type WHERE t.name = ?1 AND s.deleted = 0 GROUP BY 1 ORDER BY 1 DESC LIMIT ?2",
                    Value.Text(type), Value.Integer(days));
                rows.Reverse();
                return rows.ConvertAll(r => new DayFigure(HealthDigest.DayText(r[0].AsInteger), r[1].Kind == ValueKind.Real ? r[1].AsReal : 0, r[2].AsInteger));
            },
            cancellationToken);
    }

    private static TypeReport Of(HealthStore store, Value[] row, IEnumerable<QueueCount> queue)
    {
        var (type, name) = (row[0], row[1].AsText);
        var items = queue.ToDictionary(q => q.Status, q => q.Items);
        var acknowledged = store.Queue.Acknowledged(Sources.StoredHealthSource.SourceName, name) is { } anchor ? System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(anchor.Bytes.Span) : 0;
        var lag = store.Query(LagSql, type);
        var days = row[6].AsInteger;
        var sent = store.Query("SELECT count(*) FROM _tm_health_sample WHERE type = ?1 AND seq <= ?2", type, Value.Integer(acknowledged))[0][0].AsInteger;
        return new TypeReport
        {
            Type = name,
            Samples = row[2].AsInteger,
            Deleted = row[3].AsInteger,
            Sent = sent,
            ToSend = row[2].AsInteger + row[3].AsInteger - sent,
            Waiting = items.GetValueOrDefault(QueueStatus.Pending) + items.GetValueOrDefault(QueueStatus.Uploading) + items.GetValueOrDefault(QueueStatus.Failed),
            Rejected = items.GetValueOrDefault(QueueStatus.Rejected),
            First = TimeOf(row[4]),
            Last = TimeOf(row[5]),
            LagMedian = lag.Count == 0 ? null : TimeSpan.FromMilliseconds(lag[0][0].AsInteger),
            Days = days,
            GapDays = days == 0 ? 0 : (row[7].AsInteger / HealthDigest.DayMs) - (row[4].AsInteger / HealthDigest.DayMs) + 1 - days,
        };
    }

    private static DateTimeOffset? TimeOf(Value ms) => ms.Kind == ValueKind.Integer ? DateTimeOffset.FromUnixTimeMilliseconds(ms.AsInteger) : null;
}
