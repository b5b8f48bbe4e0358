using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Verdicts;
using Tidemark.Server.Storage;
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
    [Trait("req", "PUSH-04")]
    public async Task A_database_of_the_format_before_keeps_every_verdict()
    {
        var device = await DeviceAsync();
        PushCommand[] commands = [.. Enumerable.Range(0, 40).Select(n => device.Create("things", [n + 1, null, "t" + n]))];
        var answered = await device.PushAsync(commands);
        var twice = device.Create("things", [1, null, "taken"]); // Gets another id: its row is told.
        var renamed = Assert.Single((await device.PushAsync(twice)).Successful);
        await BackToFormatFourAsync();
        Assert.Equal(41L, await SqlAsync("SELECT count(*) FROM _tm_verdict"));

        await using var upgraded = await PostgresServerStore.OpenAsync(Stores.OptionsOf(Schema), Environment, None);
        Assert.Equal(5L, await SqlAsync("SELECT max(version) FROM _tm_format"));
        Assert.Equal(DBNull.Value, await SqlAsync($"SELECT to_regclass('{Schema}._tm_verdict')::text"));
        using var server = new SyncServer(upgraded, Environment, new ServerOptions());
        var other = new PushingDevice(server, Model, "anna", "two");
        var again = await other.PushAsync([.. commands.Append(twice)]);
        Assert.Equal(41, again.Successful.Count);
        Assert.All(answered.Successful.Append(renamed).Zip(again.Successful), p =>
        {
            Assert.Equal((p.First.CommandId, p.First.EntityType, p.First.Version), (p.Second.CommandId, p.Second.EntityType, p.Second.Version));
            Assert.Equal(Text(p.First.ClientId), Text(p.Second.ClientId));
            Assert.Equal(Text(p.First.ServerId), Text(p.Second.ServerId));
            Assert.Equal(p.First.Row is { } row ? Text(row) : null, p.Second.Row is { } same ? Text(same) : null);
        });
        var changed = await other.PushAsync(other.Create("things", [77, null, "other bytes"], id: commands[3].Id));
        Assert.Equal(ErrorCodes.IdempotencyMismatch, Assert.Single(changed.Failed).Code);
        Assert.Equal(41L, await SqlAsync("SELECT count(*) FROM things"));
    }

    private static string Text(RawJson json) => System.Text.Encoding.UTF8.GetString(json.Utf8.Span);

    // What the server of format 4 had written for the same pushes.
    private async Task BackToFormatFourAsync()
    {
        var recorded = new List<RecordedVerdict>();
        await using var program = await ProgramAsync();
        await using (var packs = new NpgsqlCommand("SELECT verdicts FROM _tm_verdicts", program))
        await using (var reader = await packs.ExecuteReaderAsync(None))
        {
            while (await reader.ReadAsync(None))
            {
                recorded.AddRange(VerdictPack.Read(reader.GetFieldValue<byte[]>(0)));
            }
        }

        await SqlAsync(program, "DROP TABLE _tm_verdicts; DELETE FROM _tm_format WHERE version = 5; CREATE TABLE _tm_verdict(space_id text COLLATE \"C\" NOT NULL, user_id text COLLATE \"C\" NOT NULL, id uuid NOT NULL, hash bytea NOT NULL, type text COLLATE \"C\" NOT NULL, client_id bytea NOT NULL, server_id bytea NOT NULL, version bigint NOT NULL, position bigint NOT NULL, row bytea, PRIMARY KEY (space_id, user_id, id)); CREATE INDEX _tm_verdict_position ON _tm_verdict(space_id, position)");
        foreach (var v in recorded)
        {
            await using var line = new NpgsqlCommand("INSERT INTO _tm_verdict VALUES ('u:anna', 'anna', $1, $2, $3, $4, $5, $6, $6, $7)", program)
            {
                Parameters = { new() { Value = v.CommandId }, new() { Value = v.Hash }, new() { Value = v.EntityType }, new() { Value = v.ClientId }, new() { Value = v.ServerId }, new() { Value = v.Version }, new() { Value = (object?)v.Row ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea } },
            };
            await line.ExecuteNonQueryAsync(None);
        }
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
