using Tidemark.Model.Entities;

namespace Tidemark.Model.Merging;

/// <summary>The custom merges a program has, by the names its model may use. Filled once, before anything is opened with it.</summary>
public sealed class CustomMergeRegistry
{
    private readonly Dictionary<string, CustomMerge> _merges = new(StringComparer.Ordinal);
    private bool _isFixed;

    /// <summary>No custom merge at all.</summary>
    public static CustomMergeRegistry None { get; } = new() { _isFixed = true };

    public IReadOnlyCollection<string> Names => _merges.Keys;

    /// <exception cref="ArgumentException">The name is taken.</exception>
    /// <exception cref="InvalidOperationException">A model was checked against the registry already.</exception>
    public CustomMergeRegistry Add(string name, CustomMerge merge)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(merge);
        if (_isFixed)
        {
            throw new InvalidOperationException("The registry is in use: what merges a row must not change while it is. Register every merge before.");
        }

        if (!_merges.TryAdd(name, merge))
        {
            throw new ArgumentException($"There is a custom merge named {name} already.", nameof(name));
        }

        return this;
    }

    public CustomMerge? Find(string name) => _merges.GetValueOrDefault(name);

    /// <summary>Fixes the registry for good and makes sure that it has every merge the model names.</summary>
    /// <exception cref="ArgumentException">The model names merges that are not registered; all are listed.</exception>
    public void Check(SyncModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var unknown = UnknownOf(model);
        if (unknown.Count > 0)
        {
            throw new ArgumentException(
                $"The model names custom merges that this program has not registered: {string.Join(", ", unknown.Select(t => $"{t.CustomMerge} ({t.Name})"))}. Without them its rows would be merged by other rules than elsewhere.",
                nameof(model));
        }

        _isFixed = true;
    }

    /// <summary>The types whose merge is not registered.</summary>
    public IReadOnlyList<EntityType> UnknownOf(SyncModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. model.Entities.Where(e => e.CustomMerge is { } name && !_merges.ContainsKey(name))];
    }
}
