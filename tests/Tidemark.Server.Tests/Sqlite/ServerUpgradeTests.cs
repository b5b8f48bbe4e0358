using Microsoft.Data.Sqlite;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Sqlite;

/// <summary>Files of servers before and after this one.</summary>
public sealed class ServerUpgradeTests : IDisposable
{
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("the boxes", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Key("id").Unique("name"))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("title", FieldType.Text).Key("id").ServerAssigned())
        .Build();

    private const long Newest = 4;
    private readonly TempFolder _folder = new();
    private readonly ServerEnvironment _environment = new() { Time = new ManualTime() };

    public ServerUpgradeTests() => SystemSqlite.Use();

    private string File => _folder.File("server.db");

    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_of_the_first_format_keeps_rows_tombstones_and_verdicts_and_answers_on()
    {
        PushCommand[] sent = [];
        ChangesPage before = null!;
        PushResponse answered = null!;
        await ServeAsync(async device =>
        {
            sent = [device.Create("the boxes", ["b", "B"]), device.Create("things", [1, "one"]), device.Create("things", [2, "two"])];
            answered = await device.PushAsync(sent);
            await device.PushAsync(device.Delete("things", EntityKey.Of(2), answered.Successful[2].Version));
            before = await device.PageAsync();
        });
        MakeFirstFormat();
        await ServeAsync(async device =>
        {
            var page = await device.PageAsync();
            Assert.Equal(before.Changes.Select(c => (c.TypeName, c.Key, c.Version, c.Row is null)), page.Changes.Select(c => (c.TypeName, c.Key, c.Version, c.Row is null)));
            Assert.All(page.Changes, c => Assert.Null(c.MadeBy));
            Assert.Empty((await device.PageAsync(new ChangesRequest { Cursor = before.Tail.NextCursor })).Changes);

            // The verdicts are there, also of the row that is deleted since.
            var again = await device.PushAsync(sent);
            Assert.Equal(answered.Successful.Select(v => (v.CommandId, v.Version)), again.Successful.Select(v => (v.CommandId, v.Version)));
            Assert.Equal(page.Changes.Count, (await device.PageAsync()).Changes.Count);

            // A tombstone of before keeps its id for itself; a new row has its maker, an old one stays without.
            var made = device.Create("things", [2, "new"]);
            Assert.Empty((await device.PushAsync(made, device.Update("things", EntityKey.Of(1), answered.Successful[1].Version, "title", "edited"))).Conflicts);
            var rows = (await device.PageAsync()).Changes.Where(c => c.TypeName == "things").ToDictionary(c => c.Key[0].AsInteger);
            Assert.Equal([1L, 2L, 3L], rows.Keys.Order());
            Assert.Equal((null, null, made.Id), (rows[1].MadeBy, rows[2].MadeBy, rows[3].MadeBy));
            Assert.Equal("edited", rows[1].Row!["title"].AsText);
            await device.PushAsync(device.Delete("things", EntityKey.Of(3), rows[3].Version), device.Delete("things", EntityKey.Of(1), rows[1].Version));
            Assert.Equal([null, null, made.Id], (await device.PageAsync()).Changes.Where(c => c.Row is null).OrderBy(c => c.Key[0].AsInteger).Select(c => c.MadeBy));
        });
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_lost_row_meets_one_of_the_first_format_under_its_id_and_gets_another()
    {
        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "old"])));
        MakeFirstFormat();
        await ServeAsync(async device =>
        {
            var lost = Guid.CreateVersion7();
            var offer = device.Offer("things", [1, "lost"], 5);
            var envelope = new PushEnvelope
            {
                DeviceId = "one",
                StoreId = "one",
                Lost = new() { [offer.Id.ToString("D")] = new() { ["things"] = new() { ["1"] = lost } } },
            };
            Assert.Single((await device.PushAsync(envelope, offer)).Successful);
            Assert.Equal([(1L, "old", null), (2L, "lost", (Guid?)lost)], (await device.PageAsync()).Changes.Select(c => (c.Key[0].AsInteger, c.Row!["title"].AsText, c.MadeBy)));
        });
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task What_an_upgrade_leads_to_is_what_a_new_file_has()
    {
        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "one"])));
        var columns = Columns();
        MakeFirstFormat();
        Assert.NotEqual(columns, Columns());
        await ServeAsync(device => device.PageAsync());
        Assert.Equal(columns, Columns());
        Assert.Equal(Newest, Format());
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_of_the_second_format_gets_its_lease_book()
    {
        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "one"])));
        var columns = Columns();
        using (var connection = Connect())
        {
            connection.Run("DROP TABLE _tm_shared; DROP TABLE _tm_member; DROP TABLE _tm_invitation; DROP TABLE _tm_lease; UPDATE _tm_meta SET value = 2 WHERE key = 'server_format'");
        }

        await ServeAsync(async device => Assert.Single((await device.PageAsync()).Changes));
        Assert.Equal(columns, Columns());
        Assert.Equal(Newest, Format());
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_without_any_model_is_upgraded_too()
    {
        await using (SqliteServerStore.Open(File, _environment))
        {
        }

        using (var connection = Connect())
        {
            connection.Run("DROP TABLE _tm_shared; DROP TABLE _tm_member; DROP TABLE _tm_invitation; DROP TABLE _tm_made; DROP TABLE _tm_lease; UPDATE _tm_meta SET value = 1 WHERE key = 'server_format'");
        }

        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "one"])));
        Assert.Equal(Newest, Format());
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task An_upgrade_that_fails_changes_nothing()
    {
        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "one"])));
        MakeFirstFormat();
        using (var connection = Connect())
        {
            connection.Run("ALTER TABLE _tm_gone_things RENAME TO elsewhere");
        }

        var columns = Columns();
        Assert.ThrowsAny<StoreException>(() => SqliteServerStore.Open(File, _environment));
        Assert.Equal(columns, Columns());
        Assert.Equal(1, Format());
        using (var connection = Connect())
        {
            connection.Run("ALTER TABLE elsewhere RENAME TO _tm_gone_things");
        }

        await ServeAsync(async device => Assert.Single((await device.PageAsync()).Changes));
    }

    [Theory]
    [InlineData("99", StoreTrouble.NewerVersion, "Upgrade this program")]
    [InlineData("0", StoreTrouble.Damaged, "Restore it from a backup")]
    [InlineData("-9223372036854775808", StoreTrouble.Damaged, "Restore it from a backup")]
    [InlineData("NULL", StoreTrouble.SchemaMismatch, "Give the server a folder of its own")]
    [Trait("req", "STO-13")]
    public async Task A_format_that_this_server_does_not_know_is_refused_with_its_cure_and_not_touched(string format, StoreTrouble trouble, string cure)
    {
        await ServeAsync(device => device.PushAsync(device.Create("things", [1, "one"])));
        using (var connection = Connect())
        {
            connection.Run($"UPDATE _tm_meta SET value = {format} WHERE key = 'server_format'; UPDATE _tm_meta SET value = x'7b' WHERE key = 'model'");
        }

        var columns = Columns();
        var refused = Assert.Throws<StoreException>(() => SqliteServerStore.Open(File, _environment));
        Assert.Equal(trouble, refused.Trouble);
        Assert.Contains(cure, refused.Message, StringComparison.Ordinal);
        Assert.Equal(columns, Columns());
    }

    public void Dispose() => _folder.Dispose();

    private SqliteConnection Connect() => SqliteFile.Open(File, new OpenOptions());

    // As the first format had it.
    private void MakeFirstFormat()
    {
        using var connection = Connect();
        connection.Run("""
            DROP TABLE _tm_shared; DROP TABLE _tm_member; DROP TABLE _tm_invitation; 
            DROP TABLE _tm_made;
            DROP TABLE _tm_lease;
            ALTER TABLE things DROP COLUMN _tm_made_by;
            ALTER TABLE "the boxes" DROP COLUMN _tm_made_by;
            ALTER TABLE _tm_gone_things DROP COLUMN made_by;
            ALTER TABLE "_tm_gone_the boxes" DROP COLUMN made_by;
            UPDATE _tm_meta SET value = 1 WHERE key = 'server_format';
            """);
    }

    private long Format()
    {
        using var connection = Connect();
        return connection.Scalar("SELECT value FROM _tm_meta WHERE key = 'server_format'").AsInteger;
    }

    private List<string> Columns()
    {
        using var connection = Connect();
        return [.. connection.Query("""
            SELECT m.type || ' ' || m.name || ' ' || coalesce(c.name || ' ' || c.type || c."notnull" || c.pk, '')
            FROM sqlite_master AS m LEFT JOIN pragma_table_info(m.name) AS c WHERE m.name NOT LIKE 'sqlite_%' ORDER BY 1
            """).Select(r => r[0].AsText)];
    }

    private async Task ServeAsync(Func<PushingDevice, Task> work)
    {
        await using var store = SqliteServerStore.Open(File, _environment);
        using var server = new SyncServer(store, _environment, new ServerOptions());
        var device = new PushingDevice(server, Model, "anna", "s" + Guid.CreateVersion7().ToString("N"));
        await server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(Model), CancellationToken.None);
        await work(device);
    }
}
