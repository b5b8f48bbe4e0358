using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Apple;

/// <summary>How far an import is.</summary>
public readonly record struct ImportProgress(long Samples, long Bytes, long BytesTotal);

/// <summary>What an import found and what became of it.</summary>
public sealed record ImportReport
{
    /// <summary>Samples that the export holds.</summary>
    public long Found { get; set; }

    /// <summary>Samples that the file did not have.</summary>
    public long Added { get; set; }

    /// <summary>Samples with another value or version than before.</summary>
    public long Changed { get; set; }

    /// <summary>Samples that the export holds no more.</summary>
    public long Deleted { get; set; }

    /// <summary>Samples that are there already.</summary>
    public long Same { get; set; }

    /// <summary>Repetitions inside the export: children at the top level, a day's rings, a name again.</summary>
    public long Repeated { get; set; }

    /// <summary>Types that the export has no sample of at all, though the file has: nothing of them was deleted.</summary>
    public List<string> Withheld { get; init; } = [];

    /// <summary>The export ended as it should. Otherwise nothing was deleted.</summary>
    public bool Complete { get; set; }

    /// <summary>It went on where another import of the same export stopped.</summary>
    public bool Resumed { get; set; }

    public SortedDictionary<string, long> Repairs { get; init; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, long> UnknownElements { get; init; } = new(StringComparer.Ordinal);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImportReport))]
internal sealed partial class ImportJson : JsonSerializerContext;

/// <summary>How an export is brought into a file.</summary>
public sealed record ImportOptions
{
    /// <summary>Delete samples also of types that the export has none of any more. Default false: a type that nobody may read looks the same.</summary>
    public bool DeleteWholeTypes { get; init; }

    /// <summary>Samples of one commit. Default 8192.</summary>
    public int BatchSamples { get; init; } = 8192;

    /// <summary>Batches between two places to go on from. Default 32.</summary>
    public int CheckpointBatches { get; init; } = 32;
}

/// <summary>Brings an export into a file: what is new is added, what has another version replaced, what is gone deleted. A second time changes nothing.</summary>
public sealed class AppleImport
{
    /// <summary>Two prints of one value in two units differ by less.</summary>
    private const double SameValue = 2e-5;
    private readonly HealthStore _store;
    private readonly ImportOptions _options;
    private readonly AppleHealthExport _export;
    private readonly List<AppleSample> _batch = [];
    private readonly Dictionary<Guid, AppleSample> _rings = [];
    private readonly HashSet<Guid> _equals = [];
    private SeenBits _seen = new();
    private ImportReport _report = new();
    private bool _knewSamples;

    private AppleImport(AppleHealthExport export, HealthStore store, ImportOptions options)
    {
        _export = export;
        _store = store;
        _options = options;
    }

    /// <summary>Runs on the caller's thread between its waits for the file. Cancelled, it goes on where it was when the same export is imported again.</summary>
    /// <exception cref="HealthExportException">It is no export, or breaks a limit.</exception>
    public static Task<ImportReport> RunAsync(AppleHealthExport export, HealthStore store, ImportOptions options, IProgress<ImportProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(export);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        return new AppleImport(export, store, options).RunAsync(progress, cancellationToken);
    }

    private async Task<ImportReport> RunAsync(IProgress<ImportProgress>? progress, CancellationToken cancellationToken)
    {
        _knewSamples = await _store.ReadAsync(() => _store.Samples.Last > 0, cancellationToken).ConfigureAwait(false);
        var from = await ResumeAsync(cancellationToken).ConfigureAwait(false);
        using var reader = new AppleExportReader(_export.OpenXml(), from);
        if (!reader.IsExport)
        {
            throw new HealthExportException("There is no HealthData in the export.");
        }

        var earlier = _report.Repairs.ToDictionary(r => r.Key, r => r.Value, StringComparer.Ordinal);
        var batches = 0;
        while (reader.Read())
        {
            Collect(reader.Current);
            if (_batch.Count < _options.BatchSamples || !reader.IsAtBoundary)
            {
                continue;
            }

            // Rings are put aside until the end, so there is no going on behind the first of them.
            var stopping = cancellationToken.IsCancellationRequested;
            var isCheckpoint = _rings.Count == 0 && (stopping || ++batches % _options.CheckpointBatches == 0);
            await CommitAsync(isCheckpoint ? () => Checkpoint(reader, earlier) : null).ConfigureAwait(false);
            progress?.Report(new ImportProgress(_report.Found, reader.Position, _export.XmlBytes));
            if (stopping)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        ReadEcgs(reader.Repairs);
        _batch.AddRange(_rings.Values);
        _report.Complete = reader.IsComplete;
        Count(reader.Repairs, earlier);
        await CommitAsync(Finish).ConfigureAwait(false);
        return _report;
    }

    private void Collect(in AppleSample sample)
    {
        if (sample.Sample.Kind != HealthKind.ActivitySummary)
        {
            _batch.Add(sample);
            return;
        }

        if (!_rings.TryAdd(sample.Sample.Id, sample))
        {
            _rings[sample.Sample.Id] = sample;
            _report.Repeated++;
            Repaired(Repair.RepeatedSummary);
        }
    }

    // The waits do not end half-way: what was collected is small, and goes into the file whole.
    private Task<bool> CommitAsync(Action? last) => _store.WriteAsync(
        () =>
        {
            RankEquals();
            foreach (var sample in _batch)
            {
                Take(sample);
            }

            _batch.Clear();
            last?.Invoke();
            return true;
        },
        CancellationToken.None);

    /// <summary>Equal samples are ranked by when they were written, so that each gets the same ordinal in an export of another order.</summary>
    private void RankEquals()
    {
        _equals.Clear();
        var hasEquals = false;
        foreach (var sample in _batch)
        {
            hasEquals |= !_equals.Add(sample.Sample.Id);
        }

        if (!hasEquals)
        {
            return;
        }

        var places = new Dictionary<Guid, List<int>>();
        for (var i = 0; i < _batch.Count; i++)
        {
            (System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(places, _batch[i].Sample.Id, out _) ??= []).Add(i);
        }

        foreach (var equal in places.Values.Where(p => p.Count > 1))
        {
            var ranked = equal.ConvertAll(i => _batch[i]);
            ranked.Sort(static (a, b) =>
            {
                var created = Nullable.Compare(a.Sample.CreatedMs, b.Sample.CreatedMs);
                var version = created != 0 ? created : string.CompareOrdinal(a.Sample.Origin.Version, b.Sample.Origin.Version);
                return version != 0 ? version : Nullable.Compare(a.Sample.Value, b.Sample.Value);
            });
            for (var i = 0; i < equal.Count; i++)
            {
                _batch[equal[i]] = ranked[i];
            }
        }
    }

    private void Take(in AppleSample sample)
    {
        var role = sample.IsNested ? SeenBits.Nested : SeenBits.Top;
        for (var ordinal = 0; ; ordinal++)
        {
            var id = sample.IdOf(ordinal);
            if (!_knewSamples && _store.Samples.Insert(id, sample.Sample, sample.Sample.Version) is { } inserted)
            {
                Added(inserted, role);
                return;
            }

            if (_store.Samples.Find(id) is not { } known)
            {
                Added(_store.Samples.Insert(id, sample.Sample, sample.Sample.Version)!.Value, role);
                return;
            }

            var seen = _seen[known.Seq];
            if ((seen & role) == 0)
            {
                Meet(sample, id, known, seen, role);
                return;
            }

            if (sample.Series is null)
            {
                MeetAgain(sample, id, known, role);
                return;
            }
        }
    }

    private void Added(long seq, int role)
    {
        _seen[seq] = role;
        _report.Found++;
        _report.Added++;
    }

    private void Meet(in AppleSample sample, Guid id, in KnownSample known, int seen, int role)
    {
        if (seen != 0)
        {
            _seen[known.Seq] = seen | role;
            _report.Repeated++;
            Repaired(Repair.RepeatedChild);
            return;
        }

        _report.Found++;
        var version = NextVersion(sample, known);
        if (version is null)
        {
            _seen[known.Seq] = role;
            _report.Same++;
            return;
        }

        _seen[_store.Samples.Replace(known, id, sample.Sample, version.Value)] = role;
        _report.Changed += known.IsDeleted ? 0 : 1;
        _report.Added += known.IsDeleted ? 1 : 0;
    }

    // One name twice in one export: the higher version is it.
    private void MeetAgain(in AppleSample sample, Guid id, in KnownSample known, int role)
    {
        _report.Repeated++;
        if (sample.Sample.Version > known.Version)
        {
            _seen[_store.Samples.Replace(known, id, sample.Sample, sample.Sample.Version)] = role;
        }
    }

    /// <returns>Null: it is the sample that is known.</returns>
    private static long? NextVersion(in AppleSample sample, in KnownSample known)
    {
        if (known.IsDeleted)
        {
            return Math.Max(known.Version + 1, sample.Sample.Version);
        }

        if (sample.Sample.Version > known.Version)
        {
            return sample.Sample.Version;
        }

        return sample.IsSwitchable && sample.Sample.Version == 0 && sample.Sample.Value is { } now && known.Value is { } before && Math.Abs(now - before) > SameValue * Math.Max(Math.Abs(now), Math.Abs(before))
            ? known.Version + 1
            : null;
    }

    private void ReadEcgs(Repairs repairs)
    {
        foreach (var name in _export.EcgNames)
        {
            if (_export.ReadEcg(name) is { } text && EcgFile.Read(text, repairs) is { } sample)
            {
                _batch.Add(sample);
            }
        }
    }

    private void Finish()
    {
        if (_report.Complete)
        {
            DeleteUnseen();
        }

        _store.Run("DELETE FROM _tm_health_import WHERE fingerprint = ?1", Value.Text(_export.Fingerprint));
    }

    private void DeleteUnseen()
    {
        var gone = new List<(long Seq, long Type)>();
        var met = new HashSet<long>();
        foreach (var (seq, type) in _store.Samples.Living())
        {
            if (_seen[seq] == 0)
            {
                gone.Add((seq, type));
            }
            else
            {
                met.Add(type);
            }
        }

        foreach (var (seq, type) in gone)
        {
            if (_options.DeleteWholeTypes || met.Contains(type))
            {
                _store.Samples.Delete(seq);
                _report.Deleted++;
            }
        }

        _report.Withheld.AddRange(_options.DeleteWholeTypes ? [] : gone.Select(g => g.Type).Distinct().Where(t => !met.Contains(t)).Select(_store.Samples.NameOf).Order(StringComparer.Ordinal));
    }

    private async Task<long> ResumeAsync(CancellationToken cancellationToken)
    {
        var rows = await _store.ReadAsync(() => _store.Query("SELECT position, seen, report FROM _tm_health_import WHERE fingerprint = ?1", Value.Text(_export.Fingerprint)), cancellationToken).ConfigureAwait(false);
        if (rows.Count == 0)
        {
            return 0;
        }

        _seen = SeenBits.Parse(rows[0][1].AsBlob);
        _report = JsonSerializer.Deserialize(rows[0][2].AsText, ImportJson.Default.ImportReport)!;
        _report.Resumed = true;
        return rows[0][0].AsInteger;
    }

    private void Checkpoint(AppleExportReader reader, Dictionary<string, long> earlier)
    {
        Count(reader.Repairs, earlier);
        _store.Run(
            "INSERT INTO _tm_health_import(fingerprint, position, elements, seen, report) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(fingerprint) DO UPDATE SET position = excluded.position, elements = excluded.elements, seen = excluded.seen, report = excluded.report",
            Value.Text(_export.Fingerprint), Value.Integer(reader.Position), Value.Integer(reader.Elements), Value.Blob(_seen.ToBytes()), Value.Text(JsonSerializer.Serialize(_report, ImportJson.Default.ImportReport)));
    }

    // The reader counts from where it began; what was counted before that is added.
    private void Count(Repairs repairs, Dictionary<string, long> earlier)
    {
        foreach (var (repair, count) in repairs.Needed)
        {
            _report.Repairs[repair.ToString()] = count + earlier.GetValueOrDefault(repair.ToString());
        }

        foreach (var (name, count) in repairs.UnknownElements)
        {
            _report.UnknownElements[name] = count;
        }
    }

    private void Repaired(Repair repair) => _report.Repairs[repair.ToString()] = _report.Repairs.GetValueOrDefault(repair.ToString()) + 1;
}
