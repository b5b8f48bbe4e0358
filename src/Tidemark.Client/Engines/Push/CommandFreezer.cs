using System.Security.Cryptography;
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>What one freeze did.</summary>
/// <param name="Frozen">Commands that were frozen.</param>
/// <param name="DeadLetters">Rows that can never be sent as they are.</param>
/// <param name="NextSeq">Where the next freeze of the run begins.</param>
/// <param name="HasMore">There are notes behind that.</param>
/// <param name="Waiting">Rows that wait for others.</param>
internal sealed record FreezeResult(int Frozen, int DeadLetters, long NextSeq, bool HasMore, int Waiting);

/// <summary>Builds the next batch from differences and fixes its bytes, inside one durable, guarded transaction.</summary>
internal sealed class CommandFreezer(StoreSession session, SyncEnvironment environment, SyncBatchContext context, PushOptions options, WireLimits limits, long claim)
{
    private int _deadLetters;

    public FreezeResult Freeze(long afterSeq)
    {
        var rowsMax = Math.Min(options.BatchCommandsMax, limits.CommandsMax);
        var snapshot = new DifferenceReader(session).Read(afterSeq, rowsMax);
        if (SeparateReinserted(snapshot))
        {
            snapshot = new DifferenceReader(session).Read(afterSeq, rowsMax);
        }

        HoldReturned(snapshot);
        var plan = PushPlanner.Plan(session.Model, snapshot);
        session.Outbox.Consume(snapshot.Sentinels);
        Absorb(plan);
        foreach (var (command, code, message, field) in plan.Dead)
        {
            Bury(command, code, message, field);
        }

        var (frozen, firstLeft) = FreezeCommands(plan);
        var next = firstLeft is { } seq ? Math.Min(seq - 1, snapshot.LastSeq) : snapshot.LastSeq;
        return new FreezeResult(frozen, _deadLetters, next, firstLeft is not null || snapshot.HasMore, plan.Waiting.Count);
    }

    // An id that was deleted and inserted again names a new row: it moves to a fresh id, and the deletion stands alone.
    private bool SeparateReinserted(PushSnapshot snapshot)
    {
        if (snapshot.Reinserted.Count == 0)
        {
            return false;
        }

        var cascade = new IdCascade(session, environment, context);
        foreach (var row in snapshot.Reinserted)
        {
            cascade.MoveAside(row.Table, row.Key);
            session.Outbox.Touch(row.Table, row.Key, "M", environment.NowMs);
        }

        return true;
    }

    private void HoldReturned(PushSnapshot snapshot)
    {
        foreach (var row in snapshot.Rows)
        {
            if (context.ReturnsOf(row.Id) >= options.ReturnsMax)
            {
                snapshot.Blocked.TryAdd(row.Id, row.Base is null ? Operation.Create : row.Live is null ? Operation.Delete : Operation.Update);
            }
        }
    }

    private void Absorb(PushPlan plan)
    {
        foreach (var row in plan.Absorbed)
        {
            session.Outbox.Consume(row.Seqs);
            session.Outbox.Count(Counters.Absorbed, row.Seqs.Count);
            if (row is { Base: not null, Live: not null })
            {
                row.Table.DropBase(session.Db, row.Key, session.Remote);
            }
        }
    }

    private (int Frozen, long? FirstLeft) FreezeCommands(PushPlan plan)
    {
        var ids = plan.Commands.ToDictionary(c => c, _ => environment.NewId());
        var place = session.Outbox.NextPlace();
        var bytes = 0L;
        var frozen = 0;
        long? firstLeft = null;
        var max = Math.Min(options.BatchCommandsMax, limits.CommandsMax) * 2;
        for (var i = 0; i < plan.Commands.Count; i++)
        {
            var command = plan.Commands[i];
            var startsGroup = command.GroupLeader is null || ReferenceEquals(command.GroupLeader, command);
            if (firstLeft is not null || (startsGroup && frozen > 0 && (bytes > options.BatchBytesMax || frozen >= max)))
            {
                firstLeft = Math.Min(firstLeft ?? long.MaxValue, command.Row.Seqs.Count > 0 ? command.Row.FirstSeq : long.MaxValue);
                continue;
            }

            Nullify(command);
            var wire = ToWire(command, ids);
            var payload = wire.ToUtf8();
            if (payload.Length > limits.RowBytesMax)
            {
                Bury(command, ErrorCodes.TooLarge, $"The row has {payload.Length} bytes; the server takes at most {limits.RowBytesMax} per row.", null);
                continue;
            }

            bytes += payload.Length;
            frozen++;
            Store(command, wire, payload, place++, CommandStatus.Pending, null);
        }

        return (frozen, firstLeft);
    }

    private PushCommand ToWire(PlannedCommand command, Dictionary<PlannedCommand, Guid> ids)
    {
        var row = command.Row;
        var isRename = command.Operation == Operation.Rekey;
        return new PushCommand
        {
            Id = ids[command],
            Type = row.Table.Type,
            Operation = command.Operation,
            EntityId = isRename ? row.RekeyedFrom!.Key : row.Key,
            NewEntityId = isRename ? row.Key : null,
            BaseVersion = BaseVersionOf(command),
            Payload = command.Payload,
            Refs = command.Refs.Where(r => ids.ContainsKey(r.Value)).ToDictionary(r => r.Key, r => ids[r.Value], StringComparer.Ordinal),
            Group = command.GroupLeader is { } leader ? ids[leader].ToString("D") : null,
            OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(row.AtMs > 0 ? row.AtMs : environment.NowMs),
        };
    }

    private static long? BaseVersionOf(PlannedCommand command) => command.Operation switch
    {
        Operation.Create when command.Row.TombstoneVersion > 0 => command.Row.TombstoneVersion,
        Operation.Create => command.Row.Adopted ? 0 : null,
        Operation.Rekey => command.Row.RekeyedFrom!.BaseVersion,
        _ => command.Row.BaseVersion,
    };

    // What is sent as null is null here too, else the difference would never end.
    private void Nullify(PlannedCommand command)
    {
        if (command.Nullified.Count == 0 || command.Row.Live is not { } live)
        {
            return;
        }

        foreach (var field in command.Nullified)
        {
            live = live.With(live.Type.OrdinalOf(field), Value.Null);
        }

        command.Row.Table.Update(session.Db, live);
        context.TouchSource(command.Row.Table, command.Row.Key);
    }

    private void Bury(PlannedCommand command, string code, string message, string? field)
    {
        _deadLetters++;
        var wire = new PushCommand
        {
            Id = environment.NewId(),
            Type = command.Row.Table.Type,
            Operation = command.Operation,
            EntityId = command.Row.Key,
            OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(command.Row.AtMs > 0 ? command.Row.AtMs : environment.NowMs),
        };
        Store(command, wire, SafeBytes(wire), session.Outbox.NextPlace(), CommandStatus.DeadLetter, (code, message, field));
    }

    private void Store(PlannedCommand command, PushCommand wire, byte[] payload, long place, CommandStatus status, (string Code, string Message, string? Field)? reason)
    {
        var row = command.Row;
        var seqs = row.RekeyedFrom is { } former ? [.. row.Seqs, .. former.Seqs] : row.Seqs;
        session.Outbox.Consume(seqs);
        session.Outbox.Count(Counters.Folded, Math.Max(0, seqs.Count - 1));
        session.Outbox.Insert(
            new StoredCommand
            {
                Id = wire.Id,
                Type = row.Table.Number,
                Key = KeyText(row),
                Operation = command.Operation,
                Payload = payload,
                Hash = SHA256.HashData(payload),
                BaseVersion = wire.BaseVersion,
                Sent = SentRow(command) is { } sent ? RowBytes.Of(sent) : null,
                Group = wire.Group,
                Status = status,
                Events = seqs.Count > 0 ? 1 : 0,
                FirstSeq = row.FirstSeq,
                Place = place,
                StateUpdatedAtMs = environment.NowMs,
                LastCode = reason?.Code,
                LastError = reason?.Message,
                Field = reason?.Field,
            },
            claim);
        if (command.Operation == Operation.Delete && status == CommandStatus.Pending)
        {
            session.HasTombstones = true;
            session.Tombstones.Save(row.Table.Number, row.Key, 0, TombstoneStatus.Pending, environment.NowMs);
        }
    }

    // What the server will hold when it accepts.
    private static Row? SentRow(PlannedCommand command)
    {
        if (command.Row.Fault is not null || command.Operation == Operation.Delete)
        {
            return null;
        }

        var live = command.Row.Live;
        if (live is null || command.Payload is not { } payload)
        {
            return live;
        }

        return command.Operation == Operation.Create ? payload : command.Operation == Operation.Update ? command.Row.Base!.Patched(payload) : live;
    }

    private static string KeyText(RowState row)
    {
        try
        {
            return row.Key.ToString();
        }
        catch (InvalidOperationException)
        {
            return "null"; // A key that is no text at all; the row is named by its fault.
        }
    }

    private static byte[] SafeBytes(PushCommand wire)
    {
        try
        {
            return wire.ToUtf8();
        }
        catch (InvalidOperationException)
        {
            return "{}"u8.ToArray();
        }
    }
}
