using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Duplicates;

/// <summary>
/// Rows that describe the same thing, by the natural keys of the model: finds them, and merges them on request. A merge is one transaction of ordinary edits: the row
/// that stays takes over what only the other one knew, everything that referred to that one refers to it from then on, and a record keeps both rows as they were.
/// </summary>
public sealed class StoreDuplicates(LocalStore store)
{
    private const int PassesMax = 20;

    /// <summary>Rows that share the values of a natural key.</summary>
    /// <param name="rules">Natural keys besides those of the model.</param>
    /// <param name="limit">Groups listed at most.</param>
    /// <param name="cancellationToken">Ends the search before it begins.</param>
    /// <exception cref="ArgumentException">A rule names a type or field that the model has not.</exception>
    public Task<DuplicateReport> FindAsync(IReadOnlyList<DuplicateRule>? rules = null, int limit = 1000, CancellationToken cancellationToken = default)
    {
        Check(rules);
        return store.ReadAsync(c => store.OnSession(c, s => new DuplicateFinder(s).Find(rules ?? [], limit)), cancellationToken);
    }

    /// <summary>Merges rows into one of them.</summary>
    /// <param name="type">The entity type's name.</param>
    /// <param name="keep">The row that stays.</param>
    /// <param name="others">The rows that go, in this order.</param>
    /// <param name="cancellationToken">Ends the wait for a run under way.</param>
    /// <exception cref="ArgumentException">A row is not there; or the one to stay was not sent yet and another one was.</exception>
    /// <exception cref="SyncException">Not everything was fetched once, or another process syncs the file. Nothing was changed.</exception>
    /// <exception cref="StoreException">A constraint or trigger of the app does not allow it. Nothing was changed.</exception>
    public Task<DuplicateMergeReport> MergeAsync(string type, EntityKey keep, IReadOnlyList<EntityKey> others, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(others);
        return ChangeAsync(
            (s, rows) =>
            {
                var table = s.FindTable(type) ?? throw new ArgumentException($"The model has no entity type {type}.", nameof(type));
                var finder = new DuplicateFinder(s);
                if (!finder.IsSynced(table, keep) && others.Any(o => finder.IsSynced(table, o)))
                {
                    throw new ArgumentException($"{type} {keep} was not sent yet, and other devices have one of the others: sync first, or keep that one.", nameof(keep));
                }

                foreach (var other in others.Where(o => o != keep))
                {
                    rows.Merge(table, keep, other);
                }

                return 0;
            },
            cancellationToken);
    }

    /// <summary>Merges a group as it was found: into its first row. Rows that were edited since and are no duplicates any more stay.</summary>
    public Task<DuplicateMergeReport> MergeAsync(DuplicateGroup group, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return ChangeAsync((s, rows) => Merge(s, rows, group) ? 0 : 1, cancellationToken);
    }

    /// <summary>Merges everything that is found, until nothing is: rows that become equal by a merge are merged too.</summary>
    public Task<DuplicateMergeReport> MergeAllAsync(IReadOnlyList<DuplicateRule>? rules = null, CancellationToken cancellationToken = default)
    {
        Check(rules);
        return ChangeAsync(
            (s, rows) =>
            {
                for (var pass = 0; pass < PassesMax; pass++)
                {
                    var found = new DuplicateFinder(s).Find(rules ?? [], int.MaxValue).Groups;
                    if (found.Count == 0)
                    {
                        break;
                    }

                    foreach (var group in found)
                    {
                        _ = Merge(s, rows, group);
                    }
                }

                return 0;
            },
            cancellationToken);
    }

    /// <summary>Records of what was merged here, the newest first.</summary>
    public Task<IReadOnlyList<MergeRecord>> MergesAsync(int limit, CancellationToken cancellationToken = default) =>
        store.ReadAsync<IReadOnlyList<MergeRecord>>(c => store.OnSession(c, s => s.MergeRecords.Read(limit)), cancellationToken);

    private static bool Merge(StoreSession session, MergedRows rows, DuplicateGroup group)
    {
        var table = session.FindTable(group.Type)!;
        var values = new NaturalValues(table.Type, group.Fields);
        EntityKey? keep = null;
        UInt128? digest = null;
        var merged = false;
        foreach (var key in group.Rows.Select(r => r.Key))
        {
            if (Engines.LiveRows.Read(session, table, key).Visible is not { } row || values.DigestOf(row) is not { } own)
            {
                continue;
            }

            if (keep is not { } stays)
            {
                (keep, digest) = (key, own);
            }
            else if (own == digest)
            {
                rows.Merge(table, stays, key);
                merged = true;
            }
        }

        return merged;
    }

    private Task<DuplicateMergeReport> ChangeAsync(Func<StoreSession, MergedRows, int> change, CancellationToken cancellationToken) =>
        store.LockedAsync(
            (s, environment) =>
            {
                if (!DuplicateFinder.IsFullyFetched(s))
                {
                    throw new SyncException(SyncErrorCode.NotFetched, "Not everything was fetched once: what looks like a duplicate here may have its like on the server. Sync first.");
                }

                var rows = new MergedRows(s, environment);
                var skipped = change(s, rows);
                return new DuplicateMergeReport([.. rows.Records], skipped);
            },
            cancellationToken);

    private void Check(IReadOnlyList<DuplicateRule>? rules)
    {
        foreach (var rule in rules ?? [])
        {
            var type = store.Model.Find(rule.Type) ?? throw new ArgumentException($"The model has no entity type {rule.Type}.", nameof(rules));
            if (rule.Fields.Count == 0 || rule.Fields.Any(f => type.FindOrdinal(f) < 0))
            {
                throw new ArgumentException($"{rule.Type} has no such fields: {string.Join(", ", rule.Fields)}.", nameof(rules));
            }
        }
    }
}
