namespace Tidemark.Model.Entities;

/// <summary>The faults of a type's conflict configuration.</summary>
internal sealed class PolicyChecks(EntityType type, Field[] fields, Action<string?, string> add)
{
    public void Run()
    {
        foreach (var field in fields.Where(f => Enum.IsDefined(f.Policy) && Enum.IsDefined(f.Type)))
        {
            TypeFaults(field);
            OptionFaults(field);
        }

        if (type.CustomMerge is { } name && NameChecks.FaultOf(name, "custom merge") is { } fault)
        {
            add(null, fault);
        }

        if (type is { CustomMerge: not null, ConflictFree: true })
        {
            add(null, "A type that is conflict-free is never merged; leave customMerge or conflictFree out.");
        }
    }

    private void TypeFaults(Field field)
    {
        if (field.Policy != FieldPolicy.LastWriterWins && !Fits(field.Policy, field.Type))
        {
            add(field.Name, $"The policy {field.Policy} does not fit the type {field.Type}.");
        }

        if (IsMadeOfBoth(field.Policy) && (type.Key ?? []).Contains(field.Name, StringComparer.Ordinal))
        {
            add(field.Name, $"A key field cannot have the policy {field.Policy}.");
        }

        if (IsMadeOfBoth(field.Policy) && type.Relations.Any(r => r?.Fields?.Contains(field.Name, StringComparer.Ordinal) == true))
        {
            add(field.Name, $"A field of a relation cannot have the policy {field.Policy}: it would refer to a row that nobody meant.");
        }
    }

    private void OptionFaults(Field field)
    {
        if (field.ArrayKey is not null && (field.Policy != FieldPolicy.MergeArrays || field.ArrayKey.Length == 0))
        {
            add(field.Name, "arrayKey names a member and belongs to the policy MergeArrays.");
        }

        if (field.States is { } states && (field.Policy != FieldPolicy.Monotonic || states.Count < 2 || states.Any(string.IsNullOrEmpty) || states.Distinct(StringComparer.Ordinal).Count() < states.Count
            || field.Type is not (FieldType.Text or FieldType.Exact)))
        {
            add(field.Name, "states are two or more different texts in their order, for a Text or Exact field with the policy Monotonic.");
        }

        if (field.Clock is not { } clock)
        {
            return;
        }

        if (field.Policy != FieldPolicy.LastWriterWins || string.Equals(clock, field.Name, StringComparison.Ordinal))
        {
            add(field.Name, "clock names another field and belongs to the policy LastWriterWins.");
        }
        else if (Array.Find(fields, f => string.Equals(f.Name, clock, StringComparison.Ordinal)) is not { Policy: FieldPolicy.Monotonic, States: null })
        {
            add(field.Name, $"The clock {clock} must be a field of this type with the policy Monotonic, without states.");
        }
    }

    private static bool Fits(FieldPolicy policy, FieldType fieldType) => policy switch
    {
        FieldPolicy.MergeArrays or FieldPolicy.MergeObject => fieldType is FieldType.Json or FieldType.Text or FieldType.Exact,
        FieldPolicy.Text => fieldType is FieldType.Text or FieldType.Exact,
        FieldPolicy.Counter => fieldType is FieldType.Integer or FieldType.Real or FieldType.Decimal or FieldType.Exact,
        FieldPolicy.Monotonic => fieldType is not (FieldType.Blob or FieldType.Json or FieldType.Uuid),
        _ => true,
    };

    // Its result can be a value that neither side wrote.
    private static bool IsMadeOfBoth(FieldPolicy policy) => policy is FieldPolicy.MergeArrays or FieldPolicy.MergeObject or FieldPolicy.Counter or FieldPolicy.Text;
}
