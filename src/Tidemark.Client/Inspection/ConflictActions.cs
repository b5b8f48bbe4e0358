using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>What a person decides about a conflict.</summary>
public sealed class ConflictSettlement
{
    private ConflictSettlement(string name, Row? row) => (Name, Row) = (name, row);

    /// <summary>The row as it is here, with what others changed besides; where the conflict is over already, the row as it was here then.</summary>
    public static ConflictSettlement TakeLocal { get; } = new("TAKE_LOCAL", null);

    /// <summary>The row as the server has it.</summary>
    public static ConflictSettlement TakeServer { get; } = new("TAKE_SERVER", null);

    /// <summary>As it is recorded.</summary>
    public string Name { get; }

    internal Row? Row { get; }

    /// <summary>Another row. Its absent fields are as they are here; key and server-derived fields are the server's.</summary>
    public static ConflictSettlement Take(Row row) => new("TAKE_ROW", row ?? throw new ArgumentNullException(nameof(row)));
}

/// <summary>Carries out what a person decided, inside one guarded transaction.</summary>
internal sealed class ConflictActions(StoreSession session, SyncEnvironment environment)
{
    /// <summary>Settles what waits; of what is over already, brings a row back as a new edit. False: there was nothing left to decide.</summary>
    public bool Settle(ConflictRecord conflict, ConflictSettlement settlement)
    {
        if (session.FindTable(conflict.Type) is not { } table || (settlement.Row is { } given && given.Type != table.Type))
        {
            return false;
        }

        if (!conflict.IsOpen)
        {
            return BringBack(table, conflict, settlement);
        }

        if (conflict.Command is null && settlement.Row is null && SeveralSchema.Exists(session.Db))
        {
            return SettleJoined(table, conflict, settlement);
        }

        if (conflict.Command is null || session.Outbox.Find(Guid.Parse(conflict.Command)) is not { Status: CommandStatus.DeadLetter } command)
        {
            return false;
        }

        if (settlement.Name == ConflictSettlement.TakeServer.Name)
        {
            new DeadLetterActions(session, environment).Discard(command);
        }
        else
        {
            Take(table, command, settlement.Row);
        }

        var key = StoreSession.KeyFrom(table.Type, command.Key);
        session.Conflicts.Settle(conflict.Id, settlement.Name, LiveRows.Read(session, table, key).Visible, environment.NowMs);
        return true;
    }

    // The next cycle has all that is to be decided between, and carries it out.
    private bool SettleJoined(EntityTable table, ConflictRecord conflict, ConflictSettlement settlement)
    {
        var taken = settlement.Name == ConflictSettlement.TakeLocal.Name ? QuarantineRepository.TakeLocal : QuarantineRepository.TakeServer;
        if (!new QuarantineRepository(session.Db).Settle(conflict.Type, conflict.Key, taken))
        {
            return false;
        }

        session.Conflicts.Settle(conflict.Id, settlement.Name, table.ReadLive(session.Db, StoreSession.KeyFrom(table.Type, conflict.Key)), environment.NowMs);
        return true;
    }

    // The server's row becomes the base; what the row here differs in is the next command.
    private void Take(EntityTable table, StoredCommand command, Row? given)
    {
        var key = StoreSession.KeyFrom(table.Type, command.Key);
        var server = RowBytes.Read(table.Type, command.ServerRow)!;
        session.Outbox.Complete(command, Counters.Folded);
        session.DropRebases(table, command.Key);
        var version = command.ServerVersion ?? 0;
        var proposed = Proposed(table, key, server);
        if (table.ReadEntry(session.Db, key, session.Remote) is not { } entry || entry.Version <= version)
        {
            table.SetEntry(session.Db, key, session.Remote, version, RowDigest.Of(server));
            table.SetBase(session.Db, key, session.Remote, server);
        }

        session.Aside.Drop(table.Type.Name, command.Key, version);
        if ((given is null ? proposed : proposed?.Patched(given) ?? given) is { } wanted)
        {
            Write(table, key, wanted, server);
        }

        session.Outbox.Touch(table, key, "M", environment.NowMs);
    }

    // Only what a person was asked about is theirs to decide: what others changed besides stays. Null: deleted here since.
    private Row? Proposed(EntityTable table, EntityKey key, Row server)
    {
        if (LiveRows.Read(session, table, key).Visible is not { } live)
        {
            return null;
        }

        var result = EntityMerger.Merge(table.Type, table.ReadBase(session.Db, key, session.Remote), live, server, new MergeContext { Now = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Merges = session.Merges });
        return result.Proposed ?? result.Merged;
    }

    private bool BringBack(EntityTable table, ConflictRecord conflict, ConflictSettlement settlement)
    {
        var key = StoreSession.KeyFrom(table.Type, conflict.Key);
        var wanted = settlement.Name == ConflictSettlement.TakeServer.Name ? conflict.Server : settlement.Row ?? conflict.Local;
        if (wanted is null || session.Outbox.ReadRows().Exists(r => r.Type == table.Number && r.Key == conflict.Key))
        {
            return false; // Nothing to bring back, or a command of the row has no end yet.
        }

        var live = table.ReadLive(session.Db, key);
        if (live is not null && table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null)
        {
            table.SetBase(session.Db, key, session.Remote, live);
        }

        Write(table, key, wanted, live);
        session.Outbox.Touch(table, key, "M", environment.NowMs);
        session.Conflicts.Settle(conflict.Id, settlement.Name, table.ReadLive(session.Db, key), environment.NowMs);
        return true;
    }

    private void Write(EntityTable table, EntityKey key, Row wanted, Row? server)
    {
        var live = table.ReadLive(session.Db, key);
        var row = wanted;
        for (var i = 0; i < table.Type.Fields.Count; i++)
        {
            var isServers = table.Type.IsKey(i) || table.Type.Fields[i].ServerDerived;
            row = isServers && server is not null ? row.With(i, server[i])
                : row[i].IsAbsent ? row.With(i, live?[i] ?? server?[i] ?? Value.Null)
                : row;
        }

        if (live is null)
        {
            session.Handlers.For(table.Type.Name).Insert(session.Db, table, row);
        }
        else
        {
            session.Handlers.For(table.Type.Name).Update(session.Db, table, row);
        }
    }
}
