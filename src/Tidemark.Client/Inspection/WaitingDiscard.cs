using Tidemark.Client.Duplicates;
using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>What became of everything that waited.</summary>
/// <param name="Rows">Rows that are again as the server last showed them. Each has a record, which `conflicts` lists and from which it can be brought back.</param>
/// <param name="Events">The captured changes that ended with it.</param>
/// <param name="Left">Rows that wait still, because they could not be recorded, or nobody knows what the server has: values that do not fit their field, changes made while capture was missing.</param>
public sealed record DiscardReport(int Rows, long Events, IReadOnlyList<string> Left);

/// <summary>Takes everything back that waits, dead letters included, with a record of each row. Runs in one guarded transaction: all of it, or nothing.</summary>
internal sealed class WaitingDiscard(StoreSession session, SyncEnvironment environment)
{
    private readonly Dictionary<RowId, EntityTable> _rows = [];
    private readonly HashSet<RowId> _left = [];
    private int _recorded;

    /// <exception cref="SyncException">The file is synced with several remotes; nothing was changed.</exception>
    public DiscardReport Run(string reason)
    {
        if (Storage.Several.SeveralSchema.Exists(session.Db))
        {
            throw new SyncException(
                SyncErrorCode.BadRequest,
                "This file is synced with several remotes, where what waits cannot be taken back at once. Sync first, or undo the edits by further ones; the remotes take the latest.");
        }

        var touches = session.Outbox.ReadTouches(0, int.MaxValue).Where(t => t.Type != 0).ToList();

        // An offer is nobody's edit here: it gives a restored server back what it had.
        var commands = session.Outbox.ReadAll().Where(c => c.Operation != Operation.Offer).ToList();
        Collect(touches, commands);
        Record(commands, reason);
        touches.RemoveAll(t => session.FindTable(t.Type) is { } table && _left.Contains(new RowId(t.Type, table.KeyOf(t))));
        commands.RemoveAll(IsLeft);
        var events = End(touches, commands);
        new ShownRows(session, environment).Restore([.. _rows.Where(r => !_left.Contains(r.Key)).Select(r => (r.Value, r.Key.Key))]);
        AddHistory(reason, events);
        return new DiscardReport(_recorded, events, [.. _left.Select(r => $"{_rows[r].Type.Name} {r.Key}")]);
    }

    private void Collect(List<Touch> touches, List<StoredCommand> commands)
    {
        foreach (var touch in touches)
        {
            if (session.FindTable(touch.Type) is { } table)
            {
                _rows[new RowId(touch.Type, table.KeyOf(touch))] = table;
            }
        }

        foreach (var command in commands)
        {
            if (session.FindTable(command.Type) is { } table)
            {
                _rows[new RowId(command.Type, StoreSession.KeyFrom(table.Type, command.Key))] = table;
                if (command.Operation == Operation.Rekey)
                {
                    _rows[new RowId(command.Type, PushCommandKeys.FormerKeyOf(table.Type, command.Payload))] = table;
                }
            }
        }
    }

    // In both keys of a row that was given another one, for its children follow both.
    private bool IsLeft(StoredCommand command) =>
        session.FindTable(command.Type) is { } table && _left.Contains(new RowId(command.Type, StoreSession.KeyFrom(table.Type, command.Key)));

    private void Record(List<StoredCommand> commands, string reason)
    {
        var frozen = commands.ToLookup(c => (c.Type, c.Key));
        foreach (var (id, table) in _rows)
        {
            if (Read(table, id.Key) is not { } rows)
            {
                _left.Add(id);
                continue;
            }

            var command = frozen[(id.Type, id.Key.ToString())].LastOrDefault();
            if (rows.Live == rows.Base && command is null)
            {
                continue; // No difference was left.
            }

            _recorded++;
            session.Conflicts.Add(new ConflictRecord
            {
                At = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Type = table.Type.Name, Key = id.Key.ToString(), Command = command?.Id.ToString("D"), Outcome = ConflictRecord.Discarded,
                Base = rows.Base, Local = rows.Live, Server = rows.Base, Merged = rows.Base, Reason = reason + Fate(command), ServerVersion = rows.Version,
            });
        }
    }

    private static string Fate(StoredCommand? command) => command switch
    {
        { Status: CommandStatus.InFlight } => " It was on its way: the server may have it, and then shows it again.",
        { Status: CommandStatus.DeadLetter } => $" It was a dead letter: {command.LastCode}: {command.LastError}",
        _ => "",
    };

    // Null: what is here cannot be read, or what the server has is not known.
    private (Row? Base, Row? Live, long Version)? Read(EntityTable table, EntityKey key)
    {
        try
        {
            var live = LiveRows.Read(session, table, key);
            var entry = table.ReadEntry(session.Db, key, session.Remote);
            var @base = session.BaseOf(table, key, entry, live.Any);
            var isKnown = @base is null || !Enumerable.Range(0, table.Type.Fields.Count).Any(i => @base[i].IsAbsent);
            return isKnown ? (@base, live.Visible, entry?.Version ?? 0) : null;
        }
        catch (UnfitValueException)
        {
            return null;
        }
    }

    private long End(List<Touch> touches, List<StoredCommand> commands)
    {
        var nowMs = environment.NowMs;
        session.Outbox.Consume([.. touches.Select(t => t.Seq)]);
        session.Outbox.Count(Counters.Discarded, touches.Count);
        session.Outbox.Complete(commands, Counters.Discarded);
        foreach (var command in commands)
        {
            session.Conflicts.SettleOf(command.Id.ToString("D"), ConflictSettlement.TakeServer.Name, nowMs);
            session.Rebases.Drop(command.Type, command.Key);
        }

        foreach (var (type, key) in _rows.Keys.Where(r => !_left.Contains(r)))
        {
            session.MergeRecords.End(type, key.ToString(), MergeState.Returned);
            if (session.Tombstones.VersionOf(type, key) == 0)
            {
                session.Tombstones.Drop(type, key);
            }
        }

        return touches.Count + commands.Sum(c => (long)c.Events);
    }

    private void AddHistory(string reason, long events) =>
        new HistoryRepository(session.Db).Add(new HistoryEntry
        {
            StartedAt = environment.Now, Trigger = "discard", Mode = "Discard", Outcome = nameof(Coordination.SyncOutcome.Done), Conflicts = _recorded,
            Error = $"{reason} {_recorded} rows ({events} changes) were taken back; `tidemark conflicts` lists them.",
        });
}
