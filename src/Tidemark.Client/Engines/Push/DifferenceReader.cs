using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>Reads a batch's worth of touched rows and everything they are linked to, inside the caller's transaction.</summary>
internal sealed class DifferenceReader(StoreSession session)
{
    private const int WindowMax = 4000;
    private readonly PushSnapshot _snapshot = new();
    private readonly Dictionary<RowId, RowState> _rows = [];
    private readonly Queue<RowState> _open = new();
    private readonly HashSet<RowId> _adopted = [];
    private readonly ReusedIds _reused = new();
    private readonly HashSet<RowId> _judged = []; // by all notes of their deletion, also by those of later batches
    private readonly HashSet<RowId> _replaced = []; // by the INSERT whose own note comes next
    private readonly List<(RowId From, RowId To)> _renames = [];
    private readonly List<Touch> _waiting = []; // Notes of changed keys from before this batch.
    private long _afterSeq;
    private (RowId Id, long Seq)? _renamed; // by the last note that was read

    public PushSnapshot Read(long afterSeq, int rowsMax)
    {
        foreach (var table in session.Tables)
        {
            _snapshot.TypeNumbers[table.Type.Name] = table.Number;
        }

        ReadBlocked();
        ReadHeldOff();
        NoteWaiting(afterSeq);
        ReadTouches(afterSeq, rowsMax);
        for (var seen = -1; seen != _snapshot.Rows.Count;)
        {
            seen = _snapshot.Rows.Count;
            ReadLater(); // Of what came along too.
            FindReinserted();
            PairRenames();
            Close();
        }

        return _snapshot;
    }

    private void ReadBlocked()
    {
        foreach (var (type, keyText, operation, _, rename) in session.Outbox.ReadRows())
        {
            if (session.FindTable(type) is not { } table)
            {
                continue;
            }

            var key = StoreSession.KeyFrom(table.Type, keyText);
            _snapshot.Blocked[new RowId(type, key)] = operation;
            if (operation == Operation.Delete && table.Type is { Identity: IdentityModel.ServerAssigned, SoftDelete: null })
            {
                _reused.NoteDeletion(new RowId(type, key)); // What is inserted while the deletion waits for another try, or was refused, is another row.
            }

            if (rename is not null)
            {
                _snapshot.Blocked[new RowId(type, PushCommandKeys.FormerKeyOf(table.Type, rename))] = operation;
            }

            if (table.Type.UniqueKeys.Count == 0)
            {
                continue;
            }

            var blocked = ReadRow(table, key);
            foreach (var (before, after) in PushPlanner.UniqueValuesOf(blocked))
            {
                if (before is { } value && before != after)
                {
                    _snapshot.HeldValues.Add(value);
                }
            }
        }
    }

    // The server's version of such a row is held off by one that has its unique value, or by the refused deletion of its parent:
    // sent again, it would only conflict again, for ever. The other one is sent without it, and gets its answer.
    private void ReadHeldOff()
    {
        if (!session.HasAside)
        {
            return;
        }

        var hasRefused = session.Outbox.ReadAll(CommandStatus.DeadLetter, 1).Count > 0;
        var held = new HeldOffRows(session);
        foreach (var aside in session.Aside.ReadAll().Where(a => (a.Cause == AsideCause.UniqueClash && held.IsHeldOff(a)) || (a.Cause == AsideCause.ParentMissing && (hasRefused || held.IsBelowOne(a)))))
        {
            if (session.FindTable(aside.Type) is { } table)
            {
                _snapshot.Blocked.TryAdd(new RowId(table.Number, StoreSession.KeyFrom(table.Type, aside.Key)), Operation.Update);
            }
        }
    }

    // What was read with an earlier batch of the run and waits there: a row inserted under the id of one whose deletion waits is another one all the same, and
    // one that is edited under a key which it could not be given yet is no new one.
    private void NoteWaiting(long afterSeq)
    {
        _afterSeq = afterSeq;
        if (afterSeq == 0)
        {
            return;
        }

        foreach (var touch in session.Outbox.ReadWaiting(afterSeq))
        {
            if (session.FindTable(touch.Type) is { } table)
            {
                _reused.Note(table, new RowId(table.Number, table.KeyOf(touch)), touch);
            }

            if (touch.Op is "K" or "N")
            {
                _waiting.Add(touch);
            }
        }
    }

    private void ReadTouches(long afterSeq, int rowsMax)
    {
        var touches = session.Outbox.ReadTouches(afterSeq, WindowMax);
        _snapshot.LastSeq = afterSeq;
        var lastSeq = session.Outbox.LastSeq();
        foreach (var touch in touches)
        {
            if (_rows.Count >= rowsMax)
            {
                _snapshot.HasMore = true;
                return;
            }

            _snapshot.LastSeq = touch.Seq;
            if (touch.Type == 0 || session.FindTable(touch.Type) is not { } table)
            {
                if (touch.Type == 0 && touch.Seq != lastSeq)
                {
                    _snapshot.Sentinels.Add(touch.Seq);
                }

                continue;
            }

            var row = Take(table, table.KeyOf(touch), touch);
            if (_renamed is { } from && touch.Op == "N" && touch.Seq == from.Seq + 1 && from.Id.Type == table.Number)
            {
                _renames.Add((from.Id, row.Id));
            }

            _renamed = touch.Op == "K" ? (row.Id, touch.Seq) : null;
        }

        _snapshot.HasMore = touches.Count == WindowMax;
    }

    // A deletion, or a change of key, is judged together with what is sent of its row now; left for the next batch, a deletion would be taken for one
    // of what was sent, and a row that only changed its key for one that was deleted.
    private void ReadLater()
    {
        if (!_snapshot.HasMore && _waiting.Count == 0)
        {
            return;
        }

        var added = _rows.Values.Where(r => (r.Table.Type.Identity == IdentityModel.ServerAssigned || r is { Base: not null, Live: null } || MayBeRenamed(r)) && _judged.Add(r.Id)).Select(r => r.Id).ToHashSet();
        if (added.Count == 0)
        {
            return;
        }

        Touch? former = null;
        foreach (var touch in _snapshot.HasMore ? _waiting.Concat(LeavingOf(added)) : _waiting)
        {
            if (touch.Op == "K")
            {
                former = touch;
            }
            else if (session.FindTable(touch.Type) is { } table && new RowId(table.Number, table.KeyOf(touch)) is var id)
            {
                if (touch.Op == "N")
                {
                    TakeRename(table, id, former, touch, added);
                }
                else if (table.Type.Identity == IdentityModel.ServerAssigned && added.Contains(id))
                {
                    Take(table, id.Key, touch);
                }
            }
        }
    }

    // With what was inserted under an id that is left, before or after: a note of that alone would be of a row that an app has made since.
    private IEnumerable<Touch> LeavingOf(HashSet<RowId> added)
    {
        var leaving = session.Outbox.ReadLeaving(_snapshot.LastSeq, session.Tables.Where(t => t.Type.Identity == IdentityModel.ServerAssigned)); // Other deletions are judged by their rows.
        var left = leaving.Where(t => t.Op is "D" or "R").Select(IdOf).OfType<RowId>().Concat(_reused.Left).Where(added.Contains).ToHashSet();
        return left.Count == 0
            ? leaving
            : leaving.Concat(left.Select(l => l.Type).Distinct().SelectMany(t => session.Outbox.ReadInserts(_snapshot.LastSeq, session.FindTable(t)!, left))).OrderBy(t => t.Seq);
    }

    private RowId? IdOf(Touch touch) => session.FindTable(touch.Type) is { Type.Identity: IdentityModel.ServerAssigned } table ? new RowId(table.Number, table.KeyOf(touch)) : null;

    // Edited before the conflict on its change of key was told, which is noted anew then.
    private bool MayBeRenamed(RowState row) => row is { Base: null, Live: not null, Inserted: false } && !_adopted.Contains(row.Id);

    // Both notes, or none; the former key's may have been the last one of this batch.
    private void TakeRename(EntityTable table, RowId to, Touch? former, Touch touch, HashSet<RowId> added)
    {
        var from = former?.Seq == touch.Seq - 1 ? new RowId(table.Number, table.KeyOf(former)) : _renamed?.Seq == touch.Seq - 1 ? _renamed.Value.Id : default(RowId?);
        if (from is not { } left || !(added.Contains(left) || added.Contains(to)))
        {
            return;
        }

        if (former?.Seq == touch.Seq - 1)
        {
            Take(table, left.Key, former);
        }

        Take(table, to.Key, touch);
        _renames.Add((left, to));
        foreach (var id in new[] { left, to })
        {
            added.Add(id);
            _judged.Add(id);
        }
    }

    private RowState Take(EntityTable table, EntityKey key, Touch touch)
    {
        var id = new RowId(table.Number, key);
        if (touch.Op == "A")
        {
            _adopted.Add(id);
        }

        if (!_rows.TryGetValue(id, out var row))
        {
            row = Add(ReadRow(table, key, touch.Op == "A"));
        }

        if (touch.Seq > _afterSeq)
        {
            _reused.Note(table, id, touch);
        }

        row.Inserted |= touch.Op == "I" && !_replaced.Contains(id);
        if (touch.Op == "R")
        {
            _replaced.Add(id);
        }
        else
        {
            _replaced.Clear();
        }

        row.Seqs.Add(touch.Seq);
        row.AtMs = Math.Max(row.AtMs, touch.AtMs);
        return row;
    }

    private void FindReinserted()
    {
        // Where only the engine has brought the row back, nothing was made again: also where the one that was is gone by now.
        foreach (var id in _reused.Again)
        {
            if (_rows.TryGetValue(id, out var row) && row is { Base: not null, Live: not null } && _snapshot.Blocked.GetValueOrDefault(id, Operation.Delete) == Operation.Delete && !_snapshot.Reinserted.Contains(row)
                && !(_reused.MayBeThrown(id) && row.Live.SameAs(row.Base)))
            {
                _snapshot.Reinserted.Add(row);
            }
        }
    }

    private RowState Add(RowState row)
    {
        _rows.Add(row.Id, row);
        _snapshot.Rows.Add(row);
        _open.Enqueue(row);
        return row;
    }

    // The key changed and nothing stands under the old one: the row was renamed, however many steps it took.
    private void PairRenames()
    {
        var target = new Dictionary<RowId, RowId>();
        foreach (var (from, to) in _renames)
        {
            target[from] = to;
        }

        foreach (var from in _renames.Select(r => r.From).Where(f => !_reused.Others.Contains(f)).Distinct().ToArray())
        {
            var to = from;
            for (var steps = 0; target.TryGetValue(to, out var next) && steps < target.Count; steps++)
            {
                to = next;
            }

            var old = _rows[from];
            var renamed = _rows.GetValueOrDefault(to);
            if (old is { Base: not null, Live: null, RekeyedTo: null } && renamed is { Base: null, Live: not null, RekeyedFrom: null })
            {
                old.RekeyedTo = renamed;
                renamed.RekeyedFrom = old;
            }
        }
    }

    // Parents only this device has come along; so do children of deleted rows and holders of wanted unique values.
    private void Close()
    {
        var deletesSeen = 0;
        var takersSeen = 0;
        while (_open.Count > 0)
        {
            while (_open.TryDequeue(out var row))
            {
                ResolveReferences(row);
            }

            deletesSeen = AddChildrenOfDeleted(deletesSeen);
            takersSeen = AddHoldersOfWanted(takersSeen);
        }
    }

    private void ResolveReferences(RowState row)
    {
        if (row.Live is not { } live)
        {
            return;
        }

        List<ResolvedReference>? references = null;
        foreach (var edge in session.Model.Graph.From(row.Table.Type))
        {
            if (PushPlanner.KeyIn(live, edge) is { } target && (row.Base is null || Differs(row.Base, live, edge)))
            {
                (references ??= []).Add(Resolve(row, edge, target));
            }
        }

        if (references is not null)
        {
            _snapshot.References[row.Id] = references;
        }
    }

    private ResolvedReference Resolve(RowState child, RelationEdge edge, EntityKey target)
    {
        var table = session.Table(edge.Target);
        var found = edge.TargetsKey ? target : FindByFields(table, edge, target);
        if (found is not { } key)
        {
            return new ResolvedReference(edge, null, ParentState.Missing);
        }

        var id = new RowId(table.Number, key);
        if (id == child.Id)
        {
            return new ResolvedReference(edge, null, ParentState.Synced);
        }

        if (_rows.TryGetValue(id, out var parent))
        {
            return new ResolvedReference(edge, id, StateOf(parent));
        }

        if (_snapshot.Blocked.TryGetValue(id, out var operation) && (operation is Operation.Create or Operation.Rekey || (operation == Operation.Offer && table.Type.Identity == IdentityModel.ServerAssigned)))
        {
            return new ResolvedReference(edge, id, ParentState.Blocked);
        }

        if (table.ReadEntry(session.Db, key, session.Remote) is not null || session.Owners?.IsPublic(table, key) == true)
        {
            return new ResolvedReference(edge, id, ParentState.Synced);
        }

        // An edit means the row that its app saw, even where the remote's own row of that id is put aside.
        if (table.LiveExists(session.Db, key))
        {
            return new ResolvedReference(edge, id, StateOf(Add(ReadRow(table, key))));
        }

        return new ResolvedReference(edge, id, session.Aside.Contains(edge.Target.Name, key.ToString()) ? ParentState.Synced : ParentState.Missing);
    }

    private static ParentState StateOf(RowState parent) => (parent.Base, parent.Live) switch
    {
        (not null, _) => ParentState.Synced,
        (null, not null) => ParentState.InBatch,
        _ => parent.Fault is null ? ParentState.Missing : ParentState.InBatch,
    };

    private EntityKey? FindByFields(EntityTable table, RelationEdge edge, EntityKey values)
    {
        var match = string.Join(" AND ", edge.TargetOrdinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
        var statement = session.Db.Prepare($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name} WHERE {match}");
        for (var i = 0; i < values.Count; i++)
        {
            statement.Bind(i + 1, table.Stored(edge.TargetOrdinals[i], values[i]));
        }

        EntityKey? key = statement.Step() ? table.KeyAt(statement, 0) : null;
        statement.Reset();
        return key;
    }

    private int AddChildrenOfDeleted(int seen)
    {
        var deleted = _snapshot.Rows.Skip(seen).Where(r => r is { Base: not null, Live: null, RekeyedTo: null }).ToLookup(r => r.Table.Type.Name, r => r.Key);
        foreach (var group in deleted)
        {
            var keys = group.ToHashSet();
            foreach (var edge in session.Model.Graph.To(session.Model.Get(group.Key)).Where(e => e.TargetsKey))
            {
                AddFromBase(session.Table(edge.Source), [.. edge.SourceOrdinals], keys.Contains);
            }
        }

        return _snapshot.Rows.Count;
    }

    private int AddHoldersOfWanted(int seen)
    {
        foreach (var group in _snapshot.Rows.Skip(seen).Where(r => r.Live is not null && r.Table.Type.UniqueKeys.Count > 0).GroupBy(r => r.Table).ToArray())
        {
            for (var i = 0; i < group.Key.Type.UniqueKeys.Count; i++)
            {
                var index = i;
                var wanted = group.Select(r => (Before: UniqueValue.Of(r.Table, index, r.Base), After: UniqueValue.Of(r.Table, index, r.Live)))
                    .Where(u => u.After is not null && u.Before != u.After).Select(u => u.After!.Value.Values).ToHashSet();
                if (wanted.Count > 0)
                {
                    AddFromBase(group.Key, group.Key.Type.OrdinalsOf(group.Key.Type.UniqueKeys[index].Fields), wanted.Contains);
                }
            }
        }

        return _snapshot.Rows.Count;
    }

    // Changed rows of a table whose base values match: one pass over the bases, which are kept for changed rows only.
    private void AddFromBase(EntityTable table, int[] ordinals, Func<EntityKey, bool> matches)
    {
        var columns = string.Join(", ", ordinals.Select(o => "c" + o));
        var statement = session.Db.Prepare($"SELECT {table.MetaKeys}, {columns} FROM {table.BaseTable} WHERE remote = ?1");
        statement.Bind(1, session.Remote);
        var found = new List<EntityKey>();
        while (statement.Step())
        {
            var parts = new Value[ordinals.Length];
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i] = statement.Column(table.Type.KeyOrdinals.Count + i);
            }

            if (matches(new EntityKey(parts)))
            {
                found.Add(table.KeyAt(statement, 0));
            }
        }

        statement.Reset();
        foreach (var key in found.Where(k => !_rows.ContainsKey(new RowId(table.Number, k))))
        {
            Add(ReadRow(table, key));
        }
    }

    private RowState ReadRow(EntityTable table, EntityKey key, bool adopted = false) =>
        RowStateReader.Read(session, table, key, adopted || _adopted.Contains(new RowId(table.Number, key)));

    private static bool Differs(Row a, Row b, RelationEdge edge) => edge.SourceOrdinals.Any(o => a[o] != b[o]);
}
