#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>
/// Replaces ids of rows that no remote has shown yet, with everything that refers to them: key, references (required, optional,
/// self, as part of a composite key), commands that wait. Runs with the guard held and foreign keys off.
/// </summary>
internal sealed class IdCascade(StoreSession session, SyncEnvironment environment, SyncBatchContext context)
{
    private readonly HashSet<RowId> _left = [];

    /// <summary>Has a row that an app made gone from this id to a fresh one? What stands under it since is the remote's.</summary>
    public bool IsLeft(RowId id) => _left.Contains(id);

    /// <summary>The statements of one step; they read the pairs from temp._tm_map(old, new, held). Pure.</summary>
    public static IReadOnlyList<string> BuildIdCascadeStatements(IReadOnlyList<IdColumn> columns, Func<EntityType, EntityTable> tableOf, bool anyHeld = false)
    {
        return [.. columns.Select((c, i) =>
        {
            // A reference meets its parent as the parent's key compares, whatever the reference's own column says.
            var table = tableOf(c.Type);
            var column = table.ColumnOf(c.Ordinal);
            var compared = column + CollateOf(columns[0]);
            return $"UPDATE {table.Name} SET {column} = (SELECT m.new FROM temp._tm_map m WHERE {compared} = m.old) WHERE {compared} IN (SELECT m.old FROM temp._tm_map m)"
                + (anyHeld && i > 0 ? ExceptShown(table, c.Ordinal, column, compared) : "");
        })];
    }

    // What the remote has shown to refer to an id means its own row of that id, not the one that was made here.
    private static string ExceptShown(EntityTable table, int ordinal, string column, string compared)
    {
        string Same(string meta) => string.Join(" AND ", table.KeyColumns.Select((k, i) => $"{meta}.k{i} IS {table.Name}.{k}"));
        return $" AND NOT EXISTS (SELECT 1 FROM temp._tm_map m, {table.RowTable} r WHERE {compared} = m.old AND m.held = 1 AND {Same("r")}"
            + $" AND NOT EXISTS (SELECT 1 FROM {table.BaseTable} b WHERE {Same("b")} AND b.remote = r.remote AND b.c{ordinal} IS NOT {table.Name}.{column}))";
    }

    private static string CollateOf(IdColumn key) => key.Type.Fields[key.Ordinal].Collation switch
    {
        Collation.NoCase => " COLLATE NOCASE",
        Collation.RTrim => " COLLATE RTRIM",
        _ => "",
    };

    /// <summary>Replaces ids; rows of this file that stand in the way and were never synced are moved aside first.</summary>
    /// <param name="table">Of the rows.</param>
    /// <param name="pairs">Their ids.</param>
    /// <param name="joined">New ids under which the very rows stand here already.</param>
    public void Replace(EntityTable table, IReadOnlyList<(EntityKey Old, EntityKey New)> pairs, IReadOnlySet<EntityKey>? joined = null)
    {
        var map = pairs.Where(p => p.Old != p.New).ToList();
        if (map.Count == 0)
        {
            return;
        }

        var olds = map.Select(p => p.Old).ToHashSet();
        var taken = pairs.Where(p => p.Old == p.New && table.LiveExists(session.Db, p.New)).Select(p => p.New).ToHashSet(); // Where a deletion was answered, the id is free.
        var next = Fresh(table, map.Select(p => p.New));
        foreach (var (old, @new) in map.ToArray())
        {
            if (!taken.Add(@new))
            {
                table.Delete(session.Db, old); // Two rows of this answer are one: the references move over.
                continue;
            }

            if (olds.Contains(@new) || !table.LiveExists(session.Db, @new))
            {
                continue;
            }

            if (table.Type.Identity == IdentityModel.ClientAssigned || joined?.Contains(@new) == true || table.ReadEntry(session.Db, @new, session.Remote) is not null)
            {
                table.Delete(session.Db, old); // The server knows both as one row: the references move over.
                continue;
            }

            var aside = next.Take();
            map.Add((@new, aside));
            olds.Add(@new);
            Leave(table, @new, aside);
        }

        Run(table, map, olds);
    }

    /// <summary>Ids that no row of this file has or had, as far as the file knows.</summary>
    public FreshIds Fresh(EntityTable table, IEnumerable<EntityKey> alsoTaken) => new(session, table, environment, alsoTaken);

    /// <summary>Moves one unsynced row to a fresh id and tells which. Where it was made again, what was frozen before means the row that had the id then.</summary>
    public EntityKey MoveAside(EntityTable table, EntityKey key, bool isMadeAgain = false)
    {
        var aside = Fresh(table, []).Take();
        Run(table, [(key, aside)], [key], c => !isMadeAgain && (c.Type != table.Number || c.Key != key.ToString() || c.Operation != Operation.Delete));
        Leave(table, key, aside);
        return aside;
    }

    private void Leave(EntityTable table, EntityKey key, EntityKey aside)
    {
        session.Outbox.ForgetInserts(table, key);
        session.Outbox.Touch(table, aside, "M", environment.NowMs);
        _left.Add(new RowId(table.Number, key));
    }

    private void Run(EntityTable table, List<(EntityKey Old, EntityKey New)> map, HashSet<EntityKey> olds, Func<StoredCommand, bool>? follows = null)
    {
        var columns = session.Model.Graph.IdColumnsOf(table.Type);
#if TIDEMARK_MUTANTS
        columns = Mutants.Is(Mutant.ChildrenKeepOldId) ? [columns[0]] : columns;
#endif
        var held = map.Where(p => IsAnothers(table, p.Old)).Select(p => p.Old).ToHashSet();
        var statements = BuildIdCascadeStatements(columns, session.Table, held.Count > 0);
        session.Db.Execute("CREATE TABLE IF NOT EXISTS temp._tm_map(old PRIMARY KEY, new, held) WITHOUT ROWID");
        if (map.Exists(p => olds.Contains(p.New)))
        {
            // Chains and swaps go by way of ids that nothing else can have.
            var steps = map.Select((p, i) => (p.Old, Step: Temporary(table, p.Old, i), p.New)).ToList();
            Step(table, statements, steps.Select(s => (s.Old, s.Step)), held);
            Step(table, statements, steps.Select(s => (s.Step, s.New)), held);
        }
        else
        {
            Step(table, statements, map, held);
        }

        session.Db.ChangedTypes.Add(table.Number);
        foreach (var (old, @new) in map)
        {
            context.Replaced(table, old, @new);
        }

        FollowReferences(table, columns, map);
        FollowCommands(columns, map, follows ?? (_ => true));
        if (session.HasMerges)
        {
            session.MergeRecords.Follow(table.Number, map);
        }

        if (session.HasReceipts)
        {
            new Receipts.ReceiptBook(session).Follow(table.Number, map, unsynced: follows is not null);
        }
    }

    // The remote has shown nothing of the row, and no row of this id that is gone: it has one of its own, put aside or still to come.
    private bool IsAnothers(EntityTable table, EntityKey key) =>
        table.ReadEntry(session.Db, key, session.Remote) is null
        && ((session.HasAside && session.Aside.Contains(table.Type.Name, key.ToString())) || !session.HasTombstones || session.Tombstones.Find(table.Number, key) is null);

    private void Step(EntityTable table, IReadOnlyList<string> statements, IEnumerable<(EntityKey Old, EntityKey New)> pairs, HashSet<EntityKey> held)
    {
        session.Db.Execute("DELETE FROM temp._tm_map");
        foreach (var (old, @new) in pairs)
        {
            var ordinal = table.Type.KeyOrdinals[0];
            session.Db.Execute("INSERT INTO temp._tm_map(old, new, held) VALUES(?1, ?2, ?3)", table.Stored(ordinal, old[0]), table.Stored(ordinal, @new[0]), Value.Integer(held.Contains(old) ? 1 : 0));
        }

        foreach (var statement in statements)
        {
            session.Db.Execute(statement);
        }
    }

    // Rows that refer to a new id were written: the gate looks at them, and where their key changed they need a note under it.
    private void FollowReferences(EntityTable table, IReadOnlyList<IdColumn> columns, List<(EntityKey Old, EntityKey New)> map)
    {
        session.Db.Execute("DELETE FROM temp._tm_map");
        foreach (var (old, @new) in map)
        {
            var ordinal = table.Type.KeyOrdinals[0];
            session.Db.Execute("INSERT OR IGNORE INTO temp._tm_map(old, new) VALUES(?1, ?2)", table.Stored(ordinal, @new[0]), table.Stored(ordinal, old[0]));
        }

        foreach (var column in columns.Skip(1))
        {
            var child = session.Table(column.Type);
            var keys = session.Db.Query(
                $"SELECT {string.Join(", ", child.KeyColumns)} FROM {child.Name} WHERE {child.ColumnOf(column.Ordinal)} IN (SELECT m.old FROM temp._tm_map m)",
                s => child.KeyAt(s, 0));
            foreach (var key in keys)
            {
                context.TouchSource(child, key);
                session.Db.ChangedTypes.Add(child.Number);
                if (child.Type.IsKey(column.Ordinal) && child.ReadEntry(session.Db, key, session.Remote) is null)
                {
                    session.Outbox.Touch(child, key, "M", environment.NowMs);
                }
            }
        }
    }

    // A deletion under the id of an unsynced row is that of the row that had the id before.
    private void FollowCommands(IReadOnlyList<IdColumn> columns, List<(EntityKey Old, EntityKey New)> map, Func<StoredCommand, bool> follows)
    {
        var ids = map.ToDictionary(p => p.Old[0], p => p.New[0]);
        foreach (var group in columns.GroupBy(c => session.Table(c.Type)))
        {
            var ordinals = group.Select(c => c.Ordinal).ToHashSet();
            foreach (var command in session.Outbox.ReadAll().Where(c => c.Type == group.Key.Number && follows(c)))
            {
                var sent = RowBytes.Read(group.Key.Type, command.Sent);
                foreach (var ordinal in ordinals)
                {
                    sent = sent is not null && ids.TryGetValue(sent[ordinal], out var id) ? sent.With(ordinal, id) : sent;
                }

                var key = StoreSession.KeyFrom(group.Key.Type, command.Key);
                var parts = key.Parts.ToArray();
                for (var i = 0; i < parts.Length; i++)
                {
                    parts[i] = ordinals.Contains(group.Key.Type.KeyOrdinals[i]) && ids.TryGetValue(parts[i], out var id) ? id : parts[i];
                }

                session.Outbox.Relocate(command.Id, new EntityKey(parts).ToString(), sent is null ? null : RowBytes.Of(sent));
            }
        }
    }

    private EntityKey Temporary(EntityTable table, EntityKey old, int index) => old[0].Kind == ValueKind.Integer
        ? EntityKey.Of(long.MinValue / 2 + index)
        : table.Type.Fields[table.Type.KeyOrdinals[0]].Type == FieldType.Uuid ? EntityKey.Of(environment.NewId().ToString("D"))
        : EntityKey.Of("~tidemark~" + environment.NewId().ToString("N") + index.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
