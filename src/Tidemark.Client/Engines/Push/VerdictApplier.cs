#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Security.Cryptography;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>What one answer came to.</summary>
internal sealed record VerdictCounts
{
    public int Accepted { get; set; }

    public int Conflicts { get; set; }

    public int Failed { get; set; }

    public int DeadLetters { get; set; }

    /// <summary>Refused only because of another row: a difference again.</summary>
    public int Returned { get; set; }
}

/// <summary>Carries the verdicts of one answer out, inside one transaction that holds the guard with foreign keys off.</summary>
internal sealed class VerdictApplier(StoreSession session, SyncEnvironment environment, SyncBatchContext context, PushOptions options)
{
    private readonly Dictionary<Guid, StoredCommand> _commands = [];
    private readonly List<IncomingRow> _deletions = [];
    private readonly VerdictCounts _counts = new();
    private readonly VerdictKeys _keys = new(session, environment, context);
    private long _position;

    /// <summary>Offers that are refused for a unique value are tried once more when all others have their verdicts.</summary>
    public bool WaitsForUnique { get; init; }

    public VerdictCounts Apply(IReadOnlyList<StoredCommand> sent, PushResponse response)
    {
        foreach (var command in sent)
        {
            _commands[command.Id] = command;
        }

        _position = response.Mark.Position;
        CheckTypes(response);
        if (_keys.Replace(response, _commands))
        {
            foreach (var command in sent)
            {
                _commands[command.Id] = session.Outbox.Find(command.Id) ?? command; // Keys and references have followed.
            }
        }

        CompleteAnswered(response);
        var applier = new RowApplier(session, environment, context);
        foreach (var verdict in response.Successful)
        {
            if (_commands.TryGetValue(verdict.CommandId, out var command))
            {
                Accept(applier, command, verdict);
            }
        }

        FailAll(applier, response.Failed.Where(v => v.Code == ErrorCodes.GroupRefused)); // What was refused only because of a conflict may have to give way to it.
        foreach (var verdict in response.Conflicts)
        {
            if (_commands.TryGetValue(verdict.CommandId, out var command))
            {
                Settle(applier, command, verdict);
            }
        }

        FailAll(applier, response.Failed.Where(v => v.Code != ErrorCodes.GroupRefused));

        session.Answers.Add(response.Successful.Where(v => _commands.ContainsKey(v.CommandId)).Select(v => (_commands[v.CommandId], v.Version)), environment.NowMs);
        var deletions = new DeletionApplier(session, environment, context, applier);
        deletions.Apply(_deletions);
        return _counts;
    }

    // A verdict on another type's row is none of this command's: nothing of such an answer is carried out.
    private void CheckTypes(PushResponse response)
    {
        foreach (var (id, type) in response.Successful.Select(v => (v.CommandId, v.EntityType)).Concat(response.Conflicts.Select(v => (v.CommandId, v.EntityType))))
        {
            if (_commands.TryGetValue(id, out var command) && session.FindTable(command.Type) is { } table && !string.Equals(table.Type.Name, type, StringComparison.Ordinal))
            {
                throw new WireFormatException(ErrorCodes.BadRequest, $"The verdict on {id} is of a row of {type}; the command was of {table.Type.Name}.");
            }
        }
    }

    // Answered commands leave the outbox before their rows are applied: a row whose command has its verdict waits for nothing.
    private void CompleteAnswered(PushResponse response)
    {
        session.Outbox.Complete(Answered(response.Successful.Select(v => v.CommandId)), Counters.Accepted);
        session.Outbox.Complete(Answered(response.Conflicts.Select(v => v.CommandId)), Counters.Folded);
    }

    private List<StoredCommand> Answered(IEnumerable<Guid> ids) => [.. ids.Where(_commands.ContainsKey).Select(id => _commands[id])];

    private void Accept(RowApplier applier, StoredCommand command, AcceptedVerdict verdict)
    {
        _counts.Accepted++;
        var table = session.FindTable(command.Type)!;
        var key = StoreSession.KeyFrom(table.Type, command.Key);
        session.DropRebases(table, command.Key);
        if (command.Operation == Operation.Offer)
        {
            var id = new RowId(table.Number, key);
            session.Contents.Note(id, verdict.Version, session.Contents.Of(id, command.BaseVersion!.Value));
        }

        if (command.Operation == Operation.Delete || (command.Operation == Operation.Offer && command.Sent is null))
        {
            AcceptDeletion(table, key, verdict.Version);
            return;
        }

        var madeBy = command.Operation == Operation.Rekey ? AcceptRename(table, command, verdict.Version) : MadeBy(table, command, verdict);

        var sent = command.SentRow ?? RowBytes.Read(table.Type, command.Sent)!;
        var stored = verdict.Row is { } row ? ReadRow(table, row) : sent;
        var live = LiveRows.Read(session, table, key);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.AckOverwritesNewerEdit) && live.Visible is not null)
        {
            table.Update(session.Db, stored);
            live = new LiveRow(stored, stored);
            sent = stored;
        }

        if (Mutants.Is(Mutant.AckTakesLiveAsBase) && live.Visible is { } now && stored.SameAs(sent))
        {
            sent = stored = now;
        }
#endif
        if (_keys.Merged.TryGetValue(verdict.CommandId, out var since) && (live.Visible is null || table.ReadEntry(session.Db, key, session.Remote) is not null))
        {
            AcceptMerged(applier, new IncomingRow(table, key, verdict.Version, stored, null, default) { FromVerdict = !applier.IsOutstanding(new RowId(table.Number, key)), Command = command.Id }, since);
            return;
        }

        if (live.Visible is { } visible && visible.SameAs(stored) && visible.SameAs(sent))
        {
            table.SetEntry(session.Db, key, session.Remote, verdict.Version, ReferenceEquals(stored, sent) ? SHA256.HashData(command.Sent!) : applier.DigestOf(stored), madeBy);
            table.DropBase(session.Db, key, session.Remote);
            DropMarks(table, key, verdict.Version);
            context.TouchSource(table, key);
            return;
        }

        if (command.Operation == Operation.Offer)
        {
            AcceptOffer(applier, table, key, verdict.Version, stored);
            return;
        }

        // Edited since: what was sent is the base of the edit, what the server stored is merged into it. Deleted since: only the base moves.
        var @base = live.Visible is null ? stored : sent;
        table.SetEntry(session.Db, key, session.Remote, verdict.Version, applier.DigestOf(@base), madeBy);
        table.SetBase(session.Db, key, session.Remote, @base);
        DropMarks(table, key, verdict.Version);
        if (live.Visible is null || stored.SameAs(sent))
        {
            session.Outbox.Touch(table, key, "M", environment.NowMs);
            return;
        }

        Bring(applier, new IncomingRow(table, key, verdict.Version, stored, null, default) { FromVerdict = true, Command = command.Id });
    }

    // Of a row that was there already the verdict tells the content, and the next pull who made it; one that is brought back is the one it was.
    private Guid? MadeBy(EntityTable table, StoredCommand command, AcceptedVerdict verdict) => command switch
    {
        { Operation: not Operation.Create } => null,
        { BaseVersion: > 0 } => session.Tombstones.MadeBy(table.Number, StoreSession.KeyFrom(table.Type, command.Key)),
        { BaseVersion: null } when table.Type.Identity == IdentityModel.ServerAssigned && (verdict.Version == _position || verdict.Row is null) => command.Id,
        _ => null,
    };

    // The row is one that was here already, or is not here any more: what the server made of both comes as any row of it does, and edits made since the
    // command was sent go on top. A deletion since then meant the row that was made here, not the one it turned out to be.
    private void AcceptMerged(RowApplier applier, IncomingRow incoming, Row? since)
    {
        Bring(applier, incoming);
        var table = incoming.Table;
        if (since is null || LiveRows.Read(session, table, incoming.Key).Visible is not { } live)
        {
            return;
        }

        foreach (var ordinal in table.Type.KeyOrdinals)
        {
            since = since.With(ordinal, Value.Absent);
        }

        if (table.ReadBase(session.Db, incoming.Key, session.Remote) is null)
        {
            table.SetBase(session.Db, incoming.Key, session.Remote, live);
        }

        table.Update(session.Db, live.Patched(since));
        session.Outbox.Touch(table, incoming.Key, "M", environment.NowMs);
    }

    // The remote shows the row as it was before; a pending edit still stands on the same content.
    private void AcceptOffer(RowApplier applier, EntityTable table, EntityKey key, long version, Row stored)
    {
        table.SetEntry(session.Db, key, session.Remote, version, applier.DigestOf(stored));
        if (table.ReadBase(session.Db, key, session.Remote) is null)
        {
            table.SetBase(session.Db, key, session.Remote, stored);
            session.Outbox.Touch(table, key, "M", environment.NowMs);
        }
        else
        {
            table.SetBase(session.Db, key, session.Remote, stored);
        }
    }

    private void AcceptDeletion(EntityTable table, EntityKey key, long version)
    {
        var madeBy = table.ReadEntry(session.Db, key, session.Remote)?.MadeBy;
        table.DropEntry(session.Db, key, session.Remote);
        table.DropBase(session.Db, key, session.Remote);
        session.HasTombstones = true;
        session.Tombstones.Save(table.Number, key, version, TombstoneStatus.Synced, environment.NowMs, madeBy);
        context.TouchTarget(table, key);
        if (session.HasMerges)
        {
            session.MergeRecords.End(table.Number, key.ToString(), MergeState.Done);
        }

        if (LiveRows.Read(session, table, key).Visible is not null)
        {
            session.Outbox.Touch(table, key, "M", environment.NowMs); // Made again meanwhile.
        }
    }

    // Under its new key it is the row it was; the former one is deleted from here on, whatever a page says that was fetched before.
    private Guid? AcceptRename(EntityTable table, StoredCommand command, long version)
    {
        var former = PushCommandKeys.FormerKeyOf(table.Type, command.Payload);
        var madeBy = table.ReadEntry(session.Db, former, session.Remote)?.MadeBy;
        table.DropEntry(session.Db, former, session.Remote);
        table.DropBase(session.Db, former, session.Remote);
        session.HasTombstones = true;
        session.Tombstones.Save(table.Number, former, version, TombstoneStatus.Synced, environment.NowMs, madeBy: null);
        context.TouchTarget(table, former);
        return madeBy;
    }

    private void Settle(RowApplier applier, StoredCommand command, ConflictVerdict verdict)
    {
        _counts.Conflicts++;
        var table = session.FindTable(command.Type)!;
        var key = StoreSession.KeyFrom(table.Type, command.Key);
        context.CountReturn(new RowId(table.Number, key));
        EntityKey? renamedTo = null;
        if (command.Operation == Operation.Rekey)
        {
            renamedTo = key;
            SettleRename(table, command, key);
            key = VerdictKeys.KeyOf(table, verdict.EntityId); // What the server shows is the row under its former key.
        }

        var rebases = session.Rebases.Count(table.Number, key.ToString());
        session.HasRebases = true;
        if (verdict.ServerDeleted)
        {
            if (table.Type.Identity == IdentityModel.ServerAssigned && command is { Operation: Operation.Create, BaseVersion: null } && table.ReadEntry(session.Db, key, session.Remote) is null && (command.SentRow ?? RowBytes.Read(table.Type, command.Sent)) is { } made)
            {
                // Carried out before a restore: what was sent is what was deleted.
                table.SetEntry(session.Db, key, session.Remote, verdict.ServerVersion, applier.DigestOf(made), command.Id);
                table.SetBase(session.Db, key, session.Remote, made);
            }

            // Deleted there: an edit revives the row or goes with it; a deletion here is done.
            _deletions.Add(new IncomingRow(table, key, verdict.ServerVersion, null, null, default) { FromVerdict = true, IsOffer = command.Operation == Operation.Offer, Command = command.Id, RenamedTo = renamedTo, MadeBy = verdict.MadeBy, ContentVersion = verdict.ContentVersion });
            return;
        }

        if (verdict.ServerRow is not { } shown)
        {
            new UnmergedCommands(session, environment).Skip(command, new IncomingRow(table, key, verdict.ServerVersion, null, null, default) { Command = command.Id });
            return;
        }

#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ConflictTakesServerRow))
        {
            table.DropBase(session.Db, key, session.Remote);
        }
#endif
        var incoming = new IncomingRow(table, key, verdict.ServerVersion, ReadRow(table, shown), null, default)
        {
            FromVerdict = true,
            MadeAgain = IsMadeAgain(table, key, command),
            IsOffer = command.Operation == Operation.Offer,
            IsOfLostDeletion = command is { Operation: Operation.Offer, Sent: null },
            Command = command.Id,
            RenamedTo = renamedTo,
            IsRefused = true,
            MadeBy = verdict.MadeBy,
            ContentVersion = verdict.ContentVersion,
            IsOutOfRebases = rebases > options.RebasesMax,
        };
        var merge = TakeMergeBack(table, key, command, verdict);
        var outcome = Bring(applier, incoming, command);
        if (merge is not null && LiveRows.Read(session, table, key).Visible is not null)
        {
            session.MergeRecords.End(table.Number, key.ToString(), MergeState.Returned);
        }

        if (outcome == ApplyOutcome.Manual)
        {
            _counts.DeadLetters++;
            new UnmergedCommands(session, environment).Ask(command, shown, verdict.ServerVersion);
        }
    }

    // The merge of duplicates whose last step this deletion was to be, already taken back when that is why it was refused.
    private MergeRecord? TakeMergeBack(EntityTable table, EntityKey key, StoredCommand command, ConflictVerdict verdict)
    {
        var merge = command.Operation == Operation.Delete && session.HasMerges ? session.MergeRecords.FindOpen(table.Number, key.ToString()) : null;
        if (merge is not null && verdict.Reason == ConflictReasons.MergeRefused)
        {
            new MergeUndo(session, environment).Run(table, merge);
        }

        return merge;
    }

    // The rename is a difference again, to what the server shows of the row now.
    private void SettleRename(EntityTable table, StoredCommand command, EntityKey key) =>
        session.Outbox.TouchRename(table, PushCommandKeys.FormerKeyOf(table.Type, command.Payload), key, environment.NowMs);

    private ApplyOutcome Bring(RowApplier applier, IncomingRow incoming, StoredCommand? command = null)
    {
        var outcome = applier.Upsert(incoming);
        if (outcome is ApplyOutcome.Clash && incoming.IsOutOfRebases && !new UniqueHolders(session).Of(incoming.Table, incoming.Row!).Any())
        {
            return ApplyOutcome.Manual; // Only with the edit merged into it does the row clash here.
        }

        if (outcome is ApplyOutcome.Clash)
        {
            applier.PutAside(incoming, AsideCause.UniqueClash, null);
        }

        if (outcome is ApplyOutcome.Clash or ApplyOutcome.PutAside
            && !(command is not null && new LostDeletions(session, environment).TryEnd(incoming, command)))
        {
            TouchAgain(incoming.Table, incoming.Key, command);
        }

        return outcome;
    }

    private void FailAll(RowApplier applier, IEnumerable<FailedVerdict> verdicts)
    {
        foreach (var verdict in verdicts)
        {
            if (_commands.TryGetValue(verdict.CommandId, out var command))
            {
                Fail(applier, command, verdict);
            }
        }
    }

    private void Fail(RowApplier applier, StoredCommand command, FailedVerdict verdict)
    {
        var table = session.FindTable(command.Type)!;
        var key = StoreSession.KeyFrom(table.Type, command.Key);
        if (verdict.Code == ErrorCodes.GroupRefused || (verdict.Code == ErrorCodes.ParentMissing && (PushCommandKeys.HasRefs(command.Payload) || (command.Operation != Operation.Offer && HasShownParents(table, key)))))
        {
            _counts.Returned++;
            session.Outbox.Complete(command, Counters.Folded);
            ReturnTouches(table, key, command);
            applier.ForgetCommand(new RowId(table.Number, key));
            context.CountReturn(new RowId(table.Number, key));
            return;
        }

        var now = environment.NowMs;
        if (WaitsForUnique && command.Operation == Operation.Offer && verdict.Code == ErrorCodes.Unique)
        {
            _counts.Returned++;
            session.Outbox.MarkFailed(command.Id, verdict.Code, verdict.Message, now + options.Backoff.DelayMaxMs, now);
            return;
        }

        if (verdict.Retryable && command.Attempts < options.AttemptsMax)
        {
            _counts.Failed++;
            session.Outbox.MarkFailed(command.Id, verdict.Code, verdict.Message, now + options.Backoff.DelayMs(command.Attempts, environment), now);
            return;
        }

        _counts.DeadLetters++;
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.DeadLetterDropped))
        {
            session.Outbox.Complete(command, Counters.Folded);
            return;
        }
#endif
        var reason = verdict.Retryable ? $"Out of retries after {command.Attempts} attempts: {verdict.Message}" : verdict.Message;
        session.Outbox.MarkDeadLetter(command.Id, verdict.Code, reason, verdict.Field, verdict.ServerRow?.Utf8.ToArray(), verdict.ServerVersion, verdict.ServerDeleted ?? false, now);
        if (command.Operation == Operation.Delete)
        {
            session.Tombstones.Mark(table.Number, key, TombstoneStatus.Failed);
        }
    }

    // The server has shown every parent that is here: the deletion of the missing one is on its way, and meets this row as the edit it is.
    // A row that is offered is no edit: that deletion would wait for it, and it for nothing. Nor would it meet this row while it is put aside for other rows below the parent.
    private bool HasShownParents(EntityTable table, EntityKey key)
    {
        if (LiveRows.Read(session, table, key).Visible is not { } live)
        {
            return true; // Gone since: there is nothing left to refuse.
        }

        foreach (var edge in session.Model.Graph.From(table.Type).Where(e => e.TargetsKey))
        {
            if (PushPlanner.KeyIn(live, edge) is { } parent && (session.Table(edge.Target).ReadEntry(session.Db, parent, session.Remote) is null || IsHeldUp(edge, parent)))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsHeldUp(RelationEdge edge, EntityKey parent) =>
        session.HasAside && session.Aside.ReadAll().Exists(a => a.Type == edge.Target.Name && a.Key == parent.ToString() && a.Cause == AsideCause.ParentMissing);

    private void ReturnTouches(EntityTable table, EntityKey key, StoredCommand command)
    {
        switch (command.Operation)
        {
            case Operation.Rekey:
                session.Outbox.TouchRename(table, PushCommandKeys.FormerKeyOf(table.Type, command.Payload), key, environment.NowMs);
                break;
            case Operation.Delete when IsMadeAgain(table, key, command) && LiveRows.Read(session, table, key).Visible is not null:
                Again().Separate(table, key);
                break;
            default:
                NotedAnew.Touch(session, table, key, command, environment.NowMs);
                break;
        }
    }

    // What is deleted stays noted as deleted: a row that is inserted under its id later is another one.
    private void TouchAgain(EntityTable table, EntityKey key, StoredCommand? command) =>
        session.Outbox.Touch(table, key, command?.Operation == Operation.Delete && LiveRows.Read(session, table, key).Visible is null ? "D" : "M", environment.NowMs);

    // When its deletion was frozen there was no row.
    private bool IsMadeAgain(EntityTable table, EntityKey key, StoredCommand command) =>
        command.Operation == Operation.Delete && table.Type is { Identity: IdentityModel.ServerAssigned, SoftDelete: null } && Again().IsInserted(table, key);

    private MadeAgain Again() => new(session, new Handlers.IdCascade(session, environment, context), environment.NowMs);

    private void DropMarks(EntityTable table, EntityKey key, long version)
    {
        if (session.HasTombstones)
        {
            session.Tombstones.Drop(table.Number, key);
        }

        if (session.HasAside)
        {
            session.Aside.Drop(table.Type.Name, key.ToString(), version);
        }
    }

    private static Row ReadRow(EntityTable table, RawJson raw)
    {
        var reader = new System.Text.Json.Utf8JsonReader(raw.Utf8.Span);
        reader.Read();
        return WireRow.Read(table.Type, ref reader, ignoreUnknown: true);
    }
}
