using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>What a person does with dead letters: try again, or take back with everything that waits for it.</summary>
internal sealed class DeadLetterActions(StoreSession session, SyncEnvironment environment)
{
    private readonly SyncBatchContext _context = new(environment.NewId());

    /// <summary>The row is a difference again and is sent anew, as it is now.</summary>
    public void Retry(StoredCommand command)
    {
        session.Outbox.Complete(command, Counters.Folded);
        if (session.FindTable(command.Type) is { } table)
        {
            session.Outbox.Touch(table, StoreSession.KeyFrom(table.Type, command.Key), "M", environment.NowMs);
        }
    }

    /// <summary>The server's state comes back, for the row and for those that wait for it. Returns the rows that changed.</summary>
    public IReadOnlyList<string> Discard(StoredCommand command)
    {
        if (session.FindTable(command.Type) is not { } table)
        {
            session.Outbox.Complete(command, Counters.Discarded);
            return [];
        }

        var key = StoreSession.KeyFrom(table.Type, command.Key);
        var dependents = Dependents.Of(session, command);
        session.Outbox.Complete(command, Counters.Discarded);
        if (command.Operation == Operation.Rekey)
        {
            Restore(table, key);
            Restore(table, PushCommandKeys.FormerKeyOf(table.Type, command.Payload));
        }
        else if (command.ServerRow is { } bytes && command.ServerVersion is { } version)
        {
            TakeServers(table, key, RowBytes.Read(table.Type, bytes)!, version);
        }
        else
        {
            Restore(table, key);
        }

        foreach (var dependent in dependents)
        {
            Restore(dependent.Table, dependent.Key);
            foreach (var waiting in session.Outbox.ReadAll().Where(c => c.Type == dependent.Table.Number && c.Key == dependent.Key.ToString() && c.Status == CommandStatus.DeadLetter))
            {
                session.Outbox.Complete(waiting, Counters.Discarded);
            }
        }

        return [$"{table.Type.Name} {command.Key}", .. dependents.Select(d => $"{d.Table.Type.Name} {d.Key}")];
    }

    // To what the remote last showed: its base row, or nothing for a row it never showed.
    private void Restore(EntityTable table, EntityKey key)
    {
        var entry = table.ReadEntry(session.Db, key, session.Remote);
        var live = table.ReadLive(session.Db, key);
        if (entry is null)
        {
            if (live is not null)
            {
                table.Delete(session.Db, key);
            }

            return;
        }

        if (table.ReadBase(session.Db, key, session.Remote) is { } @base)
        {
            Write(table, live, @base);
            table.DropBase(session.Db, key, session.Remote);
        }
    }

    private void TakeServers(EntityTable table, EntityKey key, Row row, long version)
    {
        Write(table, table.ReadLive(session.Db, key), row);
        new RowApplier(session, environment, _context).Settle(new IncomingRow(table, key, version, row, null, default) { FromVerdict = true }, row);
    }

    private void Write(EntityTable table, Row? live, Row row)
    {
        if (live is null)
        {
            table.Insert(session.Db, row);
        }
        else
        {
            table.Update(session.Db, row);
        }
    }
}
