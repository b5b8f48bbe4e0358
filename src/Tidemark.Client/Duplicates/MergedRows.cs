using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Duplicates;

/// <summary>
/// Makes one row of two and moves what refers to the one that goes. Writes as an app would, with capture on: other devices learn of it as of any edit. Foreign keys
/// are off on this connection, so that no delete rule of the file takes a row that is only to be moved; that nothing is left behind is checked instead.
/// </summary>
internal sealed class MergedRows(StoreSession session, SyncEnvironment environment)
{
    private readonly DuplicateFinder _finder = new(session);
    private readonly List<MergeRecord> _records = [];
    private List<MovedReference> _moved = [];

    /// <summary>The records of what was merged, nested ones first.</summary>
    public IReadOnlyList<MergeRecord> Records => _records;

    /// <exception cref="ArgumentException">One of the rows is not there.</exception>
    public void Merge(EntityTable table, EntityKey keep, EntityKey go)
    {
        var stays = LiveRows.Read(session, table, keep).Visible ?? throw new ArgumentException($"There is no {table.Type.Name} {keep}.", nameof(keep));
        var gone = table.ReadLive(session.Db, go) ?? throw new ArgumentException($"There is no {table.Type.Name} {go}.", nameof(go));
        var context = new MergeContext { Now = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Merges = session.Merges };
        var result = DuplicateMerge.Combine(stays, gone, context);
        var outer = _moved;
        _moved = [];
        var after = WithoutLoops(stays, result.Merged, gone);
        MoveReferences(table, gone, after, except: [keep, go]);
        MoveReferences(table, stays, after, except: [keep, go]);
        Delete(table, go, gone, after);
        Write(table, stays, after);
        CheckNothingLeft(table, gone);
        session.MergeRecords.End(table.Number, keep.ToString(), MergeState.Returned); // It stands for itself again.
        session.HasMerges = true;
        _records.Add(session.MergeRecords.Add(table.Number, new MergeRecord
        {
            At = context.Now, Type = table.Type.Name, Key = go.ToString(), Into = keep.ToString(), State = MergeState.Merged, Gone = gone, Before = stays, After = after, Fields = result.Fields, Moved = [.. _moved],
        }));
        _moved = outer;
    }

    /// <summary>Null when one of them is null.</summary>
    public static Value[]? ValuesOf(Row row, int[] ordinals)
    {
        var values = ordinals.Select(o => row[o]).ToArray();
        return values.Any(v => v.IsNull || v.IsAbsent) ? null : values;
    }

    // A row that stood below the one that goes, or above it, does not stand below itself: it takes that one's place.
    private Row WithoutLoops(Row stays, Row after, Row gone)
    {
        foreach (var edge in session.Model.Graph.From(after.Type).Where(e => e.Target == after.Type))
        {
            var own = ValuesOf(after, edge.TargetOrdinals);
            if (ValuesOf(after, edge.SourceOrdinals) is not { } to || ValuesOf(gone, edge.TargetOrdinals) is not { } merged
                || !(to.AsSpan().SequenceEqual(merged) || (to.AsSpan().SequenceEqual(own) && ValuesOf(stays, edge.SourceOrdinals) is null)))
            {
                continue;
            }

            var above = ValuesOf(gone, edge.SourceOrdinals);
            if (above is null || above.AsSpan().SequenceEqual(own) || above.AsSpan().SequenceEqual(merged))
            {
                above = edge.SourceOrdinals.All(o => after.Type.Fields[o].Nullable) ? [.. to.Select(_ => Value.Null)] : own!;
            }

            after = With(after, edge.SourceOrdinals, above);
        }

        return after;
    }

    internal void MoveReferences(EntityTable table, Row from, Row to, IReadOnlyList<EntityKey> except)
    {
        foreach (var edge in session.Model.Graph.To(table.Type))
        {
            if (ValuesOf(from, edge.TargetOrdinals) is not { } old || ValuesOf(to, edge.TargetOrdinals) is not { } @new || old.AsSpan().SequenceEqual(@new))
            {
                continue;
            }

            var child = session.Table(edge.Source);
            foreach (var key in Dependents.Children(session, child, edge, new EntityKey(old)).Order())
            {
                if (!(child.Number == table.Number && except.Contains(key)) && child.LiveExists(session.Db, key))
                {
                    Move(child, edge, key, @new);
                }
            }
        }
    }

    private void Move(EntityTable child, RelationEdge edge, EntityKey key, Value[] to)
    {
        var row = child.ReadLive(session.Db, key)!;
        var moved = With(row, edge.SourceOrdinals, to);
        if (LikeOf(child, moved, key) is { } like)
        {
            // Its like is there already: they are the same thing too.
            var isHidden = LiveRows.Read(session, child, like).Visible is null;
            if (!isHidden && _finder.Compare(child, like, key) <= 0)
            {
                Merge(child, like, key);
                return;
            }

            if (isHidden)
            {
                child.Delete(session.Db, like); // Marked as deleted; a living row needs its place.
            }
            else if (moved.Key == like)
            {
                Merge(child, like, key); // Its key is the one they will have.
                return;
            }
            else
            {
                Merge(child, key, like);
                moved = With(child.ReadLive(session.Db, key)!, edge.SourceOrdinals, to);
            }
        }

        SetFields(child, key, edge.SourceOrdinals, moved);
        _moved.Add(new MovedReference(child.Type.Name, moved.Key.ToString(), edge.Relation.Fields));
        if (moved.Key != key)
        {
            MoveReferences(child, row, moved, except: []);
        }
    }

    // Another row that stands where this one is to go: under its key, or with its values of a unique key.
    private EntityKey? LikeOf(EntityTable child, Row moved, EntityKey key)
    {
        if (moved.Key != key && child.LiveExists(session.Db, moved.Key))
        {
            return moved.Key;
        }

        foreach (var unique in child.Type.UniqueKeys)
        {
            var ordinals = child.Type.OrdinalsOf(unique.Fields);
            if (ValuesOf(moved, ordinals) is not { } values)
            {
                continue;
            }

            var match = string.Join(" AND ", ordinals.Select((o, i) => $"{child.ColumnOf(o)} = ?{i + 1}"));
            var stored = ordinals.Select((o, i) => child.Stored(o, values[i])).ToArray();
            var holders = session.Db.Query($"SELECT {string.Join(", ", child.KeyColumns)} FROM {child.Name} WHERE {match}", s => child.KeyAt(s, 0), stored).Where(k => k != key).ToList();
            if (holders.Count > 0)
            {
                return holders[0];
            }
        }

        return null;
    }

    // A dead letter of it has nothing left to ask a person: what it held is in the row that stays, and in the record.
    private void Delete(EntityTable table, EntityKey key, Row gone, Row after)
    {
        foreach (var dead in session.Outbox.ReadAll(CommandStatus.DeadLetter).Where(c => c.Type == table.Number && c.Key == key.ToString()))
        {
            new DeadLetterActions(session, environment).Retry(dead);
        }

        if (table.Type.SoftDelete is { } mark && !LiveRows.IsSoftlyDeleted(gone) && !table.Type.UniqueKeys.Any(u => IsTakenOver(table, u, gone, after)))
        {
            var ordinal = table.Type.OrdinalOf(mark);
            SetFields(table, key, [ordinal], gone.With(ordinal, LiveRows.DeletedMark(table.Type, environment.Now)));
        }
        else
        {
            table.Delete(session.Db, key);
        }
    }

    private static bool IsTakenOver(EntityTable table, UniqueKey unique, Row gone, Row after)
    {
        var ordinals = table.Type.OrdinalsOf(unique.Fields);
        return ValuesOf(gone, ordinals) is { } values && ValuesOf(after, ordinals) is { } taken && values.AsSpan().SequenceEqual(taken);
    }

    private void Write(EntityTable table, Row before, Row after)
    {
        int[] changed = [.. Enumerable.Range(0, table.Type.Fields.Count).Where(i => !after[i].IsAbsent && after[i] != before[i])];
        if (changed.Length > 0)
        {
            SetFields(table, before.Key, changed, after);
        }
    }

    // Only what changes: other columns keep the spelling the app gave them.
    internal void SetFields(EntityTable table, EntityKey key, int[] ordinals, Row row)
    {
        var n = key.Count;
        var sets = string.Join(", ", ordinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{n + i + 1}"));
        var values = key.Parts.ToArray().Select((v, i) => table.Stored(table.Type.KeyOrdinals[i], v)).Concat(ordinals.Select(o => table.Stored(o, row[o]))).ToArray();
        session.Db.Execute($"UPDATE {table.Name} SET {sets} WHERE {table.KeyMatch}", values);
        session.Db.ChangedTypes.Add(table.Number);
    }

    private void CheckNothingLeft(EntityTable table, Row gone)
    {
        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.TargetsKey))
        {
            var child = session.Table(edge.Source);
            var left = Dependents.Children(session, child, edge, gone.Key).Where(k => !(child.Number == table.Number && k == gone.Key)).ToList();
            if (left.Count > 0 && !table.LiveExists(session.Db, gone.Key))
            {
                throw new StoreException(StoreTrouble.Other, $"{child.Type.Name} {left[0]} still refers to {table.Type.Name} {gone.Key} after it was merged: a trigger of the app has put it back. Nothing was changed.");
            }
        }
    }

    internal static Row With(Row row, int[] ordinals, Value[] values)
    {
        for (var i = 0; i < ordinals.Length; i++)
        {
            row = row.With(ordinals[i], values[i]);
        }

        return row;
    }
}
