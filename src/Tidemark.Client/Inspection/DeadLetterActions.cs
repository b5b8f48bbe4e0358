using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>What a person does with dead letters: try again, or take back with everything that waits for it.</summary>
internal sealed class DeadLetterActions(StoreSession session, SyncEnvironment environment)
{
    private readonly SyncBatchContext _context = new(environment.NewId());
    private readonly HashSet<RowId> _bringing = [];

    private AsideRows Aside => field ??= new AsideRows(session, environment, _context);

    /// <summary>The row is a difference again and is sent anew, as it is now.</summary>
    /// <exception cref="SyncException">The row's space was left; nothing was changed.</exception>
    public void Retry(StoredCommand command)
    {
        if (session.Space is not null && command.LastCode == ErrorCodes.SpaceNotFound && !TryBringBack(command))
        {
            throw new SyncException(SyncErrorCode.Internal, $"The row's space is none of yours: join it again first, or export the dead letter. {command.LastError}");
        }

        session.Outbox.Complete(command, Counters.Folded);
        session.Conflicts.SettleOf(command.Id.ToString("D"), "RETRIED", environment.NowMs);
        if (session.FindTable(command.Type) is { } table)
        {
            var key = StoreSession.KeyFrom(table.Type, command.Key);
            if (command.Operation == Operation.Rekey)
            {
                session.Outbox.TouchRename(table, PushCommandKeys.FormerKeyOf(table.Type, command.Payload), key, environment.NowMs);
            }
            else
            {
                NotedAnew.Touch(session, table, key, command, environment.NowMs);
            }
        }
    }

    // The row left the file with its space: the edit is made once more, on the row as it is now.
    private bool TryBringBack(StoredCommand command)
    {
        if (session.Owners is null || !Spaces.HeldSpace.ReadAll(session.Db).Any(h => h.Remote == session.Remote && !h.IsGone) || session.FindTable(command.Type) is not { } table)
        {
            return false;
        }

        var key = StoreSession.KeyFrom(table.Type, command.Key);
        var live = table.ReadLive(session.Db, key);
        if (live is not null && table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null)
        {
            table.SetBase(session.Db, key, session.Remote, live);
        }

        if (RowBytes.Read(table.Type, command.Sent) is { } row)
        {
            Write(table, live is not null, row);
        }
        else if (command.Operation == Operation.Delete)
        {
            table.Delete(session.Db, key);
        }

        return true;
    }

    /// <summary>The server's state comes back, for the row and for those that wait for it. Returns the rows that changed.</summary>
    public IReadOnlyList<string> Discard(StoredCommand command)
    {
        // What is kept of a space that was left holds no row: one that stands here came back with the space, and is another matter.
        // So is one that another space has taken since.
        if (session.FindTable(command.Type) is not { } table || (session.Space is not null && command.LastCode == ErrorCodes.SpaceNotFound)
            || session.Owners?.IsOthers(table, StoreSession.KeyFrom(table.Type, command.Key)) == true)
        {
            session.Outbox.Complete(command, Counters.Discarded);
            return [];
        }

        var key = StoreSession.KeyFrom(table.Type, command.Key);
        var dependents = Dependents.Of(session, command);
        session.Outbox.Complete(command, Counters.Discarded);
        session.Conflicts.SettleOf(command.Id.ToString("D"), ConflictSettlement.TakeServer.Name, environment.NowMs);
        TakeBack(table, key, command);
        if (command.Operation is not (Operation.Create or Operation.Delete) && table.LiveExists(session.Db, key))
        {
            dependents = []; // The server has shown the row since: it stays, and what is below it.
        }

        var shown = dependents.ToLookup(d => d.Table.ReadEntry(session.Db, d.Key, session.Remote) is not null);
        TakeBack(shown[false]); // Before a row of the server comes under one of their keys.
        Aside.Retry();
        TakeBack(shown[true]);
        Aside.Retry();
        PutChildrenAside(table, key);
        return [$"{table.Type.Name} {command.Key}", .. dependents.Select(d => $"{d.Table.Type.Name} {d.Key}")];
    }

    private void TakeBack(IEnumerable<Dependent> dependents)
    {
        foreach (var dependent in dependents)
        {
            var letters = session.Outbox.ReadAll().Where(c => c.Type == dependent.Table.Number && c.Key == dependent.Key.ToString() && c.Status == CommandStatus.DeadLetter).ToList();
            if (letters.Count == 0)
            {
                Restore(dependent.Table, dependent.Key);
            }

            foreach (var letter in letters)
            {
                session.Outbox.Complete(letter, Counters.Discarded);
                TakeBack(dependent.Table, dependent.Key, letter);
            }
        }
    }

    // What the remote has shown below a row that only was here: it waits for what has become of it there.
    private void PutChildrenAside(EntityTable table, EntityKey key)
    {
        if (table.LiveExists(session.Db, key))
        {
            return;
        }

        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.Relation.Required && e.TargetsKey))
        {
            var child = session.Table(edge.Source);
            foreach (var childKey in Dependents.Children(session, child, edge, key))
            {
                if (child.ReadEntry(session.Db, childKey, session.Remote) is { } entry && child.ReadBase(session.Db, childKey, session.Remote) is null)
                {
                    Aside.Put(child, child.ReadLive(session.Db, childKey)!, entry.Version, AsideCause.ParentMissing, edge.ToString());
                    PutChildrenAside(child, childKey);
                }
            }
        }
    }

    private void TakeBack(EntityTable table, EntityKey key, StoredCommand command)
    {
        var entry = table.ReadEntry(session.Db, key, session.Remote);
        if (command is { Operation: Operation.Offer, Sent: null } && entry is null && table.LiveExists(session.Db, key))
        {
            return; // The deletion was lost and stays lost; the row that stands here was made since.
        }

        if (command.Operation == Operation.Rekey)
        {
            var former = PushCommandKeys.FormerKeyOf(table.Type, command.Payload);
            Restore(table, key);
            PointBack(table, key, former);
            RestoreOrRemove(table, former, command);
        }
        else if (command.ServerVersion is { } version && RowBytes.Read(table.Type, command.ServerRow) is { } row && row.Key == key
            && IsNewest(table, key, command, entry, version))
        {
            TakeServers(table, key, row, version);
        }
        else
        {
            // The row that came with a refused unique value is the one that holds it, not this one.
            RestoreOrRemove(table, key, command);
        }
    }

    // Of what this device knows of the row: its deletion may have come since. An offer's version that was lost is newer than what the restored server has.
    private bool IsNewest(EntityTable table, EntityKey key, StoredCommand command, RowEntry? entry, long version) =>
        (entry?.Version ?? session.Tombstones.VersionOf(table.Number, key)) is var known && (known <= version || (command.Operation == Operation.Offer && known == command.BaseVersion));

    // Whoever referred to the row under its new key means it under the one it has again.
    private void PointBack(EntityTable table, EntityKey key, EntityKey former)
    {
        if (table.LiveExists(session.Db, key))
        {
            return;
        }

        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.TargetsKey))
        {
            var child = session.Table(edge.Source);
            foreach (var childKey in Dependents.Children(session, child, edge, key))
            {
                // What the remote itself shows below that key is below the row it has there.
                if (child.ReadEntry(session.Db, childKey, session.Remote) is null || Dependents.IsMoved(session, child, childKey, edge, key))
                {
                    var row = child.ReadLive(session.Db, childKey)!;
                    for (var i = 0; i < edge.SourceOrdinals.Length; i++)
                    {
                        row = row.With(edge.SourceOrdinals[i], former[i]);
                    }

                    child.Update(session.Db, row);
                }
            }
        }
    }

    // What the remote last showed may be gone there since: then it goes here as a pulled deletion would, children and all.
    private void RestoreOrRemove(EntityTable table, EntityKey key, StoredCommand command)
    {
        var isGone = command.ServerDeleted || command.LastCode == ErrorCodes.RowGone || command.Operation == Operation.Offer; // What a restored server lost and would not take again.
        var known = table.ReadEntry(session.Db, key, session.Remote);
        Restore(table, key);
        if (!isGone || known is null || known.Version > (command.ServerVersion ?? command.BaseVersion ?? known.Version)) // The server has shown it since.
        {
            return;
        }

        if (table.ReadEntry(session.Db, key, session.Remote) is null)
        {
            session.Aside.Drop(table.Type.Name, key.ToString(), known.Version); // It could not stand here as it was, and need not.
            return;
        }

        var gone = new IncomingRow(table, key, command.ServerVersion ?? known.Version, null, null, default) { FromVerdict = true };
        new DeletionApplier(session, environment, _context, new RowApplier(session, environment, _context)).Apply([gone]);
    }

    // To what the remote last showed: its base row, or nothing for a row it never showed.
    private void Restore(EntityTable table, EntityKey key)
    {
        var entry = table.ReadEntry(session.Db, key, session.Remote);
        var isHere = table.LiveExists(session.Db, key); // Its values may be none that can be read.
        session.Outbox.ForgetInserts(table, key); // What comes to stand here is the server's row, and none that an app has made.
        if (entry is null)
        {
            table.DropBase(session.Db, key, session.Remote);
            if (isHere)
            {
                table.Delete(session.Db, key);
            }

            return;
        }

        if (table.ReadBase(session.Db, key, session.Remote) is { } @base)
        {
            BringParents(table, @base);
            Bring(table, key, isHere, @base, entry.Version);
        }
    }

    // Its parent may have been deleted here, together with the edit that is taken back: it comes with it.
    private void BringParents(EntityTable table, Row row)
    {
        _bringing.Add(new RowId(table.Number, row.Key));
        foreach (var edge in session.Model.Graph.From(table.Type).Where(e => e.TargetsKey))
        {
            var parent = session.Table(edge.Target);
            if (PushPlanner.KeyIn(row, edge) is { } key && !_bringing.Contains(new RowId(parent.Number, key)) && !parent.LiveExists(session.Db, key) && parent.ReadBase(session.Db, key, session.Remote) is not null)
            {
                Restore(parent, key);
            }
        }
    }

    private void TakeServers(EntityTable table, EntityKey key, Row row, long version)
    {
        session.Outbox.ForgetInserts(table, key);
        BringParents(table, row);
        if (Bring(table, key, table.LiveExists(session.Db, key), row, version))
        {
            new RowApplier(session, environment, _context).Settle(new IncomingRow(table, key, version, row, null, default) { FromVerdict = true }, row);
        }
    }

    // A row here may hold one of its unique values by now, or its parent stand under another key: then it waits among those put aside.
    private bool Bring(EntityTable table, EntityKey key, bool isHere, Row row, long version)
    {
        if (MissingParent(table, row) is { } edge)
        {
            Aside.Put(table, row, version, AsideCause.ParentMissing, edge.ToString());
            return false;
        }

        try
        {
            Write(table, isHere, row);
            table.DropBase(session.Db, key, session.Remote);
            return true;
        }
        catch (StoreException e) when (e.Trouble == StoreTrouble.ConstraintUnique)
        {
            Aside.Put(table, row, version, AsideCause.UniqueClash, null);
            return false;
        }
    }

    private RelationEdge? MissingParent(EntityTable table, Row row) =>
        session.Model.Graph.From(table.Type).FirstOrDefault(e => e.Relation.Required && e.TargetsKey && PushPlanner.KeyIn(row, e) is { } parent
            && !(ReferenceEquals(e.Target, table.Type) && (parent == row.Key || _bringing.Contains(new RowId(table.Number, parent)))) && !session.Table(e.Target).LiveExists(session.Db, parent));

    private void Write(EntityTable table, bool isHere, Row row)
    {
        if (!isHere)
        {
            table.Insert(session.Db, row);
        }
        else
        {
            table.Update(session.Db, row);
        }
    }
}
