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

/// <summary>Checks a model whole.</summary>
public static class ModelValidator
{
    /// <summary>The model itself when it has no fault.</summary>
    /// <exception cref="ModelException">The model has faults.</exception>
    public static SyncModel Checked(SyncModel model)
    {
        var faults = FaultsOf(model);
        return faults.Count == 0 ? model : throw new ModelException(faults);
    }

    public static IReadOnlyList<ModelFault> FaultsOf(SyncModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [];
    }
}
