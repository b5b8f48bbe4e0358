#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Security.Cryptography;
using System.Text;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Entities;

/// <summary>
/// Makes rows of samples exactly once. A page's rows, the book of what was made and the anchor are one commit; the book is looked at in it, so that reconciliations at once, in one process or
/// several, make nothing twice; and the key is the sample's, so that two devices make the same row and the server takes it for one.
/// </summary>
/// <param name="store">The file, which holds the app's tables too.</param>
/// <param name="source">Where the samples come from; its anchors for this are kept apart from those of sending.</param>
/// <param name="mapping">What becomes what.</param>
/// <param name="mayBegin">May it compare with synced rows yet? Give <c>DataSyncService.IsFullyFetchedAsync</c>.</param>
public sealed class HealthEntities(HealthStore store, IHealthChangeSource source, HealthEntityMapping mapping, Func<CancellationToken, Task<bool>> mayBegin)
{
    private const int PageSamples = 500;
    private readonly string _book = source.Name + "\u2192" + mapping.Name;
    private readonly string _table = Quoted(mapping.Table);
    private readonly string _key = Quoted(mapping.Key);

    /// <summary>Everything that is new. May be called at any time, by any number of callers.</summary>
    public async Task<EntityReport> ReconcileAsync(CancellationToken cancellationToken)
    {
        var report = new EntityReport(0, 0, 0, 0, 0, IsDone: true);
        if (!await mayBegin(cancellationToken).ConfigureAwait(false))
        {
            return report with { IsDone = false };
        }

        foreach (var type in mapping.Types)
        {
            for (var more = true; more;)
            {
                var from = await store.ReadAsync(() => store.Queue.Captured(_book, type), cancellationToken).ConfigureAwait(false);
                HealthChangePage page;
                try
                {
                    page = await source.ReadAsync(type, from, PageSamples, cancellationToken).ConfigureAwait(false);
                }
                catch (HealthSourceException e) when (e.Trouble == HealthSourceTrouble.AnchorExpired && from is not null)
                {
                    // The book knows what was made.
                    await store.WriteAsync(() => { store.Queue.ForgetAnchor(_book, type); return true; }, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                catch (HealthSourceException)
                {
                    report = report with { IsDone = false };
                    break;
                }

                var before = report;
#if TIDEMARK_MUTANTS
                if (Mutants.Is(Mutant.HealthRowsBehindAnchor))
                {
                    await store.WriteAsync(() => store.Queue.Advance(_book, type, from, page.Next), cancellationToken).ConfigureAwait(false);
                    from = page.Next;
                }
#endif
                report = await store.WriteAsync(() => Take(type, from, page, before), cancellationToken).ConfigureAwait(false);
                more = page.HasMore || report.Seen == before.Seen && page.Count > 0; // Another one was faster: look again.
            }
        }

        return report;
    }

    private EntityReport Take(string type, HealthAnchor? from, HealthChangePage page, EntityReport report)
    {
        if (!store.Queue.Advance(_book, type, from, page.Next))
        {
            return report;
        }

        foreach (var sample in page.Upserts)
        {
            report = Take(sample, report);
        }

        foreach (var delete in page.Deletes)
        {
            report = Take(delete, report);
        }

        return report with { Seen = report.Seen + page.Count };
    }

    private EntityReport Take(HealthSample sample, EntityReport report)
    {
        if (Find(sample.Id) is var (version, row))
        {
            return sample.Version > version ? Change(sample, row, report) : report;
        }

        if (mapping.Map(sample) is not { } values)
        {
            return report;
        }

        var key = mapping.KeyOf(sample.Id);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.HealthEntityMadeTwice))
        {
            var own = new byte[16];
            store.Environment.Random(own);
            key = mapping.KeyOf(new Guid(own));
        }
#endif
        var (isThere, wasMade) = (Exists(_table, key), mapping.Marks is { } marks && Exists(Quoted(marks), key));
        if (!isThere && !wasMade)
        {
            Insert(_table, [(mapping.Key, key), .. values.Select(v => (v.Key, v.Value))]);
        }

        if (mapping.Marks is { } marked && !wasMade)
        {
            Insert(Quoted(marked), [(mapping.Key, key)]);
        }

        // A row that another device made of it is this sample's as long as it says the same.
        Keep(sample.Id, sample.Version, isThere || !wasMade ? DigestOf(key, values.Keys) : null);
        return !isThere && !wasMade ? report with { Made = report.Made + 1 } : report;
    }

    private EntityReport Change(HealthSample sample, byte[]? row, EntityReport report)
    {
        var key = mapping.KeyOf(sample.Id);
        if (mapping.Map(sample) is not { Count: > 0 } values || row is null || DigestOf(key, values.Keys) is not { } now || !now.AsSpan().SequenceEqual(row))
        {
            Keep(sample.Id, sample.Version, null);
            return report with { Left = report.Left + 1 };
        }

        var set = string.Join(", ", values.Keys.Select((c, i) => $"{Quoted(c)} = ?{i + 2}"));
        store.Run($"UPDATE {_table} SET {set} WHERE {_key} = ?1", [key, .. values.Values]);
        Keep(sample.Id, sample.Version, DigestOf(key, values.Keys));
        return report with { Changed = report.Changed + 1 };
    }

    private EntityReport Take(HealthDelete delete, EntityReport report)
    {
        var known = Find(delete.Id);
        if (known is null || delete.Version < known.Value.Version)
        {
            return report; // Of a sample that was never a row here; one that comes later after all was deleted elsewhere, and its own page says so.
        }

        var key = mapping.KeyOf(delete.Id);
        Keep(delete.Id, delete.Version, null);
        if (known.Value.Row is not { } row || Columns(delete.Id) is not { } columns || DigestOf(key, columns) is not { } now || !now.AsSpan().SequenceEqual(row))
        {
            return report with { Left = report.Left + 1 };
        }

        store.Run($"DELETE FROM {_table} WHERE {_key} = ?1", key);
        return report with { Deleted = report.Deleted + 1 };
    }

    private (long Version, byte[]? Row)? Find(Guid id) => store.Query("SELECT version, row FROM _tm_health_entity WHERE mapping = ?1 AND id = ?2", Value.Text(mapping.Name), Id(id)) is [[var version, var row]]
        ? (version.AsInteger, row.Kind == ValueKind.Blob ? row.AsBlob : null)
        : null;

    private IEnumerable<string>? Columns(Guid id) => store.Query("SELECT columns FROM _tm_health_entity WHERE mapping = ?1 AND id = ?2", Value.Text(mapping.Name), Id(id)) is [[{ Kind: ValueKind.Text } columns]]
        ? columns.AsText.Split('\n')
        : null;

    private string? _columns;

    private void Keep(Guid id, long version, byte[]? row) =>
        store.Run(
            "INSERT INTO _tm_health_entity(mapping, id, version, row, columns) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(mapping, id) DO UPDATE SET version = excluded.version, row = excluded.row, columns = coalesce(excluded.columns, columns)",
            Value.Text(mapping.Name), Id(id), Value.Integer(version), row is null ? Value.Null : Value.Blob(row), row is null || _columns is null ? Value.Null : Value.Text(_columns));

    private bool Exists(string table, Value key) => store.Query($"SELECT 1 FROM {table} WHERE {_key} = ?1", key).Count > 0;

    private void Insert(string table, List<(string Column, Value Value)> values) =>
        store.Run($"INSERT INTO {table}({string.Join(", ", values.Select(v => Quoted(v.Column)))}) VALUES({string.Join(", ", values.Select((_, i) => $"?{i + 1}"))})", [.. values.Select(v => v.Value)]);

    // As the file holds them: a column may give a value another form.
    private byte[]? DigestOf(Value key, IEnumerable<string> columns)
    {
        string[] names = [.. columns.Order(StringComparer.Ordinal)];
        _columns = string.Join('\n', names);
        return store.Query($"SELECT {string.Join(", ", names.Select(n => $"quote({Quoted(n)})"))} FROM {_table} WHERE {_key} = ?1", key) is [var row]
            ? SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', row.Select(v => v.AsText))))
            : null;
    }

    private static Value Id(Guid id) => Value.Blob(id.ToByteArray(bigEndian: true));

    private static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
