using System.Buffers.Binary;
using Tidemark.Health.Sources;
using Tidemark.Model.Health;

namespace Tidemark.Testing.Health;

/// <summary>A source in memory that does what a test says: samples come, change and go, anchors expire, the store is locked.</summary>
public sealed class ProgrammableHealthSource : IHealthChangeSource
{
    private readonly List<(HealthSample? Sample, HealthDelete? Delete)> _log = [];

    /// <summary>Thrown by the next reads; taken from the front, null lets one through.</summary>
    public Queue<HealthSourceException?> Troubles { get; } = new();

    public int Reads { get; private set; }

    /// <summary>Anchors before this are forgotten.</summary>
    public long ForgottenBefore { get; set; }

    public string Name => "programmable";

    public void Add(HealthSample sample) => _log.Add((sample, null));

    public void Delete(HealthSample sample) => _log.Add((null, new HealthDelete(sample.Id, sample.Type, sample.Version)));

    /// <summary>A step count that nothing else is like.</summary>
    public static HealthSample Steps(int number, double value = 10, long version = 0)
    {
        var origin = new HealthOrigin { Source = "Watch" };
        var start = 1_700_000_000_000 + (number * 60_000L);
        return new HealthSample
        {
            Id = HealthIdentity.Of(HealthIdentity.Series(HealthKind.Quantity, "StepCount", "count", origin), start, start + 30_000, 0, 0),
            Version = version,
            Kind = HealthKind.Quantity,
            Type = "StepCount",
            StartMs = start,
            EndMs = start + 30_000,
            Value = value,
            Unit = "count",
            Origin = origin,
        };
    }

    public ValueTask<IReadOnlyList<string>> GetTypesAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<string>>(["StepCount"]);

    public ValueTask<HealthChangePage> ReadAsync(string type, HealthAnchor? anchor, int limit, CancellationToken cancellationToken)
    {
        Reads++;
        if (Troubles.TryDequeue(out var trouble) && trouble is not null)
        {
            throw trouble;
        }

        var after = anchor is null ? 0 : BinaryPrimitives.ReadInt64BigEndian(anchor.Bytes.Span);
        if (anchor is not null && after < ForgottenBefore)
        {
            throw new HealthSourceException(HealthSourceTrouble.AnchorExpired, "The anchor is too old.");
        }

        var page = _log.Skip((int)after).Take(limit).ToList();
        var next = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(next, after + page.Count);
        return ValueTask.FromResult(new HealthChangePage(
            [.. page.Where(p => p.Sample is not null).Select(p => p.Sample!)], [.. page.Where(p => p.Delete is not null).Select(p => p.Delete!)], new HealthAnchor(next), after + page.Count < _log.Count));
    }
}
