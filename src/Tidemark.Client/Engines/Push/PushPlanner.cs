#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>One command to be frozen.</summary>
internal sealed class PlannedCommand(RowState row, Operation operation)
{
    public RowState Row { get; } = row;

    public Operation Operation { get; } = operation;

    /// <summary>CREATE: the whole row; UPDATE and REKEY: what differs; DELETE: null.</summary>
    public Row? Payload { get; set; }

    /// <summary>Fields that take their value from another command's row.</summary>
    public Dictionary<string, PlannedCommand> Refs { get; } = new(StringComparer.Ordinal);

    /// <summary>Commands that must stand before this one.</summary>
    public List<PlannedCommand> After { get; } = [];

    /// <summary>Set when the command is part of a group of more than one.</summary>
    public PlannedCommand? GroupLeader { get; set; }

    /// <summary>Fields of optional references that will never resolve: sent as null.</summary>
    public List<string> Nullified { get; } = [];
}

/// <summary>What becomes of a snapshot: commands in order, and rows that end here.</summary>
internal sealed class PushPlan
{
    public List<PlannedCommand> Commands { get; set; } = [];

    /// <summary>No difference left, or made and deleted before anyone heard of it.</summary>
    public List<RowState> Absorbed { get; } = [];

    /// <summary>Rows whose touches stay until what they are linked to has its verdict.</summary>
    public List<RowState> Waiting { get; } = [];

    /// <summary>Rows that can never be sent as they are.</summary>
    public List<(PlannedCommand Command, string Code, string Message, string? Field)> Dead { get; } = [];
}

/// <summary>Fold, resolve, group and order: the push core. Pure; takes what was read and returns a plan.</summary>
internal static class PushPlanner
{
    public static PushPlan Plan(SyncModel model, PushSnapshot snapshot)
    {
        var plan = new PushPlan();
        var commands = new Dictionary<RowId, PlannedCommand>();
        foreach (var row in snapshot.Rows)
        {
            Fold(snapshot, row, plan, commands);
        }

        HoldBackLinked(snapshot, plan, commands);
        foreach (var command in commands.Values)
        {
            Resolve(snapshot, command, commands, plan);
        }

        foreach (var (dead, _, _, _) in plan.Dead)
        {
            commands.Remove(dead.Row.Id);
        }

        LinkDeletes(model, commands);
        LinkUniqueValues(commands);
        plan.Commands = CommandOrder.Arrange(model, [.. commands.Values]);
        return plan;
    }

    private static void Fold(PushSnapshot snapshot, RowState row, PushPlan plan, Dictionary<RowId, PlannedCommand> commands)
    {
        if (snapshot.Blocked.ContainsKey(row.Id) || (row.RekeyedFrom is { } old && snapshot.Blocked.ContainsKey(old.Id)))
        {
            plan.Waiting.Add(row);
            return;
        }

        if (row.Fault is { } fault)
        {
            plan.Dead.Add((new PlannedCommand(row, Operation.Update), ErrorCodes.ValidationFailed, fault.Message, fault.Field.Name));
            return;
        }

        if (row.RekeyedTo is not null)
        {
            return; // The command stands under the new key.
        }

        if (row.RekeyedFrom is { } former)
        {
            var changed = former.Base!.DifferenceTo(row.Live!);
            commands[row.Id] = new PlannedCommand(row, Operation.Rekey) { Payload = changed is null ? null : WithoutKey(changed) };
            return;
        }

        switch (row.Base, row.Live)
        {
            case (null, null):
                plan.Absorbed.Add(row);
                break;
            case (null, { } live):
                commands[row.Id] = new PlannedCommand(row, Operation.Create) { Payload = live };
                break;
            case ({ }, null):
                commands[row.Id] = new PlannedCommand(row, Operation.Delete);
                break;
            case ({ } @base, { } live) when WithoutDerived(@base.DifferenceTo(live)) is { } difference:
                commands[row.Id] = new PlannedCommand(row, Operation.Update) { Payload = difference };
                break;
            default:
                plan.Absorbed.Add(row);
                break;
        }
    }

    // A command linked to a row that waits must wait too; the wait spreads over references, unique values and deletions.
    private static void HoldBackLinked(PushSnapshot snapshot, PushPlan plan, Dictionary<RowId, PlannedCommand> commands)
    {
        var held = new HashSet<RowId>();
        foreach (var row in plan.Waiting)
        {
            HoldParents(snapshot, row, held);
        }

        var changed = snapshot.Blocked.Count > 0;
        while (changed)
        {
            changed = false;
            foreach (var command in commands.Values.Where(c => MustWait(snapshot, c, held)).ToArray())
            {
                changed = true;
                commands.Remove(command.Row.Id);
                Hold(snapshot, plan, command.Row, command.Operation, held);
                if (command.Row.RekeyedFrom is { } former)
                {
                    Hold(snapshot, plan, former, command.Operation, held);
                }
            }
        }
    }

    private static void Hold(PushSnapshot snapshot, PushPlan plan, RowState row, Operation operation, HashSet<RowId> held)
    {
        snapshot.Blocked[row.Id] = operation;
        plan.Waiting.Add(row);
        HoldParents(snapshot, row, held);
        foreach (var (before, after) in UniqueValuesOf(row))
        {
            if (before is { } value && before != after)
            {
                snapshot.HeldValues.Add(value);
            }
        }
    }

    // Rows that a waiting row still refers to at the remote cannot be deleted there yet.
    private static void HoldParents(PushSnapshot snapshot, RowState row, HashSet<RowId> held)
    {
        foreach (var parent in ParentsOf(snapshot, row.Base))
        {
            held.Add(parent);
        }
    }

    private static bool MustWait(PushSnapshot snapshot, PlannedCommand command, HashSet<RowId> held)
    {
        foreach (var reference in ReferencesOf(snapshot, command.Row))
        {
            if (reference.State == ParentState.Blocked
                || (reference is { State: ParentState.InBatch, Parent: { } parent } && snapshot.Blocked.ContainsKey(parent)))
            {
                return true;
            }
        }

        if (command.Operation == Operation.Delete
            && (held.Contains(command.Row.Id) || ParentsOf(snapshot, command.Row.Base).Any(p => snapshot.Blocked.TryGetValue(p, out var op) && op == Operation.Delete)))
        {
            return true;
        }

        return snapshot.HeldValues.Count > 0 && UniqueValuesOf(command.Row).Any(u => u.After is { } value && u.Before != u.After && snapshot.HeldValues.Contains(value));
    }

    private static IEnumerable<RowId> ParentsOf(PushSnapshot snapshot, Row? row)
    {
        if (row is null)
        {
            yield break;
        }

        foreach (var relation in row.Type.Relations.Where(r => r.TargetFields.Count == 0))
        {
            var parts = new Value[relation.Fields.Count];
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i] = row[relation.Fields[i]];
            }

            if (!parts.Any(p => p.IsNull || p.IsAbsent))
            {
                yield return new RowId(snapshot.TypeNumbers[relation.Target], new EntityKey(parts));
            }
        }
    }

    private static void Resolve(PushSnapshot snapshot, PlannedCommand command, Dictionary<RowId, PlannedCommand> commands, PushPlan plan)
    {
        foreach (var reference in ReferencesOf(snapshot, command.Row))
        {
            var edge = reference.Edge;
            if (reference is { State: ParentState.Synced, Parent: null } && edge.TargetsKey && command is { Operation: Operation.Create, Payload: not null })
            {
                // It refers to itself, and gets its own id with the verdict: until then its number could be somebody else's.
                ReferTo(command, command, edge);
                continue;
            }
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.ReferenceNulledTooSoon) && reference.State is ParentState.InBatch or ParentState.Blocked && !edge.Relation.Required)
            {
                Unresolvable(command, edge, plan);
                continue;
            }
#endif
            if (reference is { State: ParentState.InBatch, Parent: { } parentId } && commands.GetValueOrDefault(parentId) is { } parent)
            {
                command.After.Add(parent);
#if TIDEMARK_MUTANTS
                if (Mutants.Is(Mutant.NumberInsteadOfReference))
                {
                    continue;
                }
#endif
                if (edge.TargetsKey && parent.Operation is (Operation.Create or Operation.Rekey)) // A new key that is refused may be another row's.
                {
                    ReferTo(command, parent, edge);
                }
            }
            else if (reference.State == ParentState.Missing && !Unresolvable(command, edge, plan))
            {
                return;
            }
        }
    }

    private static void ReferTo(PlannedCommand command, PlannedCommand parent, RelationEdge edge)
    {
        foreach (var ordinal in edge.SourceOrdinals.Where(o => command.Payload is { } payload && !payload[o].IsAbsent))
        {
            command.Refs[edge.Source.Fields[ordinal].Name] = parent;
        }
    }

    // Optional and never to come: sent as null and recorded. Required: dead, before a number that could be somebody else's is sent.
    private static bool Unresolvable(PlannedCommand command, RelationEdge edge, PushPlan plan)
    {
        if (!edge.Relation.Required && command.Payload is { } payload && edge.SourceOrdinals.All(o => edge.Source.Fields[o].Nullable && !edge.Source.IsKey(o)))
        {
            foreach (var ordinal in edge.SourceOrdinals.Where(o => !payload[o].IsAbsent))
            {
                command.Payload = payload = payload.With(ordinal, Value.Null);
                command.Nullified.Add(edge.Source.Fields[ordinal].Name);
            }

            return true;
        }

        if (edge.Target.Identity != IdentityModel.ServerAssigned)
        {
            return true; // Sent as is: the server refuses it with the reason.
        }

        plan.Dead.Add((command, ErrorCodes.ParentMissing, $"{edge} refers to a row that exists nowhere.", edge.Relation.Fields[0]));
        return false;
    }

    // A deletion goes together with the deletions and moves of the rows that referred to the deleted one.
    private static void LinkDeletes(SyncModel model, Dictionary<RowId, PlannedCommand> commands)
    {
        var deletes = commands.Values.Where(c => c.Operation == Operation.Delete).ToDictionary(c => (c.Row.Table.Type.Name, c.Row.Key));
        if (deletes.Count == 0)
        {
            return;
        }

        foreach (var command in commands.Values.Where(c => c.Operation is Operation.Delete or Operation.Update))
        {
            foreach (var edge in model.Graph.From(command.Row.Table.Type).Where(e => e.TargetsKey))
            {
                if (KeyIn(command.Row.Base!, edge) is { } parentKey && deletes.TryGetValue((edge.Target.Name, parentKey), out var parent) && !ReferenceEquals(parent, command))
                {
                    parent.After.Add(command);
                    command.After.Add(parent);
                }
            }
        }
    }

    // Who takes a unique value stands behind who gives it up; a swap becomes a cycle and so a group.
    private static void LinkUniqueValues(Dictionary<RowId, PlannedCommand> commands)
    {
        var vacated = new Dictionary<UniqueValue, PlannedCommand>();
        foreach (var command in commands.Values)
        {
            foreach (var (before, after) in UniqueValuesOf(command.Row))
            {
                if (before is { } value && before != after)
                {
                    vacated[value] = command;
                }
            }
        }

        if (vacated.Count == 0)
        {
            return;
        }

        foreach (var command in commands.Values)
        {
            foreach (var (before, after) in UniqueValuesOf(command.Row))
            {
                if (after is { } value && before != after && vacated.TryGetValue(value, out var giver) && !ReferenceEquals(giver, command))
                {
                    command.After.Add(giver);
                    if (giver.Operation != Operation.Delete)
                    {
                        continue;
                    }

                    giver.After.Add(command); // A deletion must not pass without the row that takes its place.
                }
            }
        }
    }

    internal static IEnumerable<(UniqueValue? Before, UniqueValue? After)> UniqueValuesOf(RowState row)
    {
        for (var i = 0; i < row.Table.Type.UniqueKeys.Count; i++)
        {
            yield return (UniqueValue.Of(row.Table, i, row.Base), UniqueValue.Of(row.Table, i, row.Live));
        }
    }

    /// <summary>The key a row refers to by a relation; null when a part is null.</summary>
    internal static EntityKey? KeyIn(Row row, RelationEdge edge)
    {
        var parts = new Value[edge.SourceOrdinals.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = row[edge.SourceOrdinals[i]];
            if (parts[i].IsNull || parts[i].IsAbsent)
            {
                return null;
            }
        }

        return new EntityKey(parts);
    }

    private static List<ResolvedReference> ReferencesOf(PushSnapshot snapshot, RowState row) =>
        snapshot.References.GetValueOrDefault(row.Id) ?? [];

    private static Row? WithoutDerived(Row? difference)
    {
        if (difference is null)
        {
            return null;
        }

        var fields = difference.Type.Fields;
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i].ServerDerived)
            {
                difference = difference.With(i, Value.Absent);
            }
        }

        foreach (var value in difference.Values)
        {
            if (!value.IsAbsent)
            {
                return difference;
            }
        }

        return null;
    }

    private static Row? WithoutKey(Row difference)
    {
        foreach (var ordinal in difference.Type.KeyOrdinals)
        {
            difference = difference.With(ordinal, Value.Absent);
        }

        return WithoutDerived(difference);
    }
}
