namespace Tidemark.Client.Storage;

/// <summary>How a store is opened.</summary>
public sealed class StoreOptions
{
    /// <summary>How long a call waits for another process's lock. Default 10 s.</summary>
    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Handlers of entity types; the generic one serves all others.</summary>
    public Handlers.SyncHandlerRegistry Handlers { get; set; } = new();

    /// <summary>The custom merges that the model may name. A store can be looked at without them, not synced. Default: none.</summary>
    public Tidemark.Model.Merging.CustomMergeRegistry Merges { get; set; } = Tidemark.Model.Merging.CustomMergeRegistry.None;

    /// <summary>How often the file is looked at for commits of others while somebody watches it; a commit of this store is noticed at once. Default 300 ms, at most a second.</summary>
    public TimeSpan LookEvery { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>What a committed write of the app survives. Default: power loss.</summary>
    public Tidemark.Sqlite.Durability Durability { get; set; } = Tidemark.Sqlite.Durability.Full;

    /// <summary>Catalog files shipped with the app: brought in when the store is opened, before any run, where they are newer than what is there. Default: none.</summary>
    public IReadOnlyList<string> Catalogs { get; set; } = [];
}
