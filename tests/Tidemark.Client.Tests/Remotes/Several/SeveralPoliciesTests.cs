using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Tidemark.Simulation.Several;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>The model's rules where several remotes are: what is order-free counts whoever comes first, the rest decides when all are there.</summary>
public sealed class SeveralPoliciesTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<JoinDevice> _devices = [];
    private readonly ManualTime _time = new();
    private readonly ProgrammableRemote _a;
    private readonly ProgrammableRemote _b;

    public SeveralPoliciesTests() => (_a, _b) = (new() { Name = "a", NowMs = NowMs }, new() { Name = "b", NowMs = NowMs });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "REM-02")]
    public async Task What_several_count_is_added_up_whoever_comes_first(bool isOtherFirst)
    {
        var (x, y) = await TwoAsync(JoinDevice.Notes, "INSERT INTO note(id, n, tags) VALUES('k', 10, '[\"a\",\"b\"]')");
        x.Sql("UPDATE note SET n = n + 3, tags = '[\"a\",\"b\",\"x\"]'");
        _time.Advance(TimeSpan.FromMilliseconds(5));
        y.Sql("UPDATE note SET n = n - 2, tags = '[\"b\",\"y\"]'");
        _a.WriteAsOther("note", "\"k\"", """{"n":15}""");
        _b.WriteAsOther("note", "\"k\"", """{"n":9}""");
        foreach (var device in isOtherFirst ? new[] { y, x, y } : [x, y, x])
        {
            await device.SyncAsync();
        }

        Assert.Equal(x.Rows("SELECT n, tags FROM note"), y.Rows("SELECT n, tags FROM note"));
        Assert.Equal(10 + 3 - 2 + 5 - 1, x.Scalar("SELECT n FROM note").AsInteger);
        Assert.Equal("[\"b\",\"y\",\"x\"]", x.Scalar("SELECT tags FROM note").AsText);
        Assert.Empty(x.Store.EngineSession.Conflicts.Read(10));
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task Members_of_an_object_and_fields_with_a_clock_go_by_their_rules()
    {
        var model = JoinDevice.With(f => f.Name switch
        {
            "body" => f with { Policy = FieldPolicy.MergeObject },
            "title" => f with { Clock = "done" },
            _ => f,
        });
        var (x, y) = await TwoAsync(model, """INSERT INTO note(id, title, done, body) VALUES('k', 't', 1, '{"a":1,"b":{"x":1,"y":1}}')""");
        x.Sql("""UPDATE note SET title = 'clock 9', done = 9, body = '{"a":1,"b":{"x":2,"y":1}}'""");
        _time.Advance(TimeSpan.FromMilliseconds(5));
        y.Sql("""UPDATE note SET title = 'clock 5', done = 5, body = '{"a":5,"b":{"x":1}}'""");
        await y.SyncAsync();
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal("""clock 9|9|{"a":5,"b":{"x":2}}""", Assert.Single(x.Rows("SELECT title, done, body FROM note")));
        Assert.Equal(x.Rows(), y.Rows());
    }

    [Theory]
    [InlineData(DeletePolicy.UpdateWins, true)]
    [InlineData(DeletePolicy.DeleteWins, false)]
    [Trait("req", "REM-02")]
    public async Task Between_an_edit_and_a_deletion_beside_it_the_rule_decides_and_not_the_time(DeletePolicy policy, bool stays)
    {
        var model = JoinDevice.Notes with { Entities = [.. JoinDevice.Notes.Entities.Select(e => e with { DeletePolicy = policy })] };
        foreach (var isDeletionLater in new[] { true, false })
        {
            var (x, y) = await TwoAsync(model, $"INSERT INTO note(id, title) VALUES('{isDeletionLater}', 't')");
            (isDeletionLater ? x : y).Sql(isDeletionLater ? "UPDATE note SET title = 'kept'" : "DELETE FROM note");
            _time.Advance(TimeSpan.FromMilliseconds(5));
            (isDeletionLater ? y : x).Sql(isDeletionLater ? "DELETE FROM note" : "UPDATE note SET title = 'kept'");
            foreach (var device in new[] { y, x, y })
            {
                await device.SyncAsync();
            }

            Assert.Equal(stays ? ["kept"] : [], x.Rows("SELECT title FROM note"));
            Assert.Equal(x.Rows(), y.Rows());
            if (!stays || isDeletionLater)
            {
                Assert.NotEmpty((stays ? y : x).Store.EngineSession.Conflicts.Read(10));
            }

            x.Sql("DELETE FROM note"); // Seen by all: it is gone.
            await x.SyncAsync();
            await y.SyncAsync();
            Assert.Empty(y.Rows());
            await x.SyncAsync();
        }
    }

    [Fact]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-08")]
    public async Task A_rule_that_is_not_order_free_decides_when_all_remotes_are_there_and_says_so()
    {
        var (x, y) = await TwoAsync(Ruled(FieldPolicy.ServerWins), "INSERT INTO note(id, title, body) VALUES('k', 'old', 'b'), ('free', 't', 'b')");
        y.Sql("UPDATE note SET title = 'theirs' WHERE id = 'k'");
        await y.SyncAsync();
        _time.Advance(TimeSpan.FromMilliseconds(5));
        x.Sql("UPDATE note SET title = 'mine' WHERE id = 'k'; UPDATE note SET body = 'of no rule' WHERE id = 'free'");
        _b.IsDown = true;
        var report = await x.SyncAsync();
        Assert.Contains(report.Warnings, w => w.Contains("note \"k\" (ServerWins of title)", StringComparison.Ordinal));
        Assert.Equal("mine", x.Scalar("SELECT title FROM note WHERE id = 'k'").AsText);
        Assert.Contains("of no rule", _a.Rows()["note\"free\""], StringComparison.Ordinal);
        Assert.DoesNotContain("mine", _a.Rows()["note\"k\""], StringComparison.Ordinal);
        Assert.Equal("RemotesAbsent", Assert.Single(x.Several.ReadQuarantine()).Cause);
        Assert.Equal(("note", "\"k\"", "ServerWins of title"), Assert.Single(x.Several.ReadWaiting()));

        _b.IsDown = false;
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal("theirs", x.Scalar("SELECT title FROM note WHERE id = 'k'").AsText);
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(x.Several.ReadQuarantine());
        Assert.Empty(x.Several.ReadWaiting());
        var record = Assert.Single(x.Store.EngineSession.Conflicts.Read(10));
        Assert.Equal(("mine", "theirs"), (record.Local!["title"].AsText, record.Merged!["title"].AsText));
    }

    [Fact]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-08")]
    public async Task An_edit_whose_rule_waits_for_all_remotes_does_not_give_way_to_what_stood_in_a_deleted_row()
    {
        var (x, y) = await TwoAsync(Ruled(FieldPolicy.ServerWins), "INSERT INTO note(id, title, body) VALUES('k', 'old', 'b')");
        x.Sql("UPDATE note SET title = 'mine', body = 'unseen'");
        _time.Advance(TimeSpan.FromMilliseconds(5));
        y.Sql("UPDATE note SET title = 'theirs'");
        await y.SyncAsync();
        y.Sql("DELETE FROM note");
        await y.SyncAsync();
        _b.IsDown = true;
        await x.SyncAsync();
        Assert.Equal(["mine|unseen"], x.Rows("SELECT title, body FROM note")); // The body keeps the row; nobody has decided on the title.
        Assert.Equal("RemotesAbsent", Assert.Single(x.Several.ReadQuarantine()).Cause);

        _b.IsDown = false;
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(["theirs|unseen"], x.Rows("SELECT title, body FROM note"));
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(x.Several.ReadQuarantine());
        Assert.Equal("mine", Assert.Single(x.Store.EngineSession.Conflicts.Read(10)).Local!["title"].AsText);
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task Text_of_both_is_merged_and_not_a_second_time()
    {
        var (x, y) = await TwoAsync(Ruled(FieldPolicy.Text), "INSERT INTO note(id, title) VALUES('k', 'one' || char(10) || 'two')");
        x.Sql("UPDATE note SET title = 'one!' || char(10) || 'two'");
        y.Sql("UPDATE note SET title = 'one' || char(10) || 'two'  || char(10) || 'three'");
        foreach (var device in new[] { y, x, y, x, y })
        {
            await device.SyncAsync();
        }

        Assert.Equal("one!\ntwo\nthree", x.Scalar("SELECT title FROM note").AsText);
        Assert.Equal(x.Rows(), y.Rows());
        var writes = _a.Writes + _b.Writes;
        _a.Forget();
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(writes, _a.Writes + _b.Writes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "REM-02")]
    public async Task A_person_decides_what_a_person_is_to_decide(bool takesLocal)
    {
        var (x, y) = await TwoAsync(Ruled(FieldPolicy.Manual), "INSERT INTO note(id, title, body) VALUES('k', 'old', 'b')");
        x.Sql("UPDATE note SET title = 'mine'");
        _time.Advance(TimeSpan.FromMilliseconds(5));
        y.Sql("UPDATE note SET title = 'theirs', body = 'c'");
        await y.SyncAsync();
        await x.SyncAsync();
        await x.SyncAsync();
        var record = Assert.Single(x.Store.EngineSession.Conflicts.Read(10));
        Assert.True(record.IsOpen);
        Assert.Equal("mine", x.Scalar("SELECT title FROM note").AsText);
        Assert.Contains("theirs", _a.Rows()["note\"k\""], StringComparison.Ordinal);
        Assert.All(x.Several.ReadQuarantine(), q => Assert.Equal("PersonNeeded", q.Cause));

        Assert.True(await x.Store.SettleAsync(record.Id, takesLocal ? ConflictSettlement.TakeLocal : ConflictSettlement.TakeServer, TestContext.Current.CancellationToken));
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal([takesLocal ? "mine|c" : "theirs|c"], x.Rows("SELECT title, body FROM note"));
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(x.Several.ReadQuarantine());
        Assert.DoesNotContain(x.Store.EngineSession.Conflicts.Read(10), c => c.IsOpen);
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task A_custom_merge_decides_over_the_whole_row()
    {
        var model = JoinDevice.Notes with { Entities = [.. JoinDevice.Notes.Entities.Select(e => e.Name == "note" ? e with { CustomMerge = "both" } : e)] };
        var merges = new CustomMergeRegistry().Add("both", input => CustomMergeResult.Of(input.Local.With(input.Type.FindOrdinal("title"), Value.Text($"{input.Local["title"].AsText}+{input.Remote["title"].AsText}"))));
        var (x, y) = await TwoAsync(model, "INSERT INTO note(id, title) VALUES('k', 'old')", merges);
        x.Sql("UPDATE note SET title = 'mine'");
        y.Sql("UPDATE note SET title = 'theirs'");
        foreach (var device in new[] { y, x, y, x })
        {
            await device.SyncAsync();
        }

        Assert.Equal("mine+theirs", x.Scalar("SELECT title FROM note").AsText);
        Assert.Equal(x.Rows(), y.Rows());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static SyncModel Ruled(FieldPolicy policy) => JoinDevice.With(f => f.Name == "title" ? f with { Policy = policy } : f);

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // Two devices that have the row, each of which sees both remotes.
    private async Task<(JoinDevice, JoinDevice)> TwoAsync(SyncModel model, string sql, CustomMergeRegistry? merges = null)
    {
        for (var i = 0; i < 2; i++)
        {
            _devices.Add(await JoinDevice.MakeAsync(_folder.File($"d{_devices.Count}.db"), _time, SyncEnvironment.System.Random, model, merges ?? CustomMergeRegistry.None, ("a", _a), ("b", _b)));
        }

        var (x, y) = (_devices[^2], _devices[^1]);
        x.Sql(sql);
        await x.SyncAsync();
        await y.SyncAsync();
        _time.Advance(TimeSpan.FromMilliseconds(5));
        return (x, y);
    }
}
