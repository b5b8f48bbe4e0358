using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// Makes one row of two that describe the same thing. Pure. What only the other row knows is taken over; where both know something the row that stays keeps its
/// own, unless the field's policy has an answer that is the same on every device and however often it is asked: the greatest, the union, the later by a clock.
/// Counters are never added up: both rows counted the same thing, and two devices that merge at once would count it twice.
/// </summary>
public static class DuplicateMerge
{
    /// <param name="stays">The row that stays.</param>
    /// <param name="goes">The row that is merged into it.</param>
    /// <param name="context">The time, and the custom merges; one that would ask a person is not asked.</param>
    /// <returns>The row under the key of the one that stays. Of the fields, local is the row that stays and remote the one that goes.</returns>
    public static MergeResult Combine(Row stays, Row goes, MergeContext context)
    {
        ArgumentNullException.ThrowIfNull(stays);
        ArgumentNullException.ThrowIfNull(goes);
        ArgumentNullException.ThrowIfNull(context);
        var type = stays.Type;
        goes = Under(stays, goes);
        if (type.CustomMerge is { } name && context.Merges.Find(name) is not null)
        {
            var custom = EntityMerger.Merge(type, null, stays, goes, context);
            if (custom.ManualReason is null)
            {
                return custom with { Merged = Under(stays, custom.Merged) };
            }
        }

        var values = stays.Values.ToArray();
        var fields = new List<FieldMerge>();
        for (var i = 0; i < values.Length; i++)
        {
            if (Decide(stays, goes, i) is { } decision)
            {
                values[i] = decision.Value;
                fields.Add(decision.Field);
            }
        }

        return new MergeResult(new Row(type, values), fields, fields.Exists(f => f.Rule == MergeRule.Policy));
    }

    // The key, and what only the server writes, are not the other row's to say.
    private static Row Under(Row stays, Row row)
    {
        for (var i = 0; i < row.Type.Fields.Count; i++)
        {
            row = row.Type.IsKey(i) || row.Type.Fields[i].ServerDerived ? row.With(i, stays[i]) : row;
        }

        return row;
    }

    private static (Value Value, FieldMerge Field)? Decide(Row stays, Row goes, int ordinal)
    {
        var field = stays.Type.Fields[ordinal];
        var (mine, theirs) = (stays[ordinal], goes[ordinal]);
        if (theirs.IsAbsent || theirs.IsNull || mine == theirs)
        {
            return null;
        }

        if (field.Policy == FieldPolicy.Counter)
        {
            return (mine, new FieldMerge(field.Name, MergeRule.Policy, field.Policy, MergeSource.Local, "counters of duplicates are not added up"));
        }

        if (mine.IsNull || mine.IsAbsent)
        {
            return IsPartOfSetReference(stays, ordinal) ? null : (theirs, new FieldMerge(field.Name, MergeRule.OneSide, null, MergeSource.Remote));
        }

        if (field.Policy is not (FieldPolicy.Monotonic or FieldPolicy.MergeArrays or FieldPolicy.MergeObject) && field is not { Policy: FieldPolicy.LastWriterWins, Clock: not null })
        {
            return (mine, new FieldMerge(field.Name, MergeRule.Policy, field.Policy, MergeSource.Local));
        }

        var decision = FieldStrategies.Of(field.Policy)(new FieldConflict(field, Value.Absent, mine, theirs, stays, goes));
        return (decision.Value, new FieldMerge(field.Name, MergeRule.Policy, field.Policy, decision.From, decision.Note));
    }

    // Half of each side would point at a row that neither meant.
    private static bool IsPartOfSetReference(Row row, int ordinal) =>
        row.Type.Index.CompositeReferences.Any(r => r.Contains(ordinal) && r.Any(o => !row[o].IsNull && !row[o].IsAbsent));
}
