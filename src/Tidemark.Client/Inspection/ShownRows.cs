using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>Makes rows of which nothing waits any more what the remote last showed of them. Runs with capture and foreign keys off: what hangs together comes back together.</summary>
internal sealed class ShownRows(StoreSession session, SyncEnvironment environment)
{
    private readonly SyncBatchContext _context = new(environment.NewId());

    public void Restore(IReadOnlyList<(EntityTable Table, EntityKey Key)> rows)
    {
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
                PutAside(table, row);
            }
        }

        RetryAside();
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

    // A row of the server has its value by now: it waits until that one lets go.
    private void PutAside(EntityTable table, Row row)
    {
        var entry = table.ReadEntry(session.Db, row.Key, session.Remote)!;
        table.DropBase(session.Db, row.Key, session.Remote);
        table.DropEntry(session.Db, row.Key, session.Remote);
        new RowApplier(session, environment, _context).PutAside(new IncomingRow(table, row.Key, entry.Version, row, null, default) { MadeBy = entry.MadeBy }, AsideCause.UniqueClash, null);
    }

    // What was taken back may have held off rows of the server.
    private void RetryAside()
    {
        for (var applied = true; applied;)
        {
            applied = false;
            var applier = new RowApplier(session, environment, _context);
            foreach (var aside in session.Aside.ReadAll())
            {
                if (ChangesPage.ReadChange(aside.Raw, session.Model) is { Fault: null, Type: { } type, Row: { } row } change)
                {
                    var incoming = new IncomingRow(session.Table(type), change.Key, change.Version, row, change.Origin, change.Raw) { MadeBy = change.MadeBy };
                    applied |= applier.Upsert(incoming) is ApplyOutcome.Applied or ApplyOutcome.Merged;
                }
            }
        }
    }
}
