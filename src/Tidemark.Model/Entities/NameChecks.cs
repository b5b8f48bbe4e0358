using Tidemark.Model.Values;

namespace Tidemark.Model.Entities;

/// <summary>What may be a name of a type, field, table or column. Spaces and quotes may: every name is quoted where it is used.</summary>
internal static class NameChecks
{
    /// <summary>Why the name cannot be used; null when it can.</summary>
    public static string? FaultOf(string? name, string what)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            return $"The {what} is empty.";
        }

        if (name.Length > ModelValidator.NameCharsMax)
        {
            return $"The {what} has {name.Length} characters; at most {ModelValidator.NameCharsMax} are allowed.";
        }

        if (name.StartsWith("_tm_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))
        {
            return $"The {what} {name} begins with {(name[0] == '_' ? "_tm_, which is Tidemark's" : "sqlite_, which is SQLite's")}.";
        }

        return TextRules.FaultOf(name) is { } fault ? $"The {what} cannot be used: {fault}." : null;
    }

    /// <summary>SQLite does not tell Name from NAME, so the model does not either.</summary>
    /// <param name="faults">Where to add.</param>
    /// <param name="entity">Whose fields the owners are; null when the owners are entity types.</param>
    /// <param name="what">What is named.</param>
    /// <param name="names">Each name with the field or entity type that has it.</param>
    public static void Duplicates(List<ModelFault> faults, string? entity, string what, IEnumerable<(string Name, string Owner)> names)
    {
        foreach (var group in names.GroupBy(n => n.Name ?? "", StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
        {
            var first = group.First().Owner;
            var message = $"The {what} {group.Key} stands {group.Count()} times, apart from case: {string.Join(", ", group.Select(n => n.Owner))}.";
            faults.Add(entity is null ? new ModelFault(first, null, message) : new ModelFault(entity, first, message));
        }
    }
}
