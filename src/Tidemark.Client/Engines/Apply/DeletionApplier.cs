#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Applies deletions of the remote, children first, after all upserts. A deletion whose row or dependents have pending edits
/// is a conflict: the row stays and is created anew, or, where deletions win, the edits and dependents are recorded and go.
/// </summary>
internal sealed class DeletionApplier(StoreSession session, SyncEnvironment environment, SyncBatchContext context, RowApplier applier)
{
    private readonly Dictionary<RowId, IncomingRow> _going = [];
    private readonly HiddenRows _hidden = new(session, context);
    private readonly LostContents _lost = new(session, environment.NowMs);
    private readonly FollowingChildren _children = new(session, applier, context, environment.NowMs);

    // Pending rows that go with the row they depend on, because its deletion wins; and whose deletion that is.
    private readonly Dictionary<RowId, IncomingRow> _along = [];

    // Of a deletion with many pending dependents it is asked for each; the answer is the deletion's.
    private readonly Dictionary<RowId, bool> _awaited = [];

    public int Applied { get; private set; }

    public int PutAside { get; private set; }

    public int Conflicts { get; private set; }

    public void Apply(IEnumerable<IncomingRow> deletions)
    {
        foreach (var deletion in deletions)
        {
            Take(deletion);
        }

        KeepParentsOfPending();
        foreach (var deletion in _going.Values
            .OrderByDescending(d => session.Model.Graph.RankOf(d.Table.Type)).ThenBy(d => d.Key))
        {
            Delete(deletion);
        }

        _going.Clear();
        _along.Clear();
        _awaited.Clear();
    }

    private bool IsOfAnotherSpace(IncomingRow deletion) =>
        session.Owners is { } owners && deletion.Table.LiveExists(session.Db, deletion.Key) && owners.OwnerOf(deletion.Table, deletion.Key) != session.Remote;

    private void Take(IncomingRow deletion)
    {
        var table = deletion.Table;
        var entry = table.ReadEntry(session.Db, deletion.Key, session.Remote);
        if ((entry is null && IsOfAnotherSpace(deletion)) || (!deletion.FromVerdict && applier.IsKnown(deletion, entry)))
        {
            applier.DropAside(deletion);
            return;
        }

        var live = LiveRows.Read(session, table, deletion.Key);
        if (Awaited(deletion, entry, live) is { } cause)
        {
            applier.PutAside(deletion, cause, null);
            PutAside++;
            return;
        }

        if (session.HasMerges && !TryTakeMergesBack(deletion, ref live))
        {
            return;
        }

        if (live.Visible is not null && applier.Others.IsMadeAgain(deletion, entry))
        {
            applier.Others.Separate(deletion);
            live = LiveRows.Read(session, table, deletion.Key);
        }

        var @base = table.ReadBase(session.Db, deletion.Key, session.Remote);
        if (live.Visible is null)
        {
            KeepBaseOfRenamed(deletion, @base);
            Forget(deletion); // Gone here too, or never seen.
            return;
        }

        if (entry is null)
        {
            applier.Others.MoveAside(deletion, live); // What is here under this key was made here: it is no part of what was deleted.
            Remember(deletion);
            if (deletion.FromVerdict)
            {
                session.Outbox.Touch(table, deletion.Key, "M", environment.NowMs); // Its command has ended; the row still waits to be sent.
            }

            return;
        }

        if (@base is not null && !@base.SameAs(live.Visible))
        {
            var input = new ConflictInput(table.Type, @base, live.Visible, null) { IsRemoteDeleted = true };
            var resolution = session.Handlers.For(table.Type.Name).HandleConflict(input, new MergeContext { Now = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Merges = session.Merges });
            Record(deletion, input, resolution);
            if (resolution.Merged is not null)
            {
                Revive(deletion);
                return;
            }
        }

        _going[deletion.Id] = deletion;
    }

    // What is on its way for the row must have its answer first; so must a CREATE that may have made the very row, where the server gives the ids.
    private string? Awaited(IncomingRow deletion, RowEntry? entry, LiveRow live)
    {
        if (!deletion.FromVerdict && applier.StatusOf(deletion.Id) is { } status)
        {
            if (status != CommandStatus.Failed || live.Visible is not null)
            {
                return AsideCause.AwaitingVerdict;
            }

            EndRefused(deletion.Id, Counters.Folded); // Deleted here and there: nothing is left to try again.
        }

#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.DeletionAheadOfAnswer))
        {
            return null;
        }
#endif
        return applier.MustWait(deletion, entry);
    }

    // The row stands here under another key and is made anew there: when another device has made it there already, what was deleted is still the base of both.
    private void KeepBaseOfRenamed(IncomingRow deletion, Row? @base)
    {
        var table = deletion.Table;
        if (@base is not null && applier.WhereItStands(deletion).Key is var key && key != deletion.Key
            && table.ReadBase(session.Db, key, session.Remote) is null && LiveRows.Read(session, table, key).Visible is not null)
        {
            table.SetBase(session.Db, key, session.Remote, EntityTable.Under(@base, key));
        }
    }

    // Rows that were merged into the one that goes, and are not gone at the remote, stand for themselves again.
    private bool TryTakeMergesBack(IncomingRow deletion, ref LiveRow live)
    {
        var table = deletion.Table;
        var merges = session.MergeRecords.OpenInto(table.Number, deletion.Key.ToString());
        if (merges.Exists(m => applier.StatusOf(new RowId(table.Number, StoreSession.KeyFrom(table.Type, m.Key))) is not null))
        {
            applier.PutAside(deletion, AsideCause.AwaitingVerdict, null); // Whether the other row is gone there too is not known yet.
            PutAside++;
            return false;
        }

        merges.ForEach(m => new Duplicates.MergeUndo(session, environment).Run(table, m));
        live = merges.Count > 0 ? LiveRows.Read(session, table, deletion.Key) : live;
        return true;
    }

    // A row that is not going may not lose a required parent: parents of pending rows are revived, or take them along where deletions win; others wait.
    private void KeepParentsOfPending()
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.GateOpen) || Mutants.Is(Mutant.DeletionTakesPendingChildren))
        {
            return;
        }
#endif
        var changed = true;
        while (changed && _going.Count > 0)
        {
            changed = false;
            foreach (var group in _going.Values.GroupBy(d => d.Table).ToArray())
            {
                foreach (var edge in session.Model.Graph.To(group.Key.Type).Where(e => e.Relation.Required && e.TargetsKey))
                {
                    changed |= KeepParents(group.Key, edge);
                }
            }
        }
    }

    private bool KeepParents(EntityTable parentTable, RelationEdge edge)
    {
        var child = session.Table(edge.Source);
        TouchedTables.Fill(session, parentTable, "gone", _going.Values.Where(d => ReferenceEquals(d.Table, parentTable)).Select(d => d.Key));
        var parts = string.Join(", ", edge.SourceOrdinals.Select(o => "c." + child.ColumnOf(o)));
        var keys = string.Join(", ", child.KeyColumns.Select(k => "c." + k));
        var match = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"c.{child.ColumnOf(o)} = t.k{i}"));
        var rows = session.Db.Query(
            $"SELECT {keys}, {parts} FROM {TouchedTables.Name(parentTable, "gone")} t JOIN {child.Name} c ON {match}",
            s => (Child: child.KeyAt(s, 0), Parent: parentTable.KeyAt(s, child.KeyColumns.Count)));
        var kept = false;
        foreach (var (childKey, parentKey) in rows)
        {
            var childId = new RowId(child.Number, childKey);
            if (_going.ContainsKey(childId) || !_going.TryGetValue(new RowId(parentTable.Number, parentKey), out var deletion))
            {
                continue;
            }

            if (LiveRows.Read(session, child, childKey).Visible is null)
            {
                continue;
            }

            kept = true;
            Settle(deletion, child, childKey);
        }

        return kept;
    }

    private bool IsAwaited(IncomingRow deletion) =>
        _awaited.TryGetValue(deletion.Id, out var known) ? known : _awaited[deletion.Id] = _children.IsAwaited(deletion);

    private void Settle(IncomingRow deletion, EntityTable child, EntityKey childKey)
    {
        var childId = new RowId(child.Number, childKey);
        var entry = child.ReadEntry(session.Db, childKey, session.Remote);
        var @base = child.ReadBase(session.Db, childKey, session.Remote);
        if (entry is null && session.Owners?.IsOthers(child, childKey) == true)
        {
            Wait(deletion, AsideCause.ParentMissing, $"{child.Type.Name} {childKey} of another space still refers to it.");
            return;
        }

        var isPending = entry is null || @base is not null || applier.IsOutstanding(childId);
        if (!isPending)
        {
            Wait(deletion, AsideCause.ParentMissing, $"{child.Type.Name} {childKey} still refers to it.");
        }
        else if (IsAwaited(deletion))
        {
            Wait(deletion, AsideCause.ParentMissing, $"{child.Type.Name} {childKey} still refers to it, and it cannot come under its new key yet.");
        }
        else if (!_along.TryGetValue(deletion.Id, out var root) && deletion.Table.Type.DeletePolicy == DeletePolicy.UpdateWins)
        {
            _going.Remove(deletion.Id);
            var live = deletion.Table.ReadLive(session.Db, deletion.Key);
            Record(deletion, live, live, live, ConflictOutcome.RebaseAndRetry, "Deleted there; a row here that depends on it has edits: the update wins, and the row is made anew.");
            Revive(deletion);
        }
        else if (applier.StatusOf(childId) is { } status and not CommandStatus.Failed)
        {
            // What is on its way may have arrived, and a dead letter is a person's to settle.
            Wait(root ?? deletion, status == CommandStatus.DeadLetter ? AsideCause.Diverged : AsideCause.AwaitingVerdict, $"{child.Type.Name} {childKey} depends on it and has no end yet.");
        }
        else if (entry is null)
        {
            _along[childId] = root ?? deletion;
            _going[childId] = new IncomingRow(child, childKey, deletion.Version, null, null, default) { Removed = true };
        }
        else if (@base is not null && RefersElsewhere(child, @base, deletion))
        {
            TakeBack(deletion, child, childKey, @base);
        }
        else
        {
            Wait(root ?? deletion, AsideCause.ParentMissing, $"{child.Type.Name} {childKey} still refers to it.");
        }
    }

    private void Wait(IncomingRow deletion, string cause, string detail)
    {
        _going.Remove(deletion.Id);
        foreach (var (id, _) in _along.Where(a => a.Value.Id == deletion.Id).ToArray())
        {
            _along.Remove(id);
            _going.Remove(id);
        }

        applier.PutAside(deletion, cause, detail);
        PutAside++;
    }

    private bool RefersElsewhere(EntityTable child, Row @base, IncomingRow deletion) =>
        session.Model.Graph.From(child.Type).Where(e => e.TargetsKey && ReferenceEquals(e.Target, deletion.Table.Type)).All(e => Push.PushPlanner.KeyIn(@base, e) != deletion.Key);

    // The remote still has the row: only the edit that tied it to the deleted one goes.
    private void TakeBack(IncomingRow deletion, EntityTable child, EntityKey childKey, Row @base)
    {
        var incoming = new IncomingRow(child, childKey, child.ReadEntry(session.Db, childKey, session.Remote)!.Version, @base, null, default) { Command = deletion.Command };
        Record(incoming, @base, child.ReadLive(session.Db, childKey), @base, ConflictOutcome.AdoptServer, "Moved here to a row that was deleted there: the deletion wins, and the row goes back to where the server has it.");
        try
        {
            child.Update(session.Db, @base);
        }
        catch (Tidemark.Sqlite.StoreException e) when (e.IsConstraint)
        {
            Wait(deletion, AsideCause.ApplyFailed, $"{child.Type.Name} {childKey} cannot go back to where the server has it: {e.Message}");
            return;
        }

        EndRefused(incoming.Id, Counters.Discarded);
        applier.Settle(incoming, @base);
    }

    private void EndRefused(RowId id, string counter)
    {
        session.Outbox.EndRefused(id, counter);
        applier.ForgetCommand(id);
    }

    // The row stays here and is made anew there: its CREATE restores the tombstone. When another device does so first, what was deleted is still the base of both.
    private void Revive(IncomingRow deletion)
    {
        var @base = deletion.Table.ReadBase(session.Db, deletion.Key, session.Remote) ?? deletion.Table.ReadLive(session.Db, deletion.Key);
        Forget(deletion);
        if (@base is not null && !deletion.Removed)
        {
            deletion.Table.SetBase(session.Db, deletion.Key, session.Remote, @base);
        }

        session.Outbox.Touch(deletion.Table, deletion.Key, "M", environment.NowMs);
        context.TouchSource(deletion.Table, deletion.Key);
    }

    private void Delete(IncomingRow deletion)
    {
        if (_along.ContainsKey(deletion.Id))
        {
            Record(deletion, null, deletion.Table.ReadLive(session.Db, deletion.Key), null, ConflictOutcome.AdoptServer, "Made here below a row that was deleted there: the deletion wins and takes it along.");
            EndRefused(deletion.Id, Counters.Discarded);
        }

        Conflicts += deletion.IsOffer && _lost.Record(deletion, deletion.Table.ReadLive(session.Db, deletion.Key), null) ? 1 : 0;
        if (deletion.Table.Type.SoftDelete is { } field && deletion.Table.ReadLive(session.Db, deletion.Key) is { } row)
        {
            deletion.Table.Update(session.Db, row.With(row.Type.OrdinalOf(field), LiveRows.DeletedMark(row.Type, environment.Now)));
        }
        else
        {
            _hidden.LeaveParent(deletion.Table, deletion.Key);
            session.Handlers.For(deletion.Table.Type.Name).Delete(session.Db, deletion.Table, deletion.Key);
        }

        Forget(deletion);
        context.TouchTarget(deletion.Table, deletion.Key);
        Applied++;
    }

    private void Forget(IncomingRow deletion)
    {
        var madeBy = deletion.Table.ReadEntry(session.Db, deletion.Key, session.Remote)?.MadeBy;
        deletion.Table.DropEntry(session.Db, deletion.Key, session.Remote);
        deletion.Table.DropBase(session.Db, deletion.Key, session.Remote);
        Remember(deletion, madeBy);
        if (session.HasMerges)
        {
            session.MergeRecords.End(deletion.Table.Number, deletion.Key.ToString(), Duplicates.MergeState.Done);
        }
    }

    private void Remember(IncomingRow deletion, Guid? madeBy = null)
    {
        if (!_along.ContainsKey(deletion.Id))
        {
            applier.DropAside(deletion); // What waits under the key of a row that was made here is another device's.
        }

        if (!deletion.Removed)
        {
            session.HasTombstones = true;
            session.Contents.Note(deletion.Id, deletion.Version, deletion.ContentVersion);
            session.Tombstones.Save(deletion.Table.Number, deletion.Key, deletion.Version, TombstoneStatus.Synced, environment.NowMs, deletion.MadeBy ?? (deletion.FromVerdict || deletion.Raw.Length > 0 ? null : madeBy)); // The server names no maker where the row goes on under another key.
        }
    }

    private void Record(IncomingRow deletion, Row? @base, Row? local, Row? merged, ConflictOutcome outcome, string reason) =>
        Record(deletion, new ConflictInput(deletion.Table.Type, @base, local, null) { IsRemoteDeleted = true }, new ConflictResolution(outcome, merged, [], HasConflict: true, reason), byRules: false);

    private void Record(IncomingRow deletion, ConflictInput input, ConflictResolution resolution, bool byRules = true)
    {
        Conflicts++;
        session.Conflicts.Add(ConflictRecords.Of(deletion, input, resolution, environment.NowMs, byRules));
    }
}
