using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Handlers;

/// <summary>The registry, the generic handler and the id cascade.</summary>
public sealed class HandlerTests
{
    [Fact]
    [Trait("req", "PULL-02")]
    public async Task A_registered_handler_serves_its_type_and_the_generic_one_all_others()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'x', NULL); INSERT INTO book VALUES(1, 1, 't', NULL);");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.Store.DisposeAsync();
        var shouting = new Shouting();
        await using var store = LocalStore.Open(b.Path, new StoreOptions { Handlers = new SyncHandlerRegistry().Add("author", shouting) }, SyncEnvironment.System);
        b.Use(world, store);
        await b.SyncAsync();
        Assert.Equal(1, shouting.Inserted);
        Assert.Equal(1, b.Count("SELECT count(*) FROM book"));
    }

    [Fact]
    [Trait("req", "PULL-02")]
    public async Task A_handler_for_an_unknown_type_is_refused_at_open()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes);
        var options = new StoreOptions { Handlers = new SyncHandlerRegistry().Add("nothing", new Shouting()) };
        Assert.Contains("nothing", Assert.Throws<ArgumentException>(() => LocalStore.Open(store.Store.Path, options, SyncEnvironment.System)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    public async Task The_cascade_reaches_required_optional_self_and_composite_references()
    {
        const string sql = """
            CREATE TABLE list(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES list(id));
            CREATE TABLE entry(list_id INTEGER NOT NULL REFERENCES list(id), n INTEGER NOT NULL, PRIMARY KEY(list_id, n));
            CREATE TABLE mark(id TEXT PRIMARY KEY, list_id INTEGER, n INTEGER, FOREIGN KEY(list_id, n) REFERENCES entry(list_id, n));
            """;
        await using var store = await TestStore.MakeAsync(sql);
        var columns = store.Session.Model.Graph.IdColumnsOf(store.Session.Model.Get("list"));
        Assert.Equal(
            ["list.id", "entry.list_id", "list.parent", "mark.list_id"],
            columns.Select(c => $"{c.Type.Name}.{c.Type.Fields[c.Ordinal].Name}").OrderBy(n => n != "list.id").ThenBy(n => n, StringComparer.Ordinal));
        var statements = IdCascade.BuildIdCascadeStatements(columns, store.Session.Table);
        Assert.Equal(statements, IdCascade.BuildIdCascadeStatements(columns, store.Session.Table));
        Assert.All(statements, s => Assert.Contains("temp._tm_map", s, StringComparison.Ordinal));
    }

    private sealed class Shouting : GenericSyncHandler
    {
        public int Inserted { get; private set; }

        public override void Insert(StoreConnection db, EntityTable table, Row row)
        {
            Inserted++;
            base.Insert(db, table, row);
        }
    }
}
