using System.Buffers.Binary;
using System.Globalization;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sources;

/// <summary>One thing that a source has told of.</summary>
public readonly record struct HealthChange(HealthSample? Sample, HealthDelete? Delete)
{
    public Guid Id => Sample?.Id ?? Delete!.Id;

    public long Version => Sample?.Version ?? Delete!.Version;
}

/// <summary>A source in memory that does what a test or a simulation says: samples come, change and go, with or without being told of, anchors expire, the store is locked.</summary>
public sealed class ProgrammableHealthSource : IHealthWindowSource
{
    private readonly List<(HealthSample? Sample, HealthDelete? Delete)> _log = [];
    private readonly Dictionary<Guid, HealthSample> _living = [];
    private readonly SortedSet<string> _types = new(StringComparer.Ordinal) { "StepCount" };

    /// <summary>Thrown by the next reads; taken from the front, null lets one through.</summary>
    public Queue<HealthSourceException?> Troubles { get; } = new();

    public int Reads { get; private set; }

    /// <summary>Anchors before this are forgotten.</summary>
    public long ForgottenBefore { get; set; }

    /// <summary>All that it was ever told.</summary>
    public long End => _log.Count;

    /// <summary>It was allowed to see everything, and says so.</summary>
    public bool IsWhole { get; set; }

    public IReadOnlyCollection<HealthSample> Living => _living.Values;

    public bool Knows(Guid sample) => _living.ContainsKey(sample);

    /// <summary>What it told of a type in [from, to) of its order.</summary>
    public IReadOnlyList<HealthChange> Told(string type, long from, long to) =>
        [.. _log.Skip((int)from).Take((int)Math.Max(0, to - from)).Where(l => (l.Sample?.Type ?? l.Delete?.Type) == type).Select(l => new HealthChange(l.Sample, l.Delete))];

    public string Name => "programmable";

    public void Add(HealthSample sample)
    {
        Hide(sample);
        _log.Add((sample, null));
    }

    /// <summary>It is there, and no anchored read tells of it.</summary>
    public void Hide(HealthSample sample)
    {
        _types.Add(sample.Type);
        _living[sample.Id] = sample;
    }

    public void Delete(HealthSample sample)
    {
        Vanish(sample);
        _log.Add((null, new HealthDelete(sample.Id, sample.Type, sample.Version)));
    }

    /// <summary>It is gone, and no anchored read tells of it.</summary>
    public void Vanish(HealthSample sample) => _living.Remove(sample.Id);

    /// <summary>What is told from the beginning is what lives: deletions of before are forgotten, and every anchor of before.</summary>
    public void Compact()
    {
        var before = _log.Count;
        _log.Clear();
        for (var i = 0; i < before; i++)
        {
            _log.Add((null, null));
        }

        _log.AddRange(_living.Values.Select(s => ((HealthSample?)s, (HealthDelete?)null)));
        ForgottenBefore = before;
    }

    /// <summary>A step count that nothing else is like.</summary>
    public static HealthSample Steps(int number, double value = 10, long version = 0) => Of("StepCount", "count", 1_700_000_000_000 + (number * 60_000L), value, version);

    /// <summary>A quantity that nothing else is like.</summary>
    public static HealthSample Of(string type, string unit, long startMs, double value, long version = 0, string name = "Watch")
    {
        var origin = new HealthOrigin { Source = name };
        return new HealthSample
        {
            Id = HealthIdentity.Of(HealthIdentity.Series(HealthKind.Quantity, type, unit, origin), startMs, startMs + 30_000, 0, 0),
            Version = version,
            Kind = HealthKind.Quantity,
            Type = type,
            StartMs = startMs,
            EndMs = startMs + 30_000,
            Value = value,
            Unit = unit,
            Origin = origin,
        };
    }

    public ValueTask<IReadOnlyList<string>> GetTypesAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<string>>([.. _types]);

    public ValueTask<HealthChangePage> ReadAsync(string type, HealthAnchor? anchor, int limit, CancellationToken cancellationToken)
    {
        Trouble();
        var after = anchor is null ? 0 : BinaryPrimitives.ReadInt64BigEndian(anchor.Bytes.Span);
        if (anchor is not null && after < ForgottenBefore)
        {
            throw new HealthSourceException(HealthSourceTrouble.AnchorExpired, "The anchor is too old.");
        }

        var (upserts, deletes, at) = (new List<HealthSample>(), new List<HealthDelete>(), (int)after);
        for (; at < _log.Count && upserts.Count + deletes.Count < limit; at++)
        {
            if (_log[at].Sample is { } sample && sample.Type == type)
            {
                upserts.Add(sample);
            }
            else if (_log[at].Delete is { } delete && delete.Type == type)
            {
                deletes.Add(delete);
            }
        }

        var next = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(next, at);
        return ValueTask.FromResult(new HealthChangePage(upserts, deletes, new HealthAnchor(next), at < _log.Count));
    }

    public ValueTask<HealthWindowPage> ReadWindowAsync(string type, long fromMs, long toMs, string? page, int limit, CancellationToken cancellationToken)
    {
        Trouble();
        var from = page is null ? 0 : int.Parse(page, CultureInfo.InvariantCulture);
        var samples = _living.Values.Where(s => s.Type == type && s.EndMs >= fromMs && s.StartMs < toMs).OrderBy(s => s.StartMs).Skip(from).Take(limit + 1).ToList();
        return ValueTask.FromResult(new HealthWindowPage([.. samples.Take(limit)], samples.Count > limit ? (from + limit).ToString(CultureInfo.InvariantCulture) : null, IsWhole));
    }

    private void Trouble()
    {
        Reads++;
        if (Troubles.TryDequeue(out var trouble) && trouble is not null)
        {
            throw trouble;
        }
    }
}
