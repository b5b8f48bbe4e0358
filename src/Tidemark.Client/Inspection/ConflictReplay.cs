using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>A recorded conflict that today's model settles in another way.</summary>
/// <param name="Conflict">As it was.</param>
/// <param name="Outcome">What would become of it; null when it cannot be replayed.</param>
/// <param name="Merged">The row that would come out.</param>
/// <param name="Fields">The fields that would come out differently.</param>
/// <param name="Cause">The rules have changed, or why it cannot be replayed.</param>
public sealed record ReplayDifference(ConflictRecord Conflict, string? Outcome, Row? Merged, IReadOnlyList<string> Fields, string Cause);

/// <summary>What a replay came to.</summary>
public sealed record ReplayReport(int Replayed, IReadOnlyList<ReplayDifference> Differences);

/// <summary>Runs recorded conflicts through a model. Changes nothing.</summary>
public static class ConflictReplay
{
    /// <param name="conflicts">As recorded.</param>
    /// <param name="model">The model to ask.</param>
    /// <param name="handlers">The handlers of the program.</param>
    /// <param name="merges">Its custom merges.</param>
    public static ReplayReport Run(IEnumerable<ConflictRecord> conflicts, SyncModel model, SyncHandlerRegistry handlers, CustomMergeRegistry merges)
    {
        ArgumentNullException.ThrowIfNull(conflicts);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(handlers);
        ArgumentNullException.ThrowIfNull(merges);
        var replayed = 0;
        var differences = new List<ReplayDifference>();
        foreach (var conflict in conflicts)
        {
            replayed++;
            if (Replay(conflict, model, handlers, merges) is { } difference)
            {
                differences.Add(difference);
            }
        }

        return new ReplayReport(replayed, differences);
    }

    private static ReplayDifference? Replay(ConflictRecord conflict, SyncModel model, SyncHandlerRegistry handlers, CustomMergeRegistry merges)
    {
        if (conflict.Outcome is ConflictRecord.Discarded or ConflictRecord.AsideDiscarded)
        {
            return null; // A person's decision, and no rule's.
        }

        if (model.Find(conflict.Type) is not { } type)
        {
            return new ReplayDifference(conflict, null, null, [], "The model has no such type any more.");
        }

        if (type.CustomMerge is { } custom && merges.Find(custom) is null)
        {
            return new ReplayDifference(conflict, null, null, [], $"This program has no custom merge named {custom}: replay in the app that registers it.");
        }

        if (conflict.PolicyHash is null)
        {
            return null; // Rows that depend on it decided, and they are not recorded with it.
        }

        var input = new ConflictInput(type, In(type, conflict.Base), In(type, conflict.Local), In(type, conflict.Server))
        {
            IsRemoteDeleted = conflict.IsServerDeleted,
            IsOutOfRebases = conflict.Reason == GenericSyncHandler.OutOfRebases,
        };
        var now = handlers.For(type.Name).HandleConflict(input, new MergeContext { Now = conflict.At, Merges = merges });
        var outcome = ConflictOutcomes.NameOf(now.Outcome);
        var then = conflict.Outcome == "MANUAL_REQUIRED" ? null : In(type, conflict.Merged); // What a person made of it is nobody's rule.
        var merged = now.Outcome == ConflictOutcome.ManualRequired ? null : now.Merged;
        var fields = FieldsBetween(type, then, merged);
        if (outcome == conflict.Outcome && fields.Count == 0)
        {
            return null;
        }

        return new ReplayDifference(conflict, outcome, merged, fields, PolicyHash.Of(type) == conflict.PolicyHash ? "The rules are the same: a handler or custom merge has changed." : "The rules have changed.");
    }

    private static List<string> FieldsBetween(EntityType type, Row? then, Row? now)
    {
        if (then is null || now is null)
        {
            return (then is null) == (now is null) ? [] : ["(the whole row)"];
        }

        return [.. type.Fields.Where((_, i) => then[i] != now[i]).Select(f => f.Name)];
    }

    // The fields of today's model; what the record does not know is withheld.
    private static Row? In(EntityType type, Row? row) =>
        row is null || row.Type == type ? row : new Row(type, [.. type.Fields.Select(f => row.Type.FindOrdinal(f.Name) is >= 0 and var ordinal ? row[ordinal] : Value.Absent)]);
}
