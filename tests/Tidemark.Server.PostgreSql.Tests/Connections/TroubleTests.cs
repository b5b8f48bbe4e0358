using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Testing.Postgres;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>Connections that are lost, statements that take too long, a database that restarts or can only be read.</summary>
public sealed class TroubleTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-12")]
    public async Task Pushes_and_pulls_go_on_while_all_connections_are_cut_again_and_again()
    {
        await using var store = await OpenAsync(o => o);
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var device = await DeviceOfAsync(server);
        using var stop = new CancellationTokenSource();
        var cutting = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await SqlAsync($"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{Schema}'");
                await Task.Delay(TimeSpan.FromMilliseconds(40), TimeProvider.System, None);
            }
        });
        var told = 0;
        for (var i = 0; i < 60; i++)
        {
            var command = device.Create("boxes", [$"b{i}", $"b{i}", i]);
            while (true)
            {
                try
                {
                    var answer = await device.PushAsync(command);
                    Assert.Single(answer.Successful);
                    break;
                }
                catch (ServerException e)
                {
                    // A commit whose fate nobody knows: the device asks again.
                    Assert.Equal((ErrorCodes.Unavailable, true), (e.Problem.Code, e.Problem.Retryable));
                    told++;
                }
            }

            await device.PageAsync();
        }

        await stop.CancelAsync();
        await cutting;
        Assert.True(told < 30, $"{told} of 60 pushes were not done again by the server.");
        Assert.Equal(60L, await SqlAsync("SELECT count(*) FROM boxes"));
    }

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task A_statement_that_takes_too_long_ends_and_is_an_error_that_says_so()
    {
        await using var store = await OpenAsync(o => new PostgresOptions { ConnectionString = o.ConnectionString, Schema = o.Schema, StatementTimeout = TimeSpan.FromMilliseconds(300), GiveWayAfter = TimeSpan.FromMilliseconds(200) });
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var device = await DeviceOfAsync(server);
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; SELECT 1 FROM _tm_turn WHERE space_id = 'u:anna' FOR UPDATE");
        var refused = await Assert.ThrowsAsync<ServerException>(() => device.PushAsync(device.Create("boxes", ["b", "B", 1])));
        Assert.Equal((ErrorCodes.Unavailable, true), (refused.Problem.Code, refused.Problem.Retryable));
        Assert.Contains("too long", refused.Message, StringComparison.Ordinal);
        Assert.Equal("SQLSTATE 57014", refused.Cause); // For the log: its code alone, what it says may quote a row.
        await SqlAsync(program, "ROLLBACK");
        Assert.Single((await device.PushAsync(device.Create("boxes", ["b", "B", 1]))).Successful);
    }

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task A_row_held_for_longer_than_anyone_waits_is_an_error_that_may_be_tried_again()
    {
        await using var store = await OpenAsync(o => new PostgresOptions { ConnectionString = o.ConnectionString, Schema = o.Schema, GiveWayAfter = TimeSpan.FromMilliseconds(20) });
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var device = await DeviceOfAsync(server);
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A", 1]))).Mark.Position;
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; UPDATE boxes SET size = 5");
        var refused = await Assert.ThrowsAsync<TransientStoreException>(() => device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "size", 2)));
        Assert.True(refused.Problem.Retryable);
        Assert.Single((await device.PageAsync()).Changes);
    }

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task A_database_that_can_only_be_read_serves_pulls_and_refuses_pushes_for_now()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        var role = "reader_" + Schema;
        await SqlAsync($"CREATE ROLE {role} LOGIN SUPERUSER; ALTER ROLE {role} SET default_transaction_read_only = on");
        await using var store = await OpenAsync(o => new PostgresOptions { ConnectionString = o.ConnectionString.Replace("Username=tidemark", "Username=" + role, StringComparison.Ordinal), Schema = o.Schema });
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var standby = new PushingDevice(server, Model, "anna", "two");
        Assert.Equal(ErrorCodes.Unavailable, (await Assert.ThrowsAsync<TransientStoreException>(() => standby.PushAsync(standby.Create("boxes", ["b", "B", 1])))).Problem.Code);
        Assert.Single((await PullAsync(device)).Changes);
    }

    [Fact]
    [Trait("req", "SRV-12")]
    [Trait("speed", "slow")]
    public async Task A_database_that_crashes_and_comes_back_loses_nothing_that_was_answered()
    {
        _ = PostgresCluster.Instance;
        using var cluster = new PostgresCluster();
        var options = new PostgresOptions { ConnectionString = cluster.ConnectionString, Schema = "crash" };
        await using var store = await PostgresServerStore.OpenAsync(options, Environment, None);
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var device = await DeviceOfAsync(server);
        var answered = new List<string>();
        for (var i = 0; i < 40; i++)
        {
            if (i is 10 or 25)
            {
                cluster.Stop(i == 10 ? "QUIT" : "INT");
                Assert.True((await Assert.ThrowsAsync<TransientStoreException>(() => device.PushAsync(device.Create("boxes", ["never", "never", 0])))).Problem.Retryable);
                cluster.Start();
            }

            if ((await device.PushAsync(device.Create("boxes", [$"b{i}", $"b{i}", i]))).Successful.Count == 1)
            {
                answered.Add($"b{i}");
            }
        }

        Assert.Equal(40, answered.Count);
        var found = (await PullAsync(device)).Changes.Select(c => c.Key[0].AsText).Order(StringComparer.Ordinal);
        Assert.Equal(answered.Order(StringComparer.Ordinal), found);
    }

    [Fact]
    [Trait("req", "SRV-12")]
    [Trait("req", "CUR-04")]
    [Trait("speed", "slow")]
    public async Task A_database_that_is_killed_in_the_middle_of_a_page_is_an_error_for_now_and_the_pull_goes_on_where_it_was()
    {
        _ = PostgresCluster.Instance;
        using var cluster = new PostgresCluster();
        await using var store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = cluster.ConnectionString, Schema = "killed" }, Environment, None);
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var device = await DeviceOfAsync(server);
        var text = new string('x', 4_000); // 8 MB in all: more than the sockets hold between database and server.
        for (var i = 0; i < 2_000; i += 500)
        {
            await device.PushAsync([.. Enumerable.Range(i, 500).Select(n => device.Create("boxes", [$"b{n:D4}", $"{text}{n}", n]))]);
        }

        var first = await device.PageAsync(new ChangesRequest { Limit = 100 });
        var snapshot = await store.ReadAsync(new SpaceId("u:anna"), None);
        await using (snapshot)
        {
            var killing = new KillingSink(() => cluster.Stop("QUIT"));
            var range = new ChangesRange([(Model.Get("boxes"), new ChangePlace(0, null))], snapshot.State!.Head.Position);
            var refused = await Assert.ThrowsAnyAsync<ServerException>(async () => await snapshot.ReadChangesAsync(range, killing, None));
            Assert.Equal((ErrorCodes.Unavailable, true), (refused.Problem.Code, refused.Problem.Retryable));
            Assert.InRange(killing.Taken, 10, 1_999);
        }

        Assert.True((await Assert.ThrowsAsync<TransientStoreException>(() => device.PageAsync(new ChangesRequest { Cursor = first.Tail.NextCursor }))).Problem.Retryable);
        cluster.Start();
        var (rest, _) = await PullAsync(device, first.Tail.NextCursor, 300);
        Assert.Equal(Enumerable.Range(0, 2_000).Select(n => $"b{n:D4}"), first.Changes.Concat(rest).Select(c => c.Key[0].AsText).Order(StringComparer.Ordinal));
    }

    // Ends the database when it has ten rows.
    private sealed class KillingSink(Action kill) : IChangeSink
    {
        public int Taken { get; private set; }

        public bool TryAdd(in StoredChange change)
        {
            if (++Taken == 10)
            {
                kill();
            }

            return true;
        }
    }

    private async Task<PostgresServerStore> OpenAsync(Func<PostgresOptions, PostgresOptions> change)
    {
        var options = Stores.OptionsOf(Schema);
        return await PostgresServerStore.OpenAsync(change(new PostgresOptions { ConnectionString = options.ConnectionString + ";Application Name=" + Schema, Schema = Schema }), Environment, None);
    }

    private static async Task<PushingDevice> DeviceOfAsync(SyncServer server)
    {
        var device = new PushingDevice(server, Model, "anna", "one");
        await server.PutModelAsync(device.Caller, Tidemark.Model.Entities.SyncModelJson.ToUtf8(Model), None);
        return device;
    }
}
