using System.Text.Json;
using Tidemark.Health.Importing;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Apple;

/// <summary>Brings an export into a file: what is new is added, what has another version replaced, what is gone deleted. A second time changes nothing.</summary>
public sealed class AppleImport
{
    private readonly HealthStore _store;
    private readonly ImportOptions _options;
    private readonly AppleHealthExport _export;
    private readonly Dictionary<Guid, FoundSample> _rings = [];
    private readonly ImportMerge _merge;

    private AppleImport(AppleHealthExport export, HealthStore store, ImportOptions options)
    {
        _export = export;
        _store = store;
        _options = options;
        _merge = new ImportMerge(store, options, ExportKind.AppleHealth);
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
        await _merge.BeginAsync(cancellationToken).ConfigureAwait(false);
        var from = await ResumeAsync(cancellationToken).ConfigureAwait(false);
        using var reader = new AppleExportReader(_export.OpenXml(), from);
        if (!reader.IsExport)
        {
            throw new HealthExportException("There is no HealthData in the export.");
        }

        var earlier = _merge.Report.Repairs.ToDictionary(r => r.Key, r => r.Value, StringComparer.Ordinal);
        var batches = 0;
        while (reader.Read())
        {
            Collect(reader.Current);
            if (!_merge.IsFull || !reader.IsAtBoundary)
            {
                await CommitHeavyAsync(reader, progress).ConfigureAwait(false);
                continue;
            }

            // Rings are put aside until the end, so there is no going on behind the first of them.
            var stopping = cancellationToken.IsCancellationRequested;
            var isCheckpoint = _rings.Count == 0 && (stopping || ++batches % _options.CheckpointBatches == 0);
            await _merge.CommitAsync(isCheckpoint ? () => Checkpoint(reader, earlier) : null).ConfigureAwait(false);
            progress?.Report(new ImportProgress(_merge.Report.Found, reader.Position, _export.XmlBytes));
            if (stopping)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        ReadEcgs(reader.Repairs);
        _merge.Batch.AddRange(_rings.Values);
        _merge.Report.Complete = reader.IsComplete;
        Count(reader.Repairs, earlier);
        await _merge.CommitAsync(Finish).ConfigureAwait(false);
        return _merge.Report;
    }

    // A boundary is where a place to go on from may be, not where a commit must be.
    private async Task CommitHeavyAsync(AppleExportReader reader, IProgress<ImportProgress>? progress)
    {
        if (_merge.IsHeavy)
        {
            await _merge.CommitAsync(null).ConfigureAwait(false);
            progress?.Report(new ImportProgress(_merge.Report.Found, reader.Position, _export.XmlBytes));
        }
    }

    private void Collect(in FoundSample sample)
    {
        if (sample.File is { } file)
        {
            _merge.Add(WithRoute(sample, file));
            return;
        }

        if (sample.Sample.Kind != HealthKind.ActivitySummary)
        {
            _merge.Add(sample);
            return;
        }

        if (!_rings.TryAdd(sample.Sample.Id, sample))
        {
            _rings[sample.Sample.Id] = sample;
            _merge.Report.Repeated++;
            _merge.Repaired(Repair.RepeatedSummary);
        }
    }

    private void ReadEcgs(Repairs repairs)
    {
        foreach (var name in _export.EcgNames)
        {
            if (_export.ReadEcg(name) is { } text && EcgFile.Read(text, repairs) is { } sample)
            {
                _merge.Add(sample);
            }
        }
    }

    private FoundSample WithRoute(in FoundSample sample, string file)
    {
        if (!_export.HasRoute(file))
        {
            _merge.Repaired(Repair.MissingRoute);
            return sample with { IsUnread = true };
        }

        if (_export.ReadRoute(file) is not { } gpx || RouteFile.Read(gpx, out var unreadable) is not { } points)
        {
            _merge.Repaired(Repair.UnreadableRoute);
            return sample with { IsUnread = true };
        }

        _merge.Repaired(Repair.UnreadablePoint, unreadable);
        return sample with { Sample = sample.Sample.With(RoutePoints.Extra(sample.Sample.Extra, points)) };
    }

    private void Finish()
    {
        if (_merge.Report.Complete)
        {
            _merge.DeleteUnseen();
        }

        _store.Run("DELETE FROM _tm_health_import WHERE fingerprint = ?1", Value.Text(_export.Fingerprint));
    }

    private async Task<long> ResumeAsync(CancellationToken cancellationToken)
    {
        var rows = await _store.ReadAsync(() => _store.Query("SELECT position, seen, report FROM _tm_health_import WHERE fingerprint = ?1", Value.Text(_export.Fingerprint)), cancellationToken).ConfigureAwait(false);
        if (rows.Count == 0)
        {
            return 0;
        }

        _merge.Seen = SeenBits.Parse(rows[0][1].AsBlob);
        _merge.Report = JsonSerializer.Deserialize(rows[0][2].AsText, ImportJson.Default.ImportReport)!;
        _merge.Report.Resumed = true;
        return rows[0][0].AsInteger;
    }

    private void Checkpoint(AppleExportReader reader, Dictionary<string, long> earlier)
    {
        Count(reader.Repairs, earlier);
        _store.Run(
            "INSERT INTO _tm_health_import(fingerprint, position, elements, seen, report) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(fingerprint) DO UPDATE SET position = excluded.position, elements = excluded.elements, seen = excluded.seen, report = excluded.report",
            Value.Text(_export.Fingerprint), Value.Integer(reader.Position), Value.Integer(reader.Elements), Value.Blob(_merge.Seen.ToBytes()), Value.Text(JsonSerializer.Serialize(_merge.Report, ImportJson.Default.ImportReport)));
    }

    // The reader counts from where it began; what was counted before that is added.
    private void Count(Repairs repairs, Dictionary<string, long> earlier)
    {
        foreach (var (repair, count) in repairs.Needed)
        {
            _merge.Report.Repairs[repair.ToString()] = count + earlier.GetValueOrDefault(repair.ToString());
        }

        foreach (var (name, count) in repairs.UnknownElements)
        {
            _merge.Report.UnknownElements[name] = count;
        }
    }
}
