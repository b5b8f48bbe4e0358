using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>Makes rows of which nothing waits any more what the remote last showed of them. Runs with capture and foreign keys off: what hangs together comes back together.</summary>
internal sealed class ShownRows(StoreSession session, SyncEnvironment environment)
{
    public void Restore(IReadOnlyList<(EntityTable Table, EntityKey Key)> rows)
    {
        var aside = new AsideRows(session, environment, new SyncBatchContext(environment.NewId()));
        var shown = new List<(EntityTable Table, Row Base)>();
        foreach (var (table, key) in rows)
        {
            if (table.ReadEntry(session.Db, key, session.Remote) is null)
            {
                table.Delete(session.Db, key);
                table.DropBase(session.Db, key, session.Remote);
            }
            else if (table.ReadBase(session.Db, key, session.Remote) is { } @base)
            {
                shown.Add((table, @base));
            }
        }

        // Those that stand where another one is to have its unique value make room, and come behind it.
        foreach (var (table, row) in shown.Where(r => !TryWrite(r.Table, r.Base)).ToList())
        {
            if (!TryWrite(table, row))
            {
                aside.Put(table, row, table.ReadEntry(session.Db, row.Key, session.Remote)!.Version, AsideCause.UniqueClash, null); // A row of the server has its value by now.
            }
        }

        aside.Retry();
    }

    private bool TryWrite(EntityTable table, Row row)
    {
        try
        {
            if (table.LiveExists(session.Db, row.Key))
            {
                table.Update(session.Db, row);
            }
            else
            {
                table.Insert(session.Db, row);
            }

            table.DropBase(session.Db, row.Key, session.Remote);
            return true;
        }
        catch (StoreException e) when (e.Trouble == StoreTrouble.ConstraintUnique)
        {
            table.Delete(session.Db, row.Key);
            return false;
        }
    }
}
