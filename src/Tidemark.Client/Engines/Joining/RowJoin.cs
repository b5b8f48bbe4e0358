using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>A value of this device that lost to a later one without that having been written on top of it.</summary>
/// <param name="Ordinal">The field; -1: the row's deletion, or its not being deleted.</param>
/// <param name="Lost">What stood here.</param>
/// <param name="By">What stands now.</param>
internal readonly record struct LostEdit(int Ordinal, StampedValue Lost, StampedValue By);

/// <summary>What a merge of one row came to.</summary>
internal sealed record JoinResult(JoinedRow Row, bool IsChanged, IReadOnlyList<LostEdit> Lost);

/// <summary>Merges what all remotes showed of a row with what is known of it. Pure; the order of the candidates does not matter.</summary>
internal static class RowJoin
{
    /// <param name="local">What is known here, edits that were not sent included; null: nothing.</param>
    /// <param name="candidates">What remotes showed, at least one when nothing is known.</param>
    /// <param name="node">This device: only its own edits are told of when they lose.</param>
    /// <param name="isSettled">Have all remotes shown the field's value (by ordinal; -1 the deletion) of this device? Then whoever wrote later could know it.</param>
    public static JoinResult Merge(JoinedRow? local, IReadOnlyList<JoinedRow> candidates, ulong node, Func<int, bool> isSettled)
    {
        var row = local ?? candidates[0];
        foreach (var candidate in candidates)
        {
            row = row.Join(candidate);
        }

        if (ReferenceEquals(row, local))
        {
            return new JoinResult(row, false, []);
        }

        var lost = new List<LostEdit>();
        if (local is not null)
        {
            for (var i = 0; i < row.Fields.Count; i++)
            {
                if (FieldJoin.IsCollective(row.Type.Fields[i]))
                {
                    continue; // Everybody's edits count.
                }

                Add(lost, i, local.Fields[i], row.Fields[i], node, isSettled);
            }

            AddDeletion(lost, local, row, node, isSettled);
        }

        return new JoinResult(row, true, lost);
    }

    // The row is there or gone otherwise than this device had it.
    private static void AddDeletion(List<LostEdit> lost, JoinedRow local, JoinedRow row, ulong node, Func<int, bool> isSettled)
    {
        if (local.IsDeleted == row.IsDeleted || !local.Deletion.IsKnown)
        {
            return;
        }

        var newest = local.IsDeleted ? -1 : Enumerable.Range(-1, local.Fields.Count + 1).MaxBy(i => i < 0 ? local.Deletion.Stamp : local.Fields[i].Stamp);
        var was = newest < 0 ? local.Deletion : local.Fields[newest];
        if (was.Stamp.Node == node && row.Deletion.Before != was.Stamp && ((row.IsMarked && !row.IsDeleted) || !isSettled(newest)))
        {
            lost.Add(new LostEdit(-1, was, row.Deletion));
        }
    }

    // The stamp that the winner replaced tells an edit on top of ours from one beside it. A later one of neither says nothing: told all the same.
    private static void Add(List<LostEdit> lost, int ordinal, StampedValue was, StampedValue now, ulong node, Func<int, bool> isSettled)
    {
        if (was.IsKnown && was.Stamp != now.Stamp && was.Value != now.Value && was.Stamp.Node == node && now.Before != was.Stamp && !isSettled(ordinal))
        {
            lost.Add(new LostEdit(ordinal, was, now));
        }
    }
}
