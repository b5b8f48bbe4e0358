#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Brings one row version of the remote into the tables, inside a transaction that holds the guard with foreign keys off.
/// A clean row is overwritten, a pending edit is merged, what cannot stand is put aside.
/// </summary>
internal sealed class RowApplier
{
    private readonly StoreSession _session;
    private readonly SyncEnvironment _environment;
    private readonly SyncBatchContext _context;
    private readonly IdCascade _cascade;
    private readonly ParentLookup _parents;
    private readonly Lazy<Outstanding> _outstanding;
    private readonly OtherRows _others;
    private readonly PendingRenames _renames;
    private readonly CanonicalJsonWriter _digestWriter = new();
    private readonly HashSet<RowId> _bringingBack = [];
    private readonly AwayRows _away;
    private readonly LostContents _lost;

    public RowApplier(StoreSession session, SyncEnvironment environment, SyncBatchContext context)
    {
        _session = session;
        _environment = environment;
        _context = context;
        _cascade = new IdCascade(session, environment, context);
        _parents = new ParentLookup(session);
        _outstanding = new Lazy<Outstanding>(() => Outstanding.Read(session));
        _others = new OtherRows(session, _cascade, _parents, environment.NowMs);
        _renames = new PendingRenames(session, _outstanding);
        _away = new AwayRows(session, _renames);
        _lost = new LostContents(session, environment.NowMs);
    }

    public int Conflicts { get; private set; }

    public IdCascade Cascade => _cascade;

    public OtherRows Others => _others;

    /// <summary>Under its key, or where a change of its key has put it.</summary>
    public RowId WhereItStands(IncomingRow incoming) => _away.WhereItStands(incoming);

    /// <summary>Has the remote deleted the row in what is being applied?</summary>
    public Func<RowId, bool> IsGoing { get; init; } = _ => false;

    /// <summary>Upserts; deletions go through <see cref="DeletionApplier"/> once all upserts are done.</summary>
    public ApplyOutcome Upsert(IncomingRow incoming)
    {
        if (_session.Owners is { } owners && IsOfAnotherSpace(owners, incoming))
        {
            return PutAside(incoming, AsideCause.ApplyFailed, "A row of another space has this key here.");
        }

        var entry = incoming.Table.ReadEntry(_session.Db, incoming.Key, _session.Remote);
        if (!incoming.FromVerdict && IsKnown(incoming, entry))
        {
            if (entry is { MadeBy: null } && incoming.MadeBy is { } madeBy)
            {
                incoming.Table.SetEntry(_session.Db, incoming.Key, _session.Remote, entry.Version, entry.Digest, madeBy); // Its verdict did not tell.
            }

            DropAside(incoming);
            return ApplyOutcome.Known;
        }

        if (MustWait(incoming, entry) is { } cause)
        {
            return PutAside(incoming, cause, null);
        }

        if (_others.IsMadeAgain(incoming, entry) && LiveOf(incoming).Visible is not null)
        {
            _others.Separate(incoming);
        }

        if (ColumnClasses.UnfitOf(_session.Db, incoming.Table, incoming.Row!) is { } unfit)
        {
            return PutAside(incoming, AsideCause.Unreadable, unfit);
        }

        if (MissingParent(incoming) is { } edge && !StandsMerged(incoming, entry) && !StandsWithout(incoming, entry) && !StandsWithParent(incoming, edge))
        {
            return PutAside(incoming, AsideCause.ParentMissing, edge.ToString());
        }

        try
        {
            return Write(incoming, entry);
        }
        catch (UnfitValueException e)
        {
            return PutAside(incoming, AsideCause.Unreadable, e.Message);
        }
        catch (StoreException e) when (e.Trouble == StoreTrouble.ConstraintUnique)
        {
            return ApplyOutcome.Clash;
        }
        catch (StoreException e) when (e.Trouble is StoreTrouble.ConstraintNotNull or StoreTrouble.ConstraintCheck or StoreTrouble.Other)
        {
            return PutAside(incoming, AsideCause.ApplyFailed, e.Message);
        }
    }

    // Keys are made by devices, so that only a broken or a malicious one gives the key of another space's row once more.
    private bool IsOfAnotherSpace(Spaces.SpaceOwners owners, IncomingRow incoming) =>
        incoming.Table.ReadEntry(_session.Db, incoming.Key, _session.Remote) is null && incoming.Table.LiveExists(_session.Db, incoming.Key) && owners.OwnerOf(incoming.Table, incoming.Key) != _session.Remote;

    public ApplyOutcome PutAside(IncomingRow incoming, string cause, string? detail)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.AsideDropped))
        {
            return ApplyOutcome.PutAside;
        }
#endif
        Conflicts += _lost.RecordPutAside(incoming, LiveOf(incoming)) ? 1 : 0;
        _session.HasAside = true;
        _session.Aside.Put(incoming.Table.Type.Name, incoming.Key.ToString(), incoming.Version, cause, detail, incoming.ToUtf8(), _environment.NowMs);
        return ApplyOutcome.PutAside;
    }

    /// <summary>Is there a reason why a version for this row must wait? The cause, or null.</summary>
    public string? MustWait(IncomingRow incoming, RowEntry? entry)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.UnknownFateIgnored))
        {
            return null;
        }
#endif
        if (!incoming.IsOfLocalRow && _outstanding.Value.Commands.TryGetValue(incoming.Id, out var status))
        {
            return status == CommandStatus.DeadLetter ? AsideCause.Diverged : AsideCause.AwaitingVerdict;
        }

        // It may be the very row whose CREATE we have no answer for.
        return entry is null && !incoming.IsOfLocalRow && incoming.Table.Type.Identity == IdentityModel.ServerAssigned
            && _outstanding.Value.UnknownCreates.Contains(incoming.Table.Number) ? AsideCause.AwaitingVerdict : null;
    }

#if TIDEMARK_MUTANTS
    public bool IsKnown(IncomingRow incoming, RowEntry? entry) => !Mutants.Is(Mutant.OlderVersionApplied) && !(Mutants.Is(Mutant.DeletionForgotten) && entry is null) && IsReallyKnown(incoming, entry);

    private bool IsReallyKnown(IncomingRow incoming, RowEntry? entry) =>
#else
    public bool IsKnown(IncomingRow incoming, RowEntry? entry) =>
#endif
        entry is not null
            ? entry.Version > incoming.Version || (entry.Version == incoming.Version && IsShown(incoming, entry))
            : _session.HasTombstones && _session.Tombstones.VersionOf(incoming.Table.Number, incoming.Key) is var gone && (gone > incoming.Version || (gone == incoming.Version && incoming.Row is null));

    // One push can change a row twice under one version: its verdict told of the first change, the page tells of the last.
    private bool IsShown(IncomingRow incoming, RowEntry entry) =>
        incoming.Row is { } row && DigestOf(row).AsSpan().SequenceEqual(entry.Digest);

    /// <summary>Takes a row out of its table until its new version comes, so that others can have its unique values; its edits stay known.</summary>
    public void StepAside(IncomingRow incoming)
    {
        if (_away.Take(incoming) is { } id)
        {
            _parents.Add(id); // Others that come with it may refer to it; all of them stand at the end, or none.
        }
    }

    public void Expect(RowId parent) => _parents.Add(parent);

    public bool IsAway(IncomingRow incoming) => _away.Contains(_away.WhereItStands(incoming));

    /// <summary>What was done with a row was rolled back.</summary>
    public void Return(IncomingRow incoming)
    {
        var id = _away.WhereItStands(incoming);
        _away.Remove(id);
        _parents.Forget(id);
    }

    public bool IsOutstanding(RowId id) => _outstanding.Value.Commands.ContainsKey(id);

    /// <summary>How the row's command stands; null when it has none.</summary>
    public CommandStatus? StatusOf(RowId id) => _outstanding.Value.Commands.TryGetValue(id, out var status) ? status : null;

    /// <summary>The row's command has found its end.</summary>
    public void ForgetCommand(RowId id) => _outstanding.Value.Commands.Remove(id);

    public void DropAside(IncomingRow incoming) => _session.Aside.Drop(incoming.Table.Type.Name, incoming.Key.ToString(), incoming.Version);

    public byte[] DigestOf(Row row) => RowDigest.Of(row, _digestWriter);

    private ApplyOutcome Write(IncomingRow incoming, RowEntry? entry)
    {
        var (table, live) = (incoming.Table, LiveOf(incoming));
        var @base = MayHaveBase(entry, live) ? table.ReadBase(_session.Db, incoming.Key, _session.Remote) : null;
        var isClean = entry is null ? live.Visible is null && (!live.Exists || !incoming.FromVerdict) : @base is null;
        if (entry is null && live.Exists && _others.MoveAside(incoming, live))
        {
            live = default;
            isClean = true;
        }
        else if (entry is null && live.Visible is not null)
        {
            @base ??= _renames.BaseOfFormer(incoming, IsGoing);
        }

#if TIDEMARK_MUTANTS
        isClean |= Mutants.Is(Mutant.PendingEditOverwritten) && entry is not null && live.Visible is not null;
#endif
        if (isClean)
        {
            var row = RowFill.Of(incoming.Row!, live.Any);
            Conflicts += _lost.Record(incoming, live.Visible, row) ? 1 : 0;
            WriteLive(table, live, row);
            if (@base is not null)
            {
                table.DropBase(_session.Db, incoming.Key, _session.Remote);
            }

            SettleClean(incoming, row);
            return ApplyOutcome.Applied;
        }

        return Merge(incoming, @base, live);
    }

    // One that was deleted there and lives on here has its base too, beside its tombstone. Rows that are new here are most of a first fetch.
    private bool MayHaveBase(RowEntry? entry, LiveRow live) => entry is not null || live.Exists || _session.HasTombstones;

    private ApplyOutcome Merge(IncomingRow incoming, Row? @base, LiveRow live)
    {
        var remote = RowFill.Of(RowFill.Of(incoming.Row!, @base, onlyKnown: true), live.Any ?? @base);
        Conflicts += _lost.Record(incoming, @base, remote) ? 1 : 0;
        if (live.Visible is null && @base is not null && StandsElsewhere(incoming) is { } renamed)
        {
            return MergeRenamed(incoming, @base, renamed, remote);
        }

        var input = new ConflictInput(incoming.Type, @base, live.Visible, remote) { IsOutOfRebases = incoming.IsOutOfRebases };
        var resolution = _session.Handlers.For(incoming.Table.Type.Name).HandleConflict(input, Now());
        if (resolution.Outcome == ConflictOutcome.ManualRequired && !incoming.IsRefused)
        {
            return PutAside(incoming, AsideCause.ManualRequired, resolution.Reason);
        }

        if (resolution.HasConflict || incoming.IsRefused)
        {
            Record(incoming, input, resolution);
        }

        if (resolution.Outcome == ConflictOutcome.ManualRequired)
        {
            return ApplyOutcome.Manual;
        }

        if (resolution.Merged is { } merged)
        {
            WriteLive(incoming.Table, live, merged);
        }

        if (resolution.Outcome == ConflictOutcome.AdoptServer)
        {
            Settle(incoming, remote);
        }
        else
        {
            Rebase(incoming, remote);
        }

        return ApplyOutcome.Merged;
    }

    // The row under its new key, when a change of its key has not been sent or was refused because the remote's row had changed.
    private Row? StandsElsewhere(IncomingRow incoming) => _away.WhereItStands(incoming) is var id && id != incoming.Id ? _away.LiveOf(incoming.Table, id.Key).Visible : null;

    // Renamed here, changed there: what changed there goes into the row where it stands now; the rename is still to be sent.
    private ApplyOutcome MergeRenamed(IncomingRow incoming, Row @base, Row local, Row remote)
    {
        var table = incoming.Table;
        // Nobody can be asked about a row whose key is on its way: what would need a person stays as it is here, with the rest merged.
        var input = new ConflictInput(table.Type, EntityTable.Under(@base, local.Key), local, EntityTable.Under(remote, local.Key));
        var result = EntityMerger.Merge(input.Type, input.Base, local, input.Remote!, Now());
        var merged = result.Proposed ?? result.Merged;
        WriteLive(table, new LiveRow(local, local), merged);
        _context.TouchSource(table, local.Key);
        Record(incoming, input, new ConflictResolution(ConflictOutcome.RebaseAndRetry, merged, result.Fields, HasConflict: true, result.ManualReason));
        Rebase(incoming, remote);
        return ApplyOutcome.Merged;
    }

    private MergeContext Now() => new() { Now = DateTimeOffset.FromUnixTimeMilliseconds(_environment.NowMs), Merges = _session.Merges };

    /// <summary>The live row equals what the remote shows: clean.</summary>
    public void Settle(IncomingRow incoming, Row row)
    {
        incoming.Table.DropBase(_session.Db, incoming.Key, _session.Remote);
        SettleClean(incoming, row);
    }

    private void SettleClean(IncomingRow incoming, Row row)
    {
        SetEntry(incoming, row);
        Forget(incoming);
    }

    // What the remote shows becomes base; the difference stays and is noted.
    private void Rebase(IncomingRow incoming, Row remote)
    {
        SetEntry(incoming, remote);
        incoming.Table.SetBase(_session.Db, incoming.Key, _session.Remote, remote);
        _session.Outbox.Touch(incoming.Table, incoming.Key, "M", _environment.NowMs);
        Forget(incoming);
    }

    private void SetEntry(IncomingRow incoming, Row remote)
    {
        incoming.Table.SetEntry(_session.Db, incoming.Key, _session.Remote, incoming.Version, DigestOf(remote), incoming.MadeBy);
        _session.Contents.Note(incoming.Id, incoming.Version, incoming.ContentVersion);
    }

    private void Forget(IncomingRow incoming)
    {
        _context.TouchSource(incoming.Table, incoming.Key);
        if (_session.HasAside)
        {
            DropAside(incoming);
        }

        if (_session.HasTombstones)
        {
            _session.Tombstones.Drop(incoming.Table.Number, incoming.Key);
        }
    }

    private LiveRow LiveOf(IncomingRow incoming) => _away.LiveOf(incoming.Table, incoming.Key);

    private void WriteLive(EntityTable table, LiveRow live, Row row)
    {
        var (handler, id) = (_session.Handlers.For(table.Type.Name), new RowId(table.Number, row.Key));
        if (live.Exists && !_away.Contains(id))
        {
            handler.Update(_session.Db, table, row);
        }
        else
        {
            handler.Insert(_session.Db, table, row);
            _away.Remove(id); // Where it cannot come in, it is still away.
        }

        _parents.Add(id);
    }

    // An edit made here may refer elsewhere: what comes into the table is the merged row, and only its parents must be here.
    private bool StandsMerged(IncomingRow incoming, RowEntry? entry)
    {
        var table = incoming.Table;
        var live = LiveOf(incoming);
        var @base = table.ReadBase(_session.Db, incoming.Key, _session.Remote);
        if ((live.Visible ?? StandsElsewhere(incoming)) is not { } local || (entry is null ? _others.IsAnother(incoming, live) : @base is null))
        {
            return false;
        }

        if (_session.Handlers.For(table.Type.Name).HandleConflict(
            new ConflictInput(table.Type, @base is null ? null : EntityTable.Under(@base, local.Key), local, EntityTable.Under(RowFill.Of(incoming.Row!, local), local.Key)), Now()).Merged is not { } merged)
        {
            return false;
        }

        foreach (var edge in _session.Model.Graph.From(table.Type).Where(e => e.Relation.Required))
        {
            var isSelf = ReferenceEquals(edge.Target, table.Type) && Push.PushPlanner.KeyIn(merged, edge) == local.Key;
            if (Push.PushPlanner.KeyIn(merged, edge) is { } target && !isSelf
                && (_parents.Find(edge, target) is var state && (state == ParentPresence.Missing || (state == ParentPresence.Unsynced && target == Push.PushPlanner.KeyIn(incoming.Row!, edge)))))
            {
                return false;
            }
        }

        return true;
    }

    // A row that was deleted here together with its parent: where its deletion stands nothing is written, and where the other's edit
    // wins, the parent comes back with it. Else the row would wait for a parent whose deletion is refused because of the row.
    private bool StandsWithout(IncomingRow incoming, RowEntry? entry)
    {
        if (entry is null || incoming.Table.ReadBase(_session.Db, incoming.Key, _session.Remote) is not { } @base
            || LiveOf(incoming) is { Visible: not null } || StandsElsewhere(incoming) is not null)
        {
            return false;
        }

        _bringingBack.Clear();
        return incoming.Table.Type.DeletePolicy != DeletePolicy.UpdateWins || @base.SameAs(RowFill.Of(incoming.Row!, @base)) || MissingParent(incoming, bringsBack: true) is null;
    }

    // An edit was refused because the row hangs at the remote on one that was deleted here: waiting for that deletion, which waits for the edit, would never end.
    private bool StandsWithParent(IncomingRow incoming, RelationEdge missing)
    {
        if (!incoming.IsRefused || missing.Target.DeletePolicy != DeletePolicy.UpdateWins || (LiveOf(incoming).Visible ?? StandsElsewhere(incoming)) is null)
        {
            return false;
        }

        _bringingBack.Clear();
        return MissingParent(incoming, bringsBack: true) is null;
    }

    // A row that was deleted here and whose deletion was not sent, or came back: it stays as the remote shows it.
    private bool BringBack(EntityTable table, EntityKey key)
    {
        var id = new RowId(table.Number, key);
        if (!_bringingBack.Add(id))
        {
            return true; // A cycle: it is on its way.
        }

        var live = LiveRows.Read(_session, table, key);
        if (IsOutstanding(id) || live.Visible is not null
            || table.ReadEntry(_session.Db, key, _session.Remote) is not { } entry || table.ReadBase(_session.Db, key, _session.Remote) is not { } @base)
        {
            return false;
        }

        var incoming = new IncomingRow(table, key, entry.Version, @base, null, default);
        if (StandsElsewhere(incoming) is not null || new UniqueHolders(_session).Of(table, @base).Any() || MissingParent(incoming, bringsBack: true) is not null)
        {
            return false; // It was not deleted but has another key, or another row has taken its place.
        }

        Conflicts++;
        _session.Conflicts.Add(ConflictRecords.Of(
            incoming, new ConflictInput(table.Type, @base, null, @base),
            new ConflictResolution(ConflictOutcome.AdoptServer, @base, [], HasConflict: true, "Deleted here with a child that was changed there: the child's update wins."), _environment.NowMs, byRules: false));
        WriteLive(table, live, @base);
        Settle(incoming, @base);
        return true;
    }

    private RelationEdge? MissingParent(IncomingRow incoming, bool bringsBack = false)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ParentUnchecked))
        {
            return null;
        }
#endif
        foreach (var edge in _session.Model.Graph.From(incoming.Table.Type))
        {
            if (Push.PushPlanner.KeyIn(incoming.Row!, edge) is not { } target)
            {
                continue;
            }

            if (ReferenceEquals(edge.Target, incoming.Table.Type) && target == incoming.Key)
            {
                continue; // It brings its parent along.
            }

            _others.SeparateParent(edge, target);
            var state = _parents.Find(edge, target);
            if (state == ParentPresence.Unsynced && (IsGettingId(edge, target) || _others.MoveParentAside(edge, target)))
            {
                state = ParentPresence.Missing;
            }

            if (state == ParentPresence.Missing && edge.Relation.Required && !(bringsBack && edge.TargetsKey && BringBack(_session.Table(edge.Target), target)))
            {
                return edge;
            }
        }

        return null;
    }

    // Its change of key is on its way: whether the id is that of this row or of another one is for the answer to say.
    private bool IsGettingId(RelationEdge edge, EntityKey target) =>
        edge.Target.Identity == IdentityModel.ServerAssigned && edge.TargetsKey && _outstanding.Value.NewKeys.Contains(new RowId(_session.Table(edge.Target).Number, target));

    private void Record(IncomingRow incoming, ConflictInput input, ConflictResolution resolution)
    {
        Conflicts += resolution.HasConflict ? 1 : 0;
        _session.Conflicts.Add(ConflictRecords.Of(incoming, input, resolution, _environment.NowMs));
    }
}
