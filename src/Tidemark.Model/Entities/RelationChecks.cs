namespace Tidemark.Model.Entities;

/// <summary>The faults of the references that leave one entity type.</summary>
internal sealed class RelationChecks(EntityType type, IReadOnlyDictionary<string, EntityType> types, List<ModelFault> faults)
{
    public void Run()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var relation in type.Relations)
        {
            if (relation?.Fields is not { Count: > 0 } || relation.Target is null || !Enum.IsDefined(relation.OnDelete))
            {
                faults.Add(new ModelFault(type.Name, null, "A relation needs fields, a target and a known delete rule."));
                continue;
            }

            if (!seen.Add(string.Join('\0', [.. relation.Fields, "", relation.Target, .. relation.TargetFields])))
            {
                Add(relation, $"The relation to {relation.Target} stands twice.");
            }

            SourceFaults(relation);
            if (types.TryGetValue(relation.Target, out var target))
            {
                TargetFaults(relation, target);
            }
            else
            {
                Add(relation, $"The relation's target {relation.Target} is no entity type of the model.");
            }
        }
    }

    private void SourceFaults(Relation relation)
    {
        foreach (var name in relation.Fields)
        {
            if (Find(type, name) is not { } field)
            {
                faults.Add(new ModelFault(type.Name, name, "A relation names a field that does not exist."));
                continue;
            }

            if (field.Encrypted)
            {
                faults.Add(new ModelFault(type.Name, name, "A field of a relation must not be encrypted: the server could not follow it."));
            }

            if (relation.Required && field.Nullable)
            {
                faults.Add(new ModelFault(type.Name, name, $"The relation to {relation.Target} is required, the field is nullable: make it not nullable or the relation optional."));
            }

            if (relation.OnDelete == DeleteRule.SetNull && (!field.Nullable || (type.Key ?? []).Contains(name, StringComparer.Ordinal)))
            {
                faults.Add(new ModelFault(type.Name, name, $"The deletion of {relation.Target} is to set the field to null, but it is not nullable."));
            }
        }

        if (relation.Fields.Distinct(StringComparer.Ordinal).Count() != relation.Fields.Count)
        {
            Add(relation, "A relation names a field twice.");
        }
    }

    private void TargetFaults(Relation relation, EntityType target)
    {
        var names = relation.TargetFields.Count == 0 ? target.Key ?? [] : relation.TargetFields;
        if (names.Count != relation.Fields.Count)
        {
            Add(relation, $"The relation has {relation.Fields.Count} fields, {target.Name} is referenced by {names.Count}.");
            return;
        }

        for (var i = 0; i < names.Count; i++)
        {
            var there = Find(target, names[i]);
            if (there is null && relation.TargetFields.Count > 0)
            {
                Add(relation, $"{target.Name} has no field {names[i]} to refer to.");
            }
            else if (there is not null && Find(type, relation.Fields[i]) is { } here && !Comparable(here.Type, there.Type))
            {
                faults.Add(new ModelFault(type.Name, here.Name, $"The field is {here.Type}, {target.Name}.{there.Name} that it refers to is {there.Type}."));
            }
        }

        if (relation.TargetFields.Count > 0 && !IsUnique(target, relation.TargetFields))
        {
            Add(relation, $"A relation must refer to the key or a unique key of {target.Name}, not to {string.Join(", ", relation.TargetFields)}.");
        }
    }

    // An exact field holds the canonical value of these types as it is.
    private static bool Comparable(FieldType a, FieldType b) =>
        a == b
        || (a == FieldType.Exact && b is (FieldType.Integer or FieldType.Text or FieldType.Blob))
        || (b == FieldType.Exact && a is (FieldType.Integer or FieldType.Text or FieldType.Blob));

    private static bool IsUnique(EntityType target, IReadOnlyList<string> fields)
    {
        var wanted = fields.ToHashSet(StringComparer.Ordinal);
        return wanted.SetEquals(target.Key ?? []) || target.UniqueKeys.Any(u => u?.Fields is { } unique && wanted.SetEquals(unique));
    }

    private static Field? Find(EntityType type, string? name) =>
        (type.Fields ?? []).FirstOrDefault(f => f is not null && string.Equals(f.Name, name, StringComparison.Ordinal));

    private void Add(Relation relation, string message) =>
        faults.Add(new ModelFault(type.Name, string.Join(", ", relation.Fields), message));
}
