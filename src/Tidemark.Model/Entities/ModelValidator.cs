namespace Tidemark.Model.Entities;

/// <summary>One fault of a model.</summary>
public sealed record ModelFault(string? Entity, string? Field, string Message)
{
    public override string ToString() => (Entity, Field) switch
    {
        (null, _) => Message,
        (_, null) => $"{Entity}: {Message}",
        _ => $"{Entity}.{Field}: {Message}",
    };
}

/// <summary>A model that cannot be used; every fault is listed at once.</summary>
public sealed class ModelException(IReadOnlyList<ModelFault> faults, Exception? inner = null)
    : Exception("The model has " + faults.Count + (faults.Count == 1 ? " fault:\n" : " faults:\n") + string.Join('\n', faults.Select(f => "- " + f)), inner)
{
    public IReadOnlyList<ModelFault> Faults { get; } = faults;
}

/// <summary>Checks a model whole, also one that makes no sense: nothing here follows a name before it was found.</summary>
public static class ModelValidator
{
    /// <summary>Fields of one entity type, at most.</summary>
    public const int FieldsMax = 1000;

    /// <summary>Fields of one key, at most.</summary>
    public const int KeyFieldsMax = 8;

    /// <summary>The column that leads every table of the server; no field has its name.</summary>
    public const string SpaceColumn = "space_id";

    /// <summary>Characters of one name, at most.</summary>
    public const int NameCharsMax = 200;

    /// <summary>The model itself when it has no fault.</summary>
    /// <exception cref="ModelException">The model has faults.</exception>
    public static SyncModel Checked(SyncModel model)
    {
        var faults = FaultsOf(model);
        return faults.Count == 0 ? model : throw new ModelException(faults);
    }

    /// <summary>Every fault, in the order of the model.</summary>
    public static IReadOnlyList<ModelFault> FaultsOf(SyncModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var faults = new List<ModelFault>();
        if (model.Version < 1)
        {
            faults.Add(new ModelFault(null, null, $"The version must be 1 or more; it is {model.Version}."));
        }

        var entities = (model.Entities ?? []).Where(e => e is not null).ToArray();
        if (entities.Length != (model.Entities?.Count ?? -1))
        {
            faults.Add(new ModelFault(null, null, "entities must be a list without nulls."));
        }

        NameChecks.Duplicates(faults, null, "entity type", entities.Select(e => (e.Name, e.Name)));
        NameChecks.Duplicates(faults, null, "table", entities.Select(e => (e.TableName, e.Name)).DistinctBy(n => n.Name, StringComparer.OrdinalIgnoreCase));
        foreach (var entity in entities)
        {
            new EntityChecks(entity, faults).Run();
        }

        var byName = entities.GroupBy(e => e.Name ?? "", StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        foreach (var entity in entities)
        {
            new RelationChecks(entity, byName, faults).Run();
        }

        SpaceChecks.Run(entities, faults);
        SchemaFaults(faults, model.Schema);
        return faults;
    }

    private static void SchemaFaults(List<ModelFault> faults, IReadOnlyList<SchemaObject> schema)
    {
        foreach (var item in schema)
        {
            if (item is null || item.Kind is not ("table" or "index" or "trigger" or "view") || string.IsNullOrWhiteSpace(item.Name) || string.IsNullOrWhiteSpace(item.Sql))
            {
                faults.Add(new ModelFault(null, null, $"Schema object {item?.Name}: a kind (table, index, trigger, view), a name and SQL are wanted."));
            }
        }
    }
}
