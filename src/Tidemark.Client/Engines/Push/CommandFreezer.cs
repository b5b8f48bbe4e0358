#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Security.Cryptography;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>What one freeze did.</summary>
/// <param name="Frozen">Commands that were frozen.</param>
/// <param name="Batch">Those of them that are handed to the network at once: stored as in flight.</param>
/// <param name="DeadLetters">Rows that can never be sent as they are.</param>
/// <param name="NextSeq">Where the next freeze of the run begins.</param>
/// <param name="HasMore">There are notes behind that.</param>
/// <param name="Waiting">Rows that wait for others.</param>
internal sealed record FreezeResult(int Frozen, IReadOnlyList<StoredCommand> Batch, int DeadLetters, long NextSeq, bool HasMore, int Waiting);

/// <summary>Builds the next batch from differences and fixes its bytes, inside one durable, guarded transaction.</summary>
internal sealed class CommandFreezer(StoreSession session, SyncEnvironment environment, SyncBatchContext context, PushOptions options, WireLimits limits, long claim)
{
    private readonly List<StoredCommand> _frozen = [];
    private readonly List<StoredCommand> _kept = []; // with the dead letters
    private readonly List<long> _consumed = [];
    private long _folded;
    private readonly Lazy<LostIds?> _lost = new(() => LostIds.WhileAnyWait(session));
    private int _deadLetters;

    public FreezeResult Freeze(long afterSeq)
    {
        Spaces.TouchSorter.Run(session);
        var rowsMax = Math.Min(options.BatchCommandsMax, limits.CommandsMax);
        var snapshot = new DifferenceReader(session).Read(afterSeq, rowsMax);
        if (SeparateReinserted(snapshot))
        {
            snapshot = new DifferenceReader(session).Read(afterSeq, rowsMax);
        }

        HoldReturned(snapshot);
        FollowRenames();
        var plan = PushPlanner.Plan(session.Model, snapshot);
        _consumed.AddRange(snapshot.Sentinels);
        Absorb(plan);
        foreach (var (command, code, message, field) in plan.Dead)
        {
            Bury(command, code, message, field);
        }

        var firstLeft = FreezeCommands(plan);
        var batch = Store();
        if (session.HasReceipts && _kept.Count > 0)
        {
            new Receipts.ReceiptBook(session).Cover(_kept);
        }

        var next = firstLeft is { } seq ? Math.Min(seq - 1, snapshot.LastSeq) : snapshot.LastSeq;
        return new FreezeResult(_frozen.Count, batch, _deadLetters, next, firstLeft is not null || snapshot.HasMore, plan.Waiting.Count);
    }

    // What fits one request is in flight from this commit on; the rest follows as it comes due.
    private StoredCommand[] Store()
    {
        var count = BatchCutter.Cut(_frozen, Math.Min(options.BatchCommandsMax, limits.CommandsMax), options.BatchBytesMax).Count;
        StoredCommand[] batch = [.. _frozen.Take(count).Select(c => c.HandedOver())];
        foreach (var command in batch.Concat(_frozen.Skip(count)))
        {
            Keep(command);
        }

        session.Outbox.Consume(_consumed);
        session.Outbox.Count(Counters.Folded, _folded);
        return batch;
    }

    // An id that was deleted and inserted again names a new row: it moves to a fresh id, and the deletion stands alone.
    private bool SeparateReinserted(PushSnapshot snapshot)
    {
        if (snapshot.Reinserted.Count == 0)
        {
            return false;
        }

        var again = new MadeAgain(session, new IdCascade(session, environment, context), environment.NowMs);
        foreach (var row in snapshot.Reinserted)
        {
            again.Separate(row.Table, row.Key);
        }

        return true;
    }

    // Those of later batches too: a row stands under its last key, and may be sent with another one that needs it.
    private void FollowRenames()
    {
        if (session.HasReceipts)
        {
            PendingRenames.ReadAll(session).ForEach(new Receipts.ReceiptBook(session).Follow);
        }
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
        var absorbed = 0L;
        foreach (var row in plan.Absorbed)
        {
            _consumed.AddRange(row.Seqs);
            absorbed += row.Seqs.Count;
            if (row is { Base: not null, Live: not null } or { Base: null, Live: null }) // A row that lived on after its deletion, and does no more.
            {
                row.Table.DropBase(session.Db, row.Key, session.Remote);
            }
        }

        session.Outbox.Count(Counters.Absorbed, absorbed);
    }

    // The first note that found no room; null when all did.
    private long? FreezeCommands(PushPlan plan)
    {
        var ids = plan.Commands.ToDictionary(c => c, _ => environment.NewId());
        var bytes = 0L;
        long? firstLeft = null;
        var max = Math.Min(options.BatchCommandsMax, limits.CommandsMax) * 2;
        for (var i = 0; i < plan.Commands.Count; i++)
        {
            var command = plan.Commands[i];
            var startsGroup = command.GroupLeader is null || ReferenceEquals(command.GroupLeader, command);
            if (firstLeft is not null || (startsGroup && _frozen.Count > 0 && (bytes > options.BatchBytesMax || _frozen.Count >= max)))
            {
                firstLeft = Math.Min(firstLeft ?? long.MaxValue, command.Row.Seqs.Count > 0 ? command.Row.FirstSeq : long.MaxValue);
                continue;
            }

            Nullify(command);
            var wire = ToWire(command, ids);
            var sent = SentRow(command);
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.LastFieldOnly) && command is { Operation: Operation.Update, Payload: { } whole })
            {
                var last = Enumerable.Range(0, whole.Type.Fields.Count).Last(i => !whole[i].IsAbsent);
                wire = wire with { Payload = new Row(whole.Type, new Value[whole.Type.Fields.Count]).With(last, whole[last]) };
            }
#endif
            var sentUtf8 = sent is null ? null : RowBytes.Of(sent);
            var payload = wire.ToUtf8(command.Operation == Operation.Create && wire.Refs.Count == 0 ? sentUtf8 : null);
            if (payload.Length > limits.RowBytesMax)
            {
                Bury(command, ErrorCodes.TooLarge, $"The row has {payload.Length} bytes; the server takes at most {limits.RowBytesMax} per row.", null);
                continue;
            }

            bytes += payload.Length;
            Consume(command);
            _frozen.Add(Stored(command, wire, payload) with { Sent = sentUtf8, SentRow = sent });
            if (command.Operation == Operation.Delete)
            {
                session.HasTombstones = true;
                session.Tombstones.Save(command.Row.Table.Number, command.Row.Key, 0, TombstoneStatus.Pending, environment.NowMs, madeBy: null);
            }
        }

        return firstLeft;
    }

    private PushCommand ToWire(PlannedCommand command, Dictionary<PlannedCommand, Guid> ids)
    {
        var row = command.Row;
        var isRename = command.Operation == Operation.Rekey;
        var refs = command.Refs.Count == 0 ? PushCommand.NoRefs : command.Refs.Where(r => ids.ContainsKey(r.Value)).ToDictionary(r => r.Key, r => ids[r.Value], StringComparer.Ordinal);
        return new PushCommand
        {
            Id = ids[command],
            Type = row.Table.Type,
            Operation = command.Operation,
            EntityId = isRename ? row.RekeyedFrom!.Key : row.Key,
            NewEntityId = isRename ? row.Key : MergedInto(command),
            BaseVersion = BaseVersionOf(command),
            // This device's number of a row without a verdict could be somebody else's: it does not travel.
            Payload = refs.Keys.Aggregate(command.Payload, (payload, field) => payload?.With(payload.Type.OrdinalOf(field), Value.Absent)),
            Refs = refs,
            Group = command.GroupLeader is { } leader ? ids[leader].ToString("D") : null,
            OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(row.AtMs > 0 ? row.AtMs : environment.NowMs),
        };
    }

    // A row that was merged into another one: what refers to it elsewhere is to follow. Not into a row that the server has not shown: its key may change.
    private EntityKey? MergedInto(PlannedCommand command)
    {
        if (!session.HasMerges)
        {
            return null;
        }

        var table = command.Row.Table;
        if (command.Operation != Operation.Delete)
        {
            session.MergeRecords.End(table.Number, KeyText(command.Row), MergeState.Returned);
            return null;
        }

        EntityKey? into = null;
        for (var next = session.MergeRecords.FindOpen(table.Number, KeyText(command.Row)); next is not null; next = session.MergeRecords.FindOpen(table.Number, next.Into))
        {
            into = StoreSession.KeyFrom(table.Type, next.Into);
        }

        return into is { } key && table.ReadEntry(session.Db, key, session.Remote) is not null ? key : null;
    }

    private static long? BaseVersionOf(PlannedCommand command) => command.Operation switch
    {
        Operation.Create when command.Row.TombstoneVersion > 0 && !(command.Row.Inserted && command.Row.Table.Type.Identity == IdentityModel.ServerAssigned) => command.Row.TombstoneVersion,
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
            EntityId = command.Row.RekeyedFrom?.Key ?? command.Row.Key,
            NewEntityId = command.Row.RekeyedFrom is null ? null : command.Row.Key,
            OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(command.Row.AtMs > 0 ? command.Row.AtMs : environment.NowMs),
        };
        Consume(command);
        Keep(
            Stored(command, wire, SafeBytes(wire)) with
            {
                Sent = SentRow(command) is { } sent ? RowBytes.Of(sent) : null,
                Status = CommandStatus.DeadLetter,
                LastCode = code,
                LastError = message,
                Field = field,
            });
    }

    private void Keep(StoredCommand command)
    {
        session.Outbox.Insert(command, claim);
        _kept.Add(command);
    }

    private void Consume(PlannedCommand command)
    {
        var seqs = command.Row.Seqs.Count + (command.Row.RekeyedFrom?.Seqs.Count ?? 0);
        _consumed.AddRange(command.Row.Seqs);
        _consumed.AddRange(command.Row.RekeyedFrom?.Seqs ?? []);
        _folded += Math.Max(0, seqs - 1);
    }

    private StoredCommand Stored(PlannedCommand command, PushCommand wire, byte[] payload) => new()
    {
        Id = wire.Id,
        Type = command.Row.Table.Number,
        Key = KeyText(command.Row),
        Operation = command.Operation,
        Payload = payload,
        Hash = SHA256.HashData(payload),
        BaseVersion = wire.BaseVersion,
        Group = wire.Group,
        Status = CommandStatus.Pending,
        Events = command.Row.Seqs.Count + (command.Row.RekeyedFrom?.Seqs.Count ?? 0) > 0 ? 1 : 0,
        FirstSeq = command.Row.FirstSeq,
        Lost = _lost.Value?.Of(wire),
        StateUpdatedAtMs = environment.NowMs,
    };

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
