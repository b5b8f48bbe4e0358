using Tidemark.Client.Coordination;
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Coordination.Announcing;

/// <summary>The first full fetch, and each after a resync, is handled once.</summary>
public sealed class FullFetchTests
{
    [Fact]
    [Trait("req", "RUN-22")]
    [Trait("req", "RUN-11")]
    public async Task The_first_full_fetch_is_a_phase_of_its_own_and_its_completion_is_told_once_after_the_run_has_let_go()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'one', NULL, NULL);");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        var told = new List<FullFetch>();
        b.Options.Automatic.FullFetchHandler = (fetch, _) =>
        {
            Assert.Null(new RunLock(b.Store.EngineSession.Db, SyncEnvironment.System).Holder());
            Assert.Equal("Done", new HistoryRepository(b.Store.EngineSession.Db).Read(1).Single().Outcome);
            b.Sql("UPDATE note SET title = 'by the handler'"); // collides with nothing
            told.Add(fetch);
            return Task.CompletedTask;
        };
        Assert.False(await b.Service.IsFullyFetchedAsync(TestContext.Current.CancellationToken));
        var phases = new Phases();
        await b.Service.SyncAsync(SyncMode.Full, "test", phases, TestContext.Current.CancellationToken);
        Assert.Equal([SyncPhase.Connect, SyncPhase.FullFetch, SyncPhase.FullApply, SyncPhase.Done], phases.Seen);
        Assert.Equal(("first", 1L), (Assert.Single(told).Reason, told[0].Rows));
        Assert.True(await b.Service.IsFullyFetchedAsync(TestContext.Current.CancellationToken));
        phases.Seen.Clear();
        await b.Service.SyncAsync(SyncMode.Full, "test", phases, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b);
        Assert.DoesNotContain(SyncPhase.FullFetch, phases.Seen);
        Assert.Single(told);
    }

    [Fact]
    [Trait("req", "RUN-22")]
    public async Task A_death_before_the_completion_was_handled_or_even_noted_loses_it_not()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'one', NULL, NULL);");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        var told = new List<long>();
        b.Options.Automatic.FullFetchHandler = (fetch, _) => throw new InvalidOperationException("dies in the middle of " + fetch.Id);
        await b.SyncAsync();
        Assert.Equal(1, b.Count("SELECT count(*) FROM _tm_fetch WHERE done_at IS NOT NULL AND handled_at IS NULL"));
        foreach (var state in new[] { "", "UPDATE _tm_fetch SET done_at = NULL, handled_at = NULL, claimed_by = NULL", $"UPDATE _tm_fetch SET handled_at = NULL, claimed_by = '{System.Environment.MachineName}/4194305/1'" })
        {
            await b.RestartAsync(world);
            b.Sql(state.Length == 0 ? "SELECT 1" : state);
            var handled = new TaskCompletionSource();
            b.Options.Automatic.FullFetchHandler = (fetch, _) =>
            {
                told.Add(fetch.Id);
                handled.SetResult();
                return Task.CompletedTask;
            };
            b.Service.Start();
            await handled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            await b.Service.StopAsync();
            Assert.Equal(0, b.Count("SELECT count(*) FROM _tm_fetch WHERE handled_at IS NULL"));
        }

        Assert.Equal([1L, 1, 1], told);
        await b.RestartAsync(world);
        b.Service.Start();
        await b.Service.SyncNowAsync(TestContext.Current.CancellationToken);
        await b.Service.StopAsync();
        Assert.Equal(3, told.Count);
    }

    [Fact]
    [Trait("req", "RUN-22")]
    public async Task A_resync_is_a_full_fetch_too_and_says_why()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'one', NULL, NULL);");
        var told = new List<string>();
        a.Options.Automatic.FullFetchHandler = (fetch, _) =>
        {
            told.Add(fetch.Reason);
            return Task.CompletedTask;
        };
        await Steps.UntilQuietAsync(a);
        await world.BackUpServerAsync();
        a.Sql("UPDATE note SET title = 'two'");
        await Steps.UntilQuietAsync(a);
        await world.RestoreServerAsync();
        await Steps.UntilQuietAsync(a);
        Assert.Equal(["first", "restored"], told);
    }

    private sealed class Phases : IProgress<SyncProgress>
    {
        public List<SyncPhase> Seen { get; } = [];

        public void Report(SyncProgress value)
        {
            if (Seen.Count == 0 || Seen[^1] != value.Phase)
            {
                Seen.Add(value.Phase);
            }
        }
    }
}
