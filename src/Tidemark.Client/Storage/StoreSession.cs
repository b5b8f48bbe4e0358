using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>A row as it is identified inside a store.</summary>
public readonly record struct RowId(int Type, EntityKey Key);

/// <summary>One connection with everything that is known of the store: model, tables, repositories, remote and user.</summary>
public sealed class StoreSession
{
    private readonly Dictionary<string, EntityTable> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<int, EntityTable> _byNumber = [];

    public StoreSession(StoreConnection db, SyncModel model, int remote, long context)
        : this(db, model, remote, context, TablesOf(db, model))
    {
    }

    private StoreSession(StoreConnection db, SyncModel model, int remote, long context, IEnumerable<EntityTable> tables)
    {
        Db = db;
        Model = model;
        Remote = remote;
        Context = context;
        foreach (var table in tables)
        {
            _byName[table.Type.Name] = table;
            _byNumber[table.Number] = table;
        }

        if (model.Entities.FirstOrDefault(e => !_byName.ContainsKey(e.Name)) is { } lost)
        {
            throw db.Damaged($"the entity type {lost.Name} of the model has no number");
        }

        Outbox = new OutboxRepository(db, remote, context);
        Cursors = new CursorRepository(db, remote);
        IdMap = new IdMapRepository(db, remote);
        Tombstones = new TombstoneRepository(db, remote);
        Offers = new OfferRepository(db, remote);
        Stage = new StageRepository(db, remote);
        Aside = new AsideRepository(db, remote);
        Remotes = new RemoteRepository(db, remote);
        Conflicts = new ConflictRepository(db, remote, model);
        Answers = new AnswerRepository(db, remote);
        Rebases = new RebaseRepository(db, remote);
        Contents = new ContentRepository(db, remote);
        FullFetches = new FullFetchRepository(db, remote);
        MergeRecords = new MergeRepository(db, remote, model);
        Owners = model.HasSpaces ? new Spaces.SpaceOwners(this) : null;
    }

    /// <summary>The same store on another connection.</summary>
    internal StoreSession(StoreConnection db, StoreSession like)
        : this(db, like, like.Remote, like.Context)
    {
    }

    /// <summary>The same store for another of its spaces.</summary>
    internal StoreSession(StoreConnection db, StoreSession like, int remote, long context)
        : this(db, like.Model, remote, context, like._byNumber.Values)
    {
        Handlers = like.Handlers;
        Merges = like.Merges;
        Committed = like.Committed;
        (Space, IsReadOnly) = (like.Space, like.IsReadOnly);
    }

    public StoreConnection Db { get; }

    /// <summary>The server's name of the shared space this session works for; null: the one that the options say.</summary>
    internal string? Space { get; init; }

    /// <summary>The space is a catalog that the user does not edit: what a restored server has lost of it is not this file's to give back.</summary>
    internal bool IsReadOnly { get; init; }

    /// <summary>Which space each row is in; null where the file holds one only.</summary>
    internal Spaces.SpaceOwners? Owners { get; }

    public SyncModel Model { get; }

    public int Remote { get; }

    /// <summary>The user and space this session works for.</summary>
    public long Context { get; }

    public OutboxRepository Outbox { get; }

    public CursorRepository Cursors { get; }

    public IdMapRepository IdMap { get; }

    public TombstoneRepository Tombstones { get; }

    public OfferRepository Offers { get; }

    public StageRepository Stage { get; }

    public AsideRepository Aside { get; }

    public RemoteRepository Remotes { get; }

    public ConflictRepository Conflicts { get; }

    public AnswerRepository Answers { get; }

    public RebaseRepository Rebases { get; }

    public ContentRepository Contents { get; }

    internal FullFetchRepository FullFetches { get; }

    internal MergeRepository MergeRecords { get; }

    public Handlers.SyncHandlerRegistry Handlers { get; init; } = new();

    /// <summary>Called when a transaction of the engine has been committed. Returns at once.</summary>
    internal Action? Committed { get; set; }

    /// <summary>Are there rows put aside at all? Read once per transaction by <see cref="Refresh"/>; saves a look-up per row.</summary>
    public bool HasAside { get; set; } = true;

    /// <summary>The custom merges of this program.</summary>
    public Tidemark.Model.Merging.CustomMergeRegistry Merges { get; init; } = Tidemark.Model.Merging.CustomMergeRegistry.None;

    /// <summary>Has any row come back since its last acceptance?</summary>
    public bool HasRebases { get; set; } = true;

    /// <summary>Are there tombstones at all?</summary>
    public bool HasTombstones { get; set; } = true;

    /// <summary>Does anybody wait for what becomes of a write?</summary>
    internal bool HasReceipts { get; private set; }

    /// <summary>Is a merge of duplicates on its way?</summary>
    internal bool HasMerges { get; set; } = true;

    /// <summary>At the start of a transaction, when what other connections did is visible.</summary>
    public void Refresh()
    {
        Owners?.Refresh();
        HasMerges = MergeRecords.HasOpen();
        HasReceipts = Receipts.ReceiptBook.HasOpen(Db);
        HasAside = Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_aside)") != 0;
        HasRebases = Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_rebase)") != 0;
        HasTombstones = Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_tombstone)") != 0;
    }

    /// <summary>A command of the row was accepted, or a person has decided.</summary>
    public void DropRebases(EntityTable table, string key)
    {
        if (HasRebases)
        {
            Rebases.Drop(table.Number, key);
        }
    }

    /// <summary>All synced tables, parents first.</summary>
    public IEnumerable<EntityTable> Tables => Model.Graph.SyncOrder.Select(Table);

    public EntityTable Table(EntityType type) => _byName[type.Name];

    public EntityTable? FindTable(string type) => _byName.GetValueOrDefault(type);

    public EntityTable? FindTable(int number) => _byNumber.GetValueOrDefault(number);

    /// <summary>The key from its wire form.</summary>
    public static EntityKey KeyFrom(EntityType type, string wire)
    {
        try
        {
            var reader = new System.Text.Json.Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(wire));
            reader.Read();
            return Tidemark.Model.Protocol.WireRow.ReadKey(type, ref reader);
        }
        catch (Tidemark.Model.Protocol.WireFormatException)
        {
            return UnfitKeys.FromWire(wire); // The key of a dead letter.
        }
    }

    /// <summary>The row as the remote last showed it: the kept base, else the live row when the remote has shown it at all.</summary>
    public Row? BaseOf(EntityTable table, EntityKey key, RowEntry? entry, Row? live) =>
        entry is null ? null : table.ReadBase(Db, key, Remote) ?? live;

    private static List<EntityTable> TablesOf(StoreConnection db, SyncModel model) =>
        [.. db.Query("SELECT n, name FROM _tm_type", s => (Number: (int)s.ColumnInt64(0), Name: s.Text(1)))
            .Where(t => model.Find(t.Name) is not null).Select(t => new EntityTable(model.Get(t.Name), t.Number))];
}
