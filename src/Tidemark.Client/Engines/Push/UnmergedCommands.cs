using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Push;

/// <summary>Commands whose conflict no merge ends. They have left the outbox as folded; that is taken back.</summary>
internal sealed class UnmergedCommands(StoreSession session, SyncEnvironment environment)
{
    /// <summary>The command waits for a person, as a dead letter.</summary>
    public void Ask(StoredCommand command, RawJson shown, long version)
    {
        session.Outbox.Count(Counters.Folded, -command.Events);
        session.Outbox.Insert(command, 0);
        session.Outbox.MarkDeadLetter(
            command.Id, DeadLetterCodes.Conflict, "Both sides changed the row, and a person must decide: `tidemark conflicts`.", null, shown.Utf8.ToArray(), version, serverDeleted: false, environment.NowMs);
    }

    /// <summary>The server has said neither what the row is nor that it is gone: nothing here changes, and the record can be replayed.</summary>
    public void Skip(StoredCommand command, IncomingRow incoming)
    {
        session.Outbox.Count(Counters.Folded, -command.Events);
        session.Outbox.Count(Counters.Discarded, command.Events);
        var (table, key) = (incoming.Table, incoming.Key);
        var input = new ConflictInput(table.Type, table.ReadBase(session.Db, key, session.Remote), LiveRows.Read(session, table, key).Visible, null);
        var resolution = session.Handlers.For(table.Type.Name).HandleConflict(input, new MergeContext { Now = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Merges = session.Merges });
        session.Conflicts.Add(ConflictRecords.Of(incoming, input, resolution, environment.NowMs));
    }
}
