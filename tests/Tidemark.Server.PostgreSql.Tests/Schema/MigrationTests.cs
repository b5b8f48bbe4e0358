using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Testing.Postgres;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Schema;

/// <summary>Tables are made and altered from the model, by any node, without a pause.</summary>
public sealed class MigrationTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-02")]
    public async Task Nodes_that_open_a_new_schema_at_once_all_find_it_set_up()
    {
        var schema = PostgresCluster.NewSchema();
        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PostgresServerStore.OpenAsync(Stores.OptionsOf(schema), Environment, None)));
        foreach (var store in stores)
        {
            Assert.Null(await Kept(store).GetModelAsync(None));
        }
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task A_schema_of_a_newer_server_is_refused_and_not_touched()
    {
        await DeviceAsync();
        await SqlAsync("INSERT INTO _tm_format(version) VALUES (99)");
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => PostgresServerStore.OpenAsync(Stores.OptionsOf(Schema), Environment, None));
        Assert.Contains("newer server", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_model_that_grows_on_one_node_while_another_pushes_is_taken_up_by_both_and_loses_nothing()
    {
        var one = await DeviceAsync();
        await using var otherStore = Stores.Open(Environment, Schema);
        using var otherServer = new SyncServer(otherStore, Environment, new ServerOptions());
        await one.PushAsync(one.Create("boxes", ["a", "A", 1]));
        var pushing = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
            {
                Assert.Single((await one.PushAsync(one.Create("boxes", [$"n{i}", $"n{i}", i]))).Successful);
            }
        });
        var boxes = Model.Get("boxes");
        var grown = SyncModelJson.Parse(SyncModelJson.ToUtf8(Model with
        {
            Version = 2,
            Entities =
            [
                .. Model.Entities.Where(e => e.Name != "boxes"),
                boxes with { Fields = [.. boxes.Fields, new Field { Name = "more", Type = FieldType.Decimal }], UniqueKeys = [.. boxes.UniqueKeys, new UniqueKey { Fields = ["size", "more"] }] },
                new EntityType { Name = "zoo", Key = ["id"], Fields = [new Field { Name = "id", Type = FieldType.Uuid, Nullable = false }] },
            ],
        }));
        await otherServer.PutModelAsync(one.Caller, SyncModelJson.ToUtf8(grown), None);
        await pushing;

        // The node that was not told learns of it with its next transaction.
        var newer = new PushingDevice(Server, grown, "anna", "newer");
        var answer = await newer.PushAsync(newer.Create("boxes", ["b", "B", 2, "12.50"]), newer.Create("zoo", ["0197f0aa-0000-7000-8000-000000000001"]));
        Assert.Equal(2, answer.Successful.Count);
        Assert.Equal("12.5", (await newer.PageAsync()).Changes.Single(c => c.Key == EntityKey.Of("b")).Row!["more"].AsText);
        Assert.Equal(62L, await SqlAsync("SELECT count(*) FROM boxes"));
        Assert.Equal(1L, await SqlAsync("SELECT count(*) FROM pg_indexes WHERE tablename = 'boxes' AND indexname LIKE '%size_more'"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task Models_put_by_two_nodes_at_once_are_both_in_the_end()
    {
        var device = await DeviceAsync();
        await using var otherStore = Stores.Open(Environment, Schema);
        using var otherServer = new SyncServer(otherStore, Environment, new ServerOptions());
        SyncModel With(string name) => SyncModelJson.Parse(SyncModelJson.ToUtf8(Model with { Version = 2, Entities = [.. Model.Entities, new EntityType { Name = name, Key = ["id"], Fields = [new Field { Name = "id", Type = FieldType.Text, Nullable = false }] }] }));
        await Task.WhenAll(
            Server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(With("left")), None),
            otherServer.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(With("right")), None));
        var third = Kept(Stores.Open(Environment, Schema));
        var model = (await third.GetModelAsync(None))!;
        Assert.NotNull(model.Find("left"));
        Assert.NotNull(model.Find("right"));
        Assert.Equal(3L, await SqlAsync("SELECT max(version) FROM _tm_model"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_change_that_would_lose_data_is_refused_with_the_sentence_that_says_why()
    {
        var device = await DeviceAsync();
        var narrowed = SyncModelJson.Parse(SyncModelJson.ToUtf8(Model with
        {
            Version = 2,
            Entities = [.. Model.Entities.Select(e => e.Name == "boxes" ? e with { Fields = [.. e.Fields.Select(f => f.Name == "size" ? f with { Type = FieldType.Text } : f)] } : e)],
        }));
        var refused = await Assert.ThrowsAsync<ServerException>(() => Server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(narrowed), None));
        Assert.Equal(ErrorCodes.ModelMismatch, refused.Problem.Code);
        Assert.Contains("boxes.size: Integer cannot become Text", refused.Message, StringComparison.Ordinal);
        Assert.Equal("bigint", await SqlAsync($"SELECT data_type FROM information_schema.columns WHERE table_schema = '{Schema}' AND table_name = 'boxes' AND column_name = 'size'"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task Names_of_any_length_and_with_any_signs_are_tables_and_columns_of_their_own()
    {
        var longer = new string('x', 90);
        var names = new[] { "o'b\"r; DROP TABLE x; --", "ÄÖÜ-" + new string('ß', 60), longer + "1", longer + "2", "ctid", "$1 %I" };
        var builder = new SyncModelBuilder();
        foreach (var name in names)
        {
            builder.Entity(name, e => names.Aggregate(e.Field("id", FieldType.Text), (b, n) => b.Field(n, FieldType.Text)).Key("id").Unique(names[0], names[2]).Reference(names[1], name));
        }

        var model = builder.Build();
        var device = new PushingDevice(Server, model, "anna", "one");
        await Server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(model), None);
        foreach (var name in names)
        {
            var made = await device.PushAsync(device.Create(name, ["a", "1", null, "3", "4", "5", "6"]), device.Create(name, ["b", "2", "a", "3", "4", "5", "6"]));
            Assert.Equal(2, made.Successful.Count);
            Assert.Single((await device.PushAsync(device.Delete(name, EntityKey.Of("b"), made.Mark.Position))).Successful);
        }

        var changes = (await PullAsync(device)).Changes;
        Assert.Equal(names.Length, changes.Count(c => c.Row is not null && c.Row[names[^1]].AsText == "6"));
        Assert.Equal(names.Length, changes.Count(c => c.Row is null));
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task Options_with_faults_are_refused_with_all_of_them()
    {
        var options = new PostgresOptions { ConnectionString = "Host=nowhere", Schema = "x; DROP", GiveWayAfter = TimeSpan.Zero };
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => PostgresServerStore.OpenAsync(options, Environment, None));
        Assert.Contains("Schema must be", refused.Message, StringComparison.Ordinal);
        Assert.Contains("GiveWayAfter", refused.Message, StringComparison.Ordinal);
    }
}
