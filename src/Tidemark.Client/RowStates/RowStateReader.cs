using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.RowStates;

/// <summary>The states of all rows of a type that are not simply synced: one statement, however many rows there are; where something is refused, one more for each type above.</summary>
internal sealed class RowStateReader(StoreSession session)
{
    private readonly Dictionary<EntityTable, Dictionary<EntityKey, State>> _types = [];

    public IReadOnlyDictionary<EntityKey, RowSyncState> Read(EntityType type)
    {
        var table = session.Table(type);
        Load(table);
        if (session.Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_command WHERE status = 'DEAD_LETTER' AND operation = 'CREATE')") != 0)
        {
            WaitForParents(table);
        }

        return _types[table].ToDictionary(r => r.Key, r => r.Value.Is);
    }

    private void Load(EntityTable table)
    {
        var rows = _types[table] = [];
        var keys = table.KeyColumns.Count;
        var links = LinksOf(table);
        var statement = session.Db.Prepare(Sql(table, links) + (SeveralSchema.Exists(session.Db) ? SeveralSql(table, links) : ""));
        statement.Bind(1, table.Number);
        statement.Bind(2, table.Type.Name);
        statement.Bind(3, session.Remote);
        try
        {
            while (statement.Step())
            {
                Add(rows, StateAt(statement, table, keys, links));
            }
        }
        finally
        {
            statement.Reset();
        }
    }

    // What is noted, with the columns that refer to other rows; what is frozen or refused; what waits for a person; what came and waits for its parent.
    private static string Sql(EntityTable table, int[] links)
    {
        var keys = Enumerable.Range(0, table.KeyColumns.Count).ToArray();
        var none = string.Concat(Enumerable.Repeat(", NULL", keys.Length + links.Length));
        var match = string.Join(" AND ", keys.Select(i => $"t.{table.KeyColumns[i]} = n.k{i}"));
        var known = string.Join(" AND ", keys.Select(i => $"e.k{i} = n.k{i}"));
        return $"""
            SELECT 'T', NULL, NOT EXISTS(SELECT 1 FROM {table.RowTable} AS e WHERE {known} AND e.remote = ?3){string.Concat(keys.Select(i => $", n.k{i}"))}{string.Concat(links.Select(o => $", t.{table.ColumnOf(o)}"))}
              FROM (SELECT DISTINCT {table.MetaKeys} FROM _tm_touch WHERE type = ?1) AS n LEFT JOIN {table.Name} AS t ON {match}
            UNION ALL SELECT CASE WHEN status <> 'DEAD_LETTER' THEN 'P' WHEN last_code = '{DeadLetterCodes.Conflict}' THEN 'C' ELSE 'D' END, key, operation = 'CREATE'{none} FROM _tm_command WHERE type = ?1 AND remote = ?3
            UNION ALL SELECT 'C', key, 0{none} FROM _tm_conflict WHERE type = ?2 AND remote = ?3 AND outcome = 'MANUAL_REQUIRED' AND settlement IS NULL
            UNION ALL SELECT 'W', key, 0{none} FROM _tm_aside WHERE type = ?2 AND remote = ?3 AND cause = '{AsideCause.ParentMissing}'
            """;
    }

    // What some remote lacks, or has refused; what cannot be shown before its parent.
    private static string SeveralSql(EntityTable table, int[] links)
    {
        var none = string.Concat(Enumerable.Repeat(", NULL", table.KeyColumns.Count + links.Length));
        return $"""

            UNION ALL SELECT CASE WHEN code IS NULL THEN 'P' ELSE 'D' END, key, 0{none} FROM _tm_owed WHERE type = ?2
            UNION ALL SELECT 'W', key, 0{none} FROM _tm_joined WHERE type = ?2 AND shown IS NOT NULL
            """;
    }

    private static (EntityKey Key, State State) StateAt(RawStatement statement, EntityTable table, int keys, int[] links)
    {
        var kind = statement.Text(0);
        var isNew = statement.ColumnInt64(2) != 0;
        if (kind != "T")
        {
            return (StoreSession.KeyFrom(table.Type, statement.Text(1)), new State(Of(kind), isNew, null));
        }

        var references = new Value[table.Type.Fields.Count];
        for (var i = 0; i < links.Length; i++)
        {
            references[links[i]] = StorageForms.TryToCanonical(table.Type.Fields[links[i]], statement.Column(3 + keys + i), out var value, out _) ? value : Value.Null;
        }

        return (table.KeyAt(statement, 3), new State(RowSyncState.Pending, isNew, new Row(table.Type, references)));
    }

    private static RowSyncState Of(string kind) => kind switch
    {
        "C" => RowSyncState.Conflict,
        "D" => RowSyncState.DeadLetter,
        "W" => RowSyncState.WaitingForParent,
        _ => RowSyncState.Pending,
    };

    private static void Add(Dictionary<EntityKey, State> rows, (EntityKey Key, State State) row)
    {
        var (key, state) = row;
        rows[key] = rows.TryGetValue(key, out var former)
            ? new State(state.Is > former.Is ? state.Is : former.Is, state.IsNew || former.IsNew, state.References ?? former.References)
            : state;
    }

    private void WaitForParents(EntityTable table)
    {
        var open = new Queue<EntityTable>([table]);
        while (open.TryDequeue(out var next))
        {
            foreach (var parent in ParentsOf(next).Select(e => session.Table(e.Target)).Where(p => !_types.ContainsKey(p)))
            {
                Load(parent);
                open.Enqueue(parent);
            }
        }

        for (var isMore = true; isMore;)
        {
            isMore = false;
            foreach (var (child, rows) in _types)
            {
                foreach (var (key, state) in rows.Where(r => r.Value is { Is: RowSyncState.Pending, References: not null }).ToArray())
                {
                    if (ParentsOf(child).Any(e => KeyOf(state.References!, e) is { } parent && IsHeldUp(session.Table(e.Target), parent)))
                    {
                        rows[key] = state with { Is = RowSyncState.WaitingForParent };
                        isMore = true;
                    }
                }
            }
        }
    }

    // Not at the server, and not on its way there.
    private bool IsHeldUp(EntityTable table, EntityKey key) =>
        _types[table].TryGetValue(key, out var state) && state is { IsNew: true, Is: RowSyncState.DeadLetter or RowSyncState.Conflict or RowSyncState.WaitingForParent };

    private IEnumerable<RelationEdge> ParentsOf(EntityTable table) => session.Model.Graph.From(table.Type).Where(e => e.TargetsKey);

    private int[] LinksOf(EntityTable table) => [.. ParentsOf(table).SelectMany(e => e.SourceOrdinals).Distinct().Order()];

    private static EntityKey? KeyOf(Row references, RelationEdge edge)
    {
        var parts = new Value[edge.SourceOrdinals.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = references[edge.SourceOrdinals[i]];
            if (parts[i].IsNull || parts[i].IsAbsent)
            {
                return null;
            }
        }

        return new EntityKey(parts);
    }

    /// <param name="Is">How it stands.</param>
    /// <param name="IsNew">The server has no such row.</param>
    /// <param name="References">The fields that refer to other rows; only of a row that is noted.</param>
    private sealed record State(RowSyncState Is, bool IsNew, Row? References);
}
