namespace Tidemark.Model.Entities;

/// <summary>Which space a row is in must be clear from the row, or from one that it refers to.</summary>
internal static class SpaceChecks
{
    public static void Run(IReadOnlyList<EntityType> entities, List<ModelFault> faults)
    {
        if (!entities.Any(e => e.Space is not null || e.Catalog is not null))
        {
            return;
        }

        foreach (var entity in entities)
        {
            // Ids that a server gives are given once in each space: two rows of one file would have the same.
            if (entity.Identity == IdentityModel.ServerAssigned)
            {
                faults.Add(new ModelFault(entity.Name, null, "A file that holds several spaces needs keys made by devices (UUIDs); this type's are the server's."));
            }

            if (entity.Catalog is { } catalog && !IsCatalogName(catalog))
            {
                faults.Add(new ModelFault(entity.Name, null, "The name of a catalog has 1 to 64 of a-z, 0-9 and -."));
            }

            if (entity.Space is { } name && FaultOf(entity, name) is { } fault)
            {
                faults.Add(new ModelFault(entity.Name, name, fault));
            }
        }
    }

    private static string? FaultOf(EntityType entity, string name)
    {
        if ((entity.Fields ?? []).FirstOrDefault(f => string.Equals(f?.Name, name, StringComparison.Ordinal)) is not { } field)
        {
            return "The field that says the space does not exist.";
        }

        if (entity.Relations.Any(r => r?.Fields is [var only] && string.Equals(only, name, StringComparison.Ordinal) && r.TargetFields.Count == 0))
        {
            return null;
        }

        return field.ServerDerived || field.Encrypted || field.Type is not (FieldType.Text or FieldType.Exact)
            ? "The field that says the space is text (a space's id) and the app's to set, or a reference of one field to the key of the row whose space it shares."
            : null;
    }

    internal static bool IsCatalogName(string name) => name.Length is > 0 and <= 64 && name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');
}
