namespace Tidemark.Client.Handlers;

/// <summary>Which handler serves an entity type. Fixed once the store is open.</summary>
public sealed class SyncHandlerRegistry
{
    private static readonly GenericSyncHandler Generic = new();
    private readonly Dictionary<string, ISyncEntityHandler> _handlers = new(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">The type has a handler already.</exception>
    public SyncHandlerRegistry Add(string entityType, ISyncEntityHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        if (!_handlers.TryAdd(entityType, handler))
        {
            throw new ArgumentException($"{entityType} has a handler already.", nameof(entityType));
        }

        return this;
    }

    public ISyncEntityHandler For(string entityType) => _handlers.GetValueOrDefault(entityType, Generic);

    /// <exception cref="ArgumentException">A handler is registered for a type the model does not have; all are named.</exception>
    internal void Check(Tidemark.Model.Entities.SyncModel model)
    {
        var unknown = _handlers.Keys.Where(name => model.Find(name) is null).Order(StringComparer.Ordinal).ToArray();
        if (unknown.Length > 0)
        {
            throw new ArgumentException($"Handlers are registered for entity types the model does not have: {string.Join(", ", unknown)}.", nameof(model));
        }
    }
}
