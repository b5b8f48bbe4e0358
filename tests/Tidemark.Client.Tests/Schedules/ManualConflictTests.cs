using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Conflicts that a person decides, from the verdict to the last device.</summary>
public sealed class ManualConflictTests
{
    private const string Sql = "CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, mood TEXT);";

    [Theory]
    [InlineData("local", "of b")]
    [InlineData("server", "of a")]
    [InlineData("row", "of both")]
    [Trait("req", "CON-09")]
    [Trait("req", "CON-11")]
    public async Task A_conflict_waits_as_a_dead_letter_until_it_is_settled_and_all_devices_end_equal(string take, string expected)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await MeetAsync(world);
        await b.SyncAsync();
        var letter = Assert.Single(new StoreInspector(b.Store).DeadLetters());
        Assert.Equal("CONFLICT", letter.Code);
        Assert.Equal("of b", b.Scalar("SELECT mood FROM note").AsText);
        var conflict = Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        Assert.Equal(("of a", "of b", "calm"), (conflict.Server!["mood"].AsText, conflict.Local!["mood"].AsText, conflict.Base!["mood"].AsText));
        Assert.True(b.Store.EngineSession.Outbox.ReadLedger().AddsUp);

        // Nothing moves by itself.
        await b.SyncAsync();
        Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));

        var settlement = take switch
        {
            "local" => ConflictSettlement.TakeLocal,
            "server" => ConflictSettlement.TakeServer,
            _ => ConflictSettlement.Take(new Row(conflict.Server!.Type, [Value.Absent, Value.Absent, Value.Text("of both")])),
        };
        Assert.True(await b.Store.SettleAsync(conflict.Id, settlement, TestContext.Current.CancellationToken));
        Assert.Empty(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(expected, a.Scalar("SELECT mood FROM note").AsText);
        Assert.Equal("seen by a", b.Scalar("SELECT title FROM note").AsText);
        Steps.AssertEqual(a, b);
        Assert.Equal(settlement.Name, new StoreInspector(b.Store).Conflict(conflict.Id)!.Settlement);
    }

    [Fact]
    [Trait("req", "CON-09")]
    [Trait("req", "PULL-06")]
    public async Task A_pull_that_meets_it_first_puts_the_row_aside_and_the_push_asks()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await MeetAsync(world);
        await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(AsideCause.ManualRequired, Assert.Single(b.Store.EngineSession.Aside.ReadAll()).Cause);
        Assert.Equal("of b", b.Scalar("SELECT mood FROM note").AsText);
        await b.SyncAsync();
        var conflict = Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        await b.Store.SettleAsync(conflict.Id, ConflictSettlement.TakeLocal, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("of b", a.Scalar("SELECT mood FROM note").AsText);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-09")]
    public async Task Later_edits_here_and_there_wait_for_the_decision_and_none_is_lost()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await MeetAsync(world);
        await b.SyncAsync();
        b.Sql("UPDATE note SET title = 'later here'");
        a.Sql("INSERT INTO note VALUES('other', 'x', 'y'); UPDATE note SET mood = 'again a' WHERE id = 'n'");
        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Equal("later here", b.Scalar("SELECT title FROM note WHERE id = 'n'").AsText);
        Assert.Equal(2, b.Count("SELECT count(*) FROM note"));
        var conflict = Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        await b.Store.SettleAsync(conflict.Id, ConflictSettlement.TakeLocal, TestContext.Current.CancellationToken);
        await b.SyncAsync(); // What a wrote since is a question of its own.
        var second = Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        await b.Store.SettleAsync(second.Id, ConflictSettlement.TakeServer, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("again a", b.Scalar("SELECT mood FROM note WHERE id = 'n'").AsText);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-05")]
    public async Task An_edit_that_lost_can_be_brought_back_from_its_record()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Sql + "", e => With(e, FieldPolicy.ServerWins));
        var b = await TwinAsync(world, a);
        a.Sql("UPDATE note SET mood = 'of a'");
        b.Sql("UPDATE note SET mood = 'of b'");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("of a", b.Scalar("SELECT mood FROM note").AsText);
        var record = Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: false));
        Assert.Equal("ADOPT_SERVER", record.Outcome);
        Assert.True(await b.Store.SettleAsync(record.Id, ConflictSettlement.TakeLocal, TestContext.Current.CancellationToken));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("of b", a.Scalar("SELECT mood FROM note").AsText);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-05")]
    [Trait("req", "OPS-08")]
    public async Task Every_conflict_is_kept_whole_and_a_replay_names_what_other_rules_would_change()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Sql, e => With(e, FieldPolicy.LastWriterWins));
        var b = await TwinAsync(world, a);
        a.Sql("UPDATE note SET mood = 'of a'");
        b.Sql("UPDATE note SET mood = 'of b'");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        var inspector = new StoreInspector(b.Store);
        var record = Assert.Single(inspector.Conflicts(10, onlyOpen: false));
        Assert.Equal("REBASE_AND_RETRY", record.Outcome);
        Assert.Equal(("calm", "of b", "of a", "of b"), (record.Base!["mood"].AsText, record.Local!["mood"].AsText, record.Server!["mood"].AsText, record.Merged!["mood"].AsText));
        Assert.Equal(new FieldMerge("mood", MergeRule.Policy, FieldPolicy.LastWriterWins, MergeSource.Local), Assert.Single(record.Fields));
        Assert.Equal(PolicyHash.Of(b.Store.Model.Get("note")), record.PolicyHash);
        Assert.NotNull(record.Command);

        Assert.Empty(inspector.ReplayConflicts().Differences);
        var model = b.Store.Model with { Entities = [.. b.Store.Model.Entities.Select(e => With(e, FieldPolicy.ServerWins))] };
        var difference = Assert.Single(inspector.ReplayConflicts(model).Differences);
        Assert.Equal(["mood"], difference.Fields);
        Assert.Equal("of a", difference.Merged!["mood"].AsText);
        Assert.Equal("The rules have changed.", difference.Cause);
    }

    [Fact]
    [Trait("req", "CON-11")]
    public async Task A_row_that_comes_back_too_often_becomes_a_question()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Sql, e => With(e, FieldPolicy.LastWriterWins));
        var b = await TwinAsync(world, a);
        b.Options.Push.RebasesMax = 0;
        a.Sql("UPDATE note SET mood = 'of a'");
        b.Sql("UPDATE note SET mood = 'of b'");
        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Equal(Tidemark.Client.Handlers.GenericSyncHandler.OutOfRebases, Assert.Single(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true)).Reason);
        b.Options.Push.RebasesMax = 50;
        var letter = Assert.Single(new StoreInspector(b.Store).DeadLetters());
        Assert.True(await b.Store.RetryAsync(letter.Id, TestContext.Current.CancellationToken));
        Assert.Empty(new StoreInspector(b.Store).Conflicts(10, onlyOpen: true));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("of b", a.Scalar("SELECT mood FROM note").AsText);
        Steps.AssertEqual(a, b);
        Assert.Equal(0, b.Count("SELECT count(*) FROM _tm_rebase"));
    }

    [Fact]
    [Trait("req", "CON-04")]
    public async Task A_store_whose_custom_merge_is_not_registered_can_be_looked_at_but_not_synced()
    {
        await using var world = await World.StartAsync();
        Assert.Contains("mine (note)", Assert.Throws<ArgumentException>(() => world.Make("a", Sql, e => e with { CustomMerge = "mine" })).Message, StringComparison.Ordinal);
        await using var store = LocalStore.Open(world.File("a.db"), new StoreOptions(), Tidemark.Client.Environment.SyncEnvironment.System);
        Assert.Empty(new StoreInspector(store).Conflicts(10, onlyOpen: false));
    }

    [Fact]
    [Trait("req", "CON-12")]
    [Trait("req", "CON-03")]
    [Trait("req", "CON-02")]
    public async Task The_server_keeps_monotonic_and_derived_fields_from_single_edits_and_tells_the_device()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", "CREATE TABLE task(id TEXT PRIMARY KEY, done INTEGER, rank INTEGER, title TEXT);", e => e with
        {
            Fields = [.. e.Fields.Select(f => f.Name switch
            {
                "done" => f with { Type = FieldType.Boolean, Policy = FieldPolicy.Monotonic },
                "rank" => f with { Type = FieldType.Integer, ServerDerived = true },
                _ => f,
            })],
        });
        a.Sql("INSERT INTO task VALUES('1', 1, 99, 'made')");
        await Steps.UntilQuietAsync(a);
        Assert.Equal(["1|1|NULL|made"], a.Rows("SELECT * FROM task"));
        a.Sql("UPDATE task SET done = 0, rank = 5, title = 'edited'");
        await Steps.UntilQuietAsync(a);
        Assert.Equal("1|1", a.Rows("SELECT id, done FROM task").Single());
        Assert.Equal("edited", a.Scalar("SELECT title FROM task").AsText);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|1|NULL|edited"], b.Rows("SELECT * FROM task"));
    }

    private static async Task<(Device A, Device B)> MeetAsync(World world)
    {
        var a = world.Make("a", Sql, e => With(e, FieldPolicy.Manual));
        var b = await TwinAsync(world, a);
        a.Sql("UPDATE note SET mood = 'of a', title = 'seen by a'");
        b.Sql("UPDATE note SET mood = 'of b'");
        await a.SyncAsync();
        return (a, b);
    }

    private static async Task<Device> TwinAsync(World world, Device a)
    {
        a.Sql("INSERT INTO note VALUES('n', 'title', 'calm')");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        return b;
    }

    private static EntityType With(EntityType type, FieldPolicy policy) => type with { Fields = [.. type.Fields.Select(f => f.Name == "mood" ? f with { Policy = policy } : f)] };
}
