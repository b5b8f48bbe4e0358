using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Server.Tests.Push;

public sealed class ForeignWritesTests : IAsyncDisposable
{
    private static readonly Caller Anna = new(new UserId("anna"), IsAdministrator: true);

    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("notes", e => e
            .Field("id", FieldType.Integer)
            .Field("body", FieldType.Text)
            .Field("data", FieldType.Json)
            .Field("at", FieldType.Timestamp)
            .Key("id"))
        .Build();

    private readonly TempFolder _folder = new();
    private readonly SqliteServerStore _store;
    private readonly SyncServer _server;

    public ForeignWritesTests()
    {
        _store = SqliteServerStore.Open(_folder.File("server.db"), ServerEnvironment.System);
        _server = new SyncServer(_store, ServerEnvironment.System, new ServerOptions());
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task Values_written_with_sql_travel_in_their_canonical_form()
    {
        await RegisterAsync();
        Sql("INSERT INTO notes(space_id, id, body, data, at) SELECT space_id, 1, 'b', '{ \"b\": 1.0, \"a\": 2 }', '2026-01-31 12:00:00.500+00:00' FROM _tm_space");
        var row = Assert.Single((await PageAsync()).Changes).Row!;
        Assert.Equal(Value.Text("""{"a":2,"b":1}"""), row["data"]);
        Assert.Equal(Value.Text("2026-01-31T12:00:00.5Z"), row["at"]);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_value_that_cannot_travel_is_refused_by_name_and_spoils_neither_its_row_nor_the_page()
    {
        await RegisterAsync();
        Sql("INSERT INTO notes(space_id, id, body, data) SELECT space_id, 1, 'one', '1' FROM _tm_space; INSERT INTO notes(space_id, id, body, data) SELECT space_id, 2, 'two', '2' FROM _tm_space");
        Assert.Equal(2, (await PageAsync()).Changes.Count);
        Sql("UPDATE notes SET data = '{broken', body = 'changed' WHERE id = 1; UPDATE notes SET body = CAST(x'C328' AS TEXT) WHERE id = 2; INSERT INTO notes(space_id, id, at) SELECT space_id, 3, 'soon' FROM _tm_space");

        var page = await PageAsync();
        Assert.Equal([1, 2], page.Changes.Select(c => c.Key[0].AsInteger));
        Assert.All(page.Changes, c => Assert.Null(c.Fault));
        Assert.True(page.Changes[0].Row!["data"].IsAbsent);
        Assert.Equal(Value.Text("2"), page.Changes[1].Row!["data"]);
        Assert.True(page.Changes[1].Row!["body"].IsAbsent);
        Assert.Equal(3, (await _server.GetChecksumsAsync(Anna, new ChecksumsRequest(), CancellationToken.None)).Types["notes"].Rows);
        Assert.Equal(["data: ", "body: ", "at: "], Refusals().Select(r => r[..(r.IndexOf(' ', StringComparison.Ordinal) + 1)]).Distinct());
    }

    public async ValueTask DisposeAsync()
    {
        _server.Dispose();
        await _store.DisposeAsync();
        _folder.Dispose();
    }

    private async Task RegisterAsync()
    {
        await _server.PutModelAsync(Anna, SyncModelJson.ToUtf8(Model), CancellationToken.None);
        await _server.GetSpacesAsync(Anna, withLeft: false, CancellationToken.None);
    }

    private async Task<ChangesPage> PageAsync() => ChangesPage.Read(await _server.GetChangesAsync(Anna, new ChangesRequest(), CancellationToken.None), Model);

    private void Sql(string sql)
    {
        using var connection = SqliteFile.Open(_folder.File("server.db"), new OpenOptions());
        connection.Run(sql);
    }

    private List<string> Refusals()
    {
        using var connection = SqliteFile.Open(_folder.File("server.db"), new OpenOptions());
        return [.. connection.Query("SELECT refused FROM _tm_foreign WHERE refused IS NOT NULL ORDER BY id").Select(r => r[0].AsText)];
    }
}
