using Tidemark.Client.Storage.Several;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>What happened to a row while nobody noted it.</summary>
public enum MissedKind
{
    /// <summary>A row no remote has shown, without a note.</summary>
    New,

    /// <summary>A row that differs from what the remote last showed, without its base.</summary>
    Changed,

    /// <summary>A row that is gone without a note; reported, never taken for a deletion.</summary>
    Vanished,
}

/// <summary>A change that capture missed.</summary>
public sealed record MissedChange(string Type, EntityKey Key, MissedKind Kind);

/// <summary>
/// Finds rows that changed while capture was missing (a table rebuilt by a migration, a dropped trigger), by comparing every live row with
/// the digest of what the remote last showed.
/// </summary>
public static class MissedChanges
{
    public static List<MissedChange> Find(StoreSession session, EntityTable table)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(table);
        var missed = new List<MissedChange>();
        var noted = NotedKeys(session, table);
        if (SeveralSchema.Exists(session.Db))
        {
            MissedJoins.Find(session, table, noted, missed);
            return missed;
        }

        using var writer = new CanonicalJsonWriter();
        FindNewAndChanged(session, table, noted, missed, writer);
        FindVanished(session, table, noted, missed);
        return missed;
    }

    /// <summary>Notes what was missed, so that it is pushed; vanished rows are only reported.</summary>
    public static int Note(StoreSession session, EntityTable table, IEnumerable<MissedChange> missed, long nowMs)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(missed);
        var count = 0;
        foreach (var change in missed.Where(m => m.Kind != MissedKind.Vanished))
        {
            if (change.Kind == MissedKind.Changed && !SeveralSchema.Exists(session.Db))
            {
                table.SetUnknownBase(session.Db, change.Key, session.Remote);
            }

            session.Outbox.Touch(table, change.Key, "M", nowMs);
            count++;
        }

        return count;
    }

    private static void FindNewAndChanged(StoreSession session, EntityTable table, HashSet<EntityKey> noted, List<MissedChange> missed, CanonicalJsonWriter writer)
    {
        var n = table.KeyColumns.Count;
        var match = string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"r.k{i} = t.{table.KeyColumns[i]}"));
        var columns = string.Join(", ", Enumerable.Range(0, table.Type.Fields.Count).Select(i => "t." + table.ColumnOf(i)));
        var hasBase = string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"b.k{i} = r.k{i}"));
        var statement = session.Db.Prepare(
            $"SELECT r.digest, EXISTS(SELECT 1 FROM {table.BaseTable} b WHERE {hasBase} AND b.remote = ?1), {columns} FROM {table.Name} t LEFT JOIN {table.RowTable} r ON {match} AND r.remote = ?1");
        statement.Bind(1, session.Remote);
        try
        {
            while (statement.Step())
            {
                if (statement.ColumnInt64(1) != 0 || Row(table, statement) is not { } row || noted.Contains(row.Key))
                {
                    continue;
                }

                if (statement.ColumnIsNull(0))
                {
                    if (!Engines.LiveRows.IsSoftlyDeleted(row) && (session.Owners is not { } owners || !owners.IsOthers(table, row.Key)))
                    {
                        missed.Add(new MissedChange(table.Type.Name, row.Key, MissedKind.New));
                    }
                }
                else if (!statement.ColumnBytes(0).SequenceEqual(RowDigest.Of(row, writer)))
                {
                    missed.Add(new MissedChange(table.Type.Name, row.Key, MissedKind.Changed));
                }
            }
        }
        finally
        {
            statement.Reset();
        }
    }

    private static void FindVanished(StoreSession session, EntityTable table, HashSet<EntityKey> noted, List<MissedChange> missed)
    {
        var n = table.KeyColumns.Count;
        var match = string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"t.{table.KeyColumns[i]} = r.k{i}"));
        var hasBase = string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"b.k{i} = r.k{i}"));
        var keys = session.Db.Query(
            $"SELECT {string.Join(", ", Enumerable.Range(0, n).Select(i => "r.k" + i))} FROM {table.RowTable} r WHERE r.remote = ?1 AND NOT EXISTS (SELECT 1 FROM {table.Name} t WHERE {match}) AND NOT EXISTS (SELECT 1 FROM {table.BaseTable} b WHERE {hasBase} AND b.remote = ?1)",
            s => table.KeyAt(s, 0), Value.Integer(session.Remote));
        missed.AddRange(keys.Where(k => !noted.Contains(k)).Select(k => new MissedChange(table.Type.Name, k, MissedKind.Vanished)));
    }

    private static HashSet<EntityKey> NotedKeys(StoreSession session, EntityTable table)
    {
        var keys = session.Db.Query($"SELECT DISTINCT {table.MetaKeys} FROM _tm_touch WHERE type = ?1", s => table.KeyAt(s, 0), Value.Integer(table.Number)).ToHashSet();
        foreach (var command in session.Outbox.ReadAll().Where(c => c.Type == table.Number))
        {
            keys.Add(StoreSession.KeyFrom(table.Type, command.Key));
        }

        return keys;
    }

    // A row that does not fit its fields cannot be compared; it is found when it is sent.
    private static Row? Row(EntityTable table, Tidemark.Sqlite.RawStatement statement)
    {
        try
        {
            return table.RowAt(statement, 2);
        }
        catch (UnfitValueException)
        {
            return null;
        }
    }
}
