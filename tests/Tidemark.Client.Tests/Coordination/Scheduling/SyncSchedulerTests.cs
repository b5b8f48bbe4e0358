using FsCheck;
using FsCheck.Fluent;
using Tidemark.Client.Coordination.Scheduling;
using Tidemark.Client.Environment;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Coordination.Scheduling;

/// <summary>Order, limits, joining, fairness.</summary>
public sealed class SyncSchedulerTests
{
    private const SyncResources Both = SyncResources.Network | SyncResources.Sqlite;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task A_person_goes_first_then_changes_then_the_rest_in_the_order_they_came()
    {
        var scheduler = New();
        var order = new List<string>();
        var gate = Hold(scheduler);
        var all = new[]
        {
            Note(scheduler, order, "catalog", SyncTaskKind.CatalogSync, SyncTaskPriority.Background),
            Note(scheduler, order, "health", SyncTaskKind.HealthIngest, SyncTaskPriority.Normal),
            Note(scheduler, order, "periodic", SyncTaskKind.DataSync, SyncTaskPriority.Normal),
            Note(scheduler, order, "change", SyncTaskKind.DataSync, SyncTaskPriority.Change),
            Note(scheduler, order, "user", SyncTaskKind.DataSync, SyncTaskPriority.User),
        };
        gate.SetResult();
        await Task.WhenAll(all).WaitAsync(Deadline, Token);
        Assert.Equal(["user", "change", "health", "periodic", "catalog"], order);
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task Equal_waiting_tasks_are_one_with_the_urgency_of_the_most_urgent()
    {
        var scheduler = New();
        var order = new List<string>();
        var gate = Hold(scheduler);
        var count = 0;
        Task<int> Joined(SyncTaskPriority priority) => scheduler.RunAsync(
            new SyncTask(SyncTaskKind.CatalogSync, priority, Both, "foods"),
            (_, _) =>
            {
                order.Add("foods");
                return Task.FromResult(++count);
            },
            Token);
        var first = Joined(SyncTaskPriority.Background);
        var other = Note(scheduler, order, "other", SyncTaskKind.DataSync, SyncTaskPriority.Change);
        var second = Joined(SyncTaskPriority.User);
        Assert.Equal(2, scheduler.Waiting);
        gate.SetResult();
        var both = await Task.WhenAll(first, second).WaitAsync(Deadline, Token);
        Assert.Equal([1, 1], both);
        await other;
        Assert.Equal(["foods", "other"], order);
        Assert.Equal(2, await Joined(SyncTaskPriority.User)); // one that has begun is not joined
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task Network_and_SQLite_are_limited_each_and_what_needs_neither_runs_beside()
    {
        var scheduler = New(new SchedulerLimits { NetworkMax = 2, SqliteMax = 1 });
        var gates = Enumerable.Range(0, 6).Select(_ => new TaskCompletionSource()).ToList();
        var running = new HashSet<int>();
        List<SyncResources> needs = [SyncResources.Network, SyncResources.Network, SyncResources.Network, SyncResources.Sqlite, SyncResources.Sqlite, SyncResources.None];
        var begun = new SemaphoreSlim(0);
        var all = needs.Select((n, i) => scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.Normal, n),
            async (_, _) =>
            {
                lock (running)
                {
                    running.Add(i);
                }

                begun.Release();
                await gates[i].Task;
                lock (running)
                {
                    running.Remove(i);
                }

                return i;
            },
            Token)).ToList();
        await BegunAsync(4);
        Assert.Equal("0, 1, 3, 5", string.Join(", ", running.Order()));
        gates[0].SetResult();
        await BegunAsync(1);
        Assert.Equal("1, 2, 3, 5", string.Join(", ", running.Order()));
        gates[3].SetResult();
        await BegunAsync(1);
        Assert.Equal("1, 2, 4, 5", string.Join(", ", running.Order()));
        gates.ForEach(g => g.TrySetResult());
        await Task.WhenAll(all).WaitAsync(Deadline, Token);

        async Task BegunAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                Assert.True(await begun.WaitAsync(Deadline, Token));
            }

            Assert.Equal(0, begun.CurrentCount);
        }
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public void No_task_is_overtaken_by_more_than_the_bound_however_urgent_the_others_are()
    {
        var plan = Gen.Choose(0, 3).Zip(Gen.Choose(1, 3)).ListOf(60);
        Prop.ForAll(plan.ToArbitrary(), tasks =>
        {
            var started = new List<int>();
            var inline = new InlineScheduler();
            var scheduler = new SyncScheduler(With(inline), new SchedulerLimits { OvertakenMax = 3, NetworkMax = 1, SqliteMax = 1 });
            var gate = Hold(scheduler);
            var all = tasks.Select((t, i) => scheduler.RunAsync(
                new SyncTask(SyncTaskKind.DataSync, (SyncTaskPriority)t.Item1, (SyncResources)t.Item2 | SyncResources.Sqlite),
                (_, _) =>
                {
                    started.Add(i);
                    return Task.FromResult(i);
                },
                Token)).ToArray();
            gate.SetResult();
            Assert.True(Task.WaitAll(all.ToArray<Task>(), Deadline));
            foreach (var i in started)
            {
                Assert.InRange(started.TakeWhile(s => s != i).Count(s => s > i), 0, 3);
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task Background_work_ends_while_people_never_stop_asking()
    {
        var scheduler = New(new SchedulerLimits { OvertakenMax = 8 });
        var gate = Hold(scheduler);
        var done = false;
        var background = scheduler.RunAsync(new SyncTask(SyncTaskKind.HealthIngest, SyncTaskPriority.Background, Both), (_, _) => Task.FromResult(done = true), Token);
        var users = 0;
        Task UserAsync() => scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both),
            async (_, _) =>
            {
                if (!done && ++users < 1000)
                {
                    _ = UserAsync(); // The next one is there before this one ends.
                }

                await Task.Yield();
                return 0;
            },
            Token);
        var first = UserAsync();
        gate.SetResult();
        await background.WaitAsync(Deadline, Token);
        await first;
        Assert.InRange(users, 1, 9);
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task A_caller_that_gives_up_leaves_and_the_last_one_takes_the_work_along()
    {
        var scheduler = New();
        var gate = Hold(scheduler);
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var ran = false;
        Task<bool> Ask(CancellationToken token) =>
            scheduler.RunAsync(new SyncTask(SyncTaskKind.CatalogSync, SyncTaskPriority.Normal, Both, "k"), (_, _) => Task.FromResult(ran = true), token);
        var (a, b) = (Ask(first.Token), Ask(second.Token));
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => a);
        Assert.Equal(1, scheduler.Waiting);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => b);
        Assert.Equal(0, scheduler.Waiting);
        gate.SetResult();
        Assert.False(ran);

        using var running = new CancellationTokenSource();
        var begun = new TaskCompletionSource();
        var work = scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both),
            async (_, token) =>
            {
                begun.SetResult();
                await Task.Delay(Timeout.Infinite, token);
                return 0;
            },
            running.Token);
        await begun.Task;
        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
        Assert.True(await Ask(Token)); // its resources are free again
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task Trouble_reaches_whoever_asked_and_the_next_task_runs()
    {
        var scheduler = New();
        await Assert.ThrowsAsync<InvalidOperationException>(() => scheduler.RunAsync<int>(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both), (_, _) => throw new InvalidOperationException("of the work"), Token));
        Assert.Equal(5, await scheduler.RunAsync(new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both), (_, _) => Task.FromResult(5), Token));
    }

    [Fact]
    [Trait("req", "RUN-03")]
    public async Task Long_work_gives_way_between_its_slices_to_one_that_goes_first_and_to_no_other()
    {
        var time = new VirtualTime();
        var scheduler = new SyncScheduler(With(TaskScheduler.Default, time));
        var order = new List<string>();
        var (begun, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var longWork = scheduler.RunAsync(
            new SyncTask(SyncTaskKind.HealthIngest, SyncTaskPriority.Background, Both),
            async (turn, _) =>
            {
                begun.SetResult();
                await goOn.Task;
                Assert.False(await turn.GiveWayAsync()); // its slice is not over
                time.Advance(TimeSpan.FromMilliseconds(50));
                Assert.True(await turn.GiveWayAsync());
                order.Add("rest");
                time.Advance(TimeSpan.FromMilliseconds(50));
                Assert.False(await turn.GiveWayAsync()); // nobody more urgent waits
                return 0;
            },
            Token);
        await begun.Task;
        var user = Note(scheduler, order, "user", SyncTaskKind.DataSync, SyncTaskPriority.User);
        goOn.SetResult();
        await Task.WhenAll(longWork, user).WaitAsync(Deadline, Token);
        Assert.Equal(["user", "rest"], order);
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task SQLite_is_limited_for_each_file_by_itself()
    {
        var scheduler = New(new SchedulerLimits { SqliteMax = 1 });
        var (gate, begun) = (new TaskCompletionSource(), new SemaphoreSlim(0));
        var order = new List<string>();
        var first = On("a", "first");
        Assert.True(await begun.WaitAsync(Deadline, Token));
        var second = On("a", "second");
        var other = On("b", "other");
        Assert.True(await begun.WaitAsync(Deadline, Token));
        Assert.Equal(["first", "other"], order);
        gate.SetResult();
        await Task.WhenAll(first, second, other).WaitAsync(Deadline, Token);
        Assert.Equal(["first", "other", "second"], order);

        Task<int> On(string file, string name) => scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.Normal, SyncResources.Sqlite) { File = file },
            async (_, _) =>
            {
                lock (order)
                {
                    order.Add(name);
                }

                begun.Release();
                await gate.Task;
                return 0;
            },
            Token);
    }

    [Fact]
    [Trait("req", "RUN-03")]
    public async Task A_run_does_not_give_way_to_another_run_on_its_file_which_would_wait_for_it()
    {
        var time = new VirtualTime();
        var scheduler = new SyncScheduler(With(TaskScheduler.Default, time), new SchedulerLimits { NetworkMax = 1, OvertakenMax = 1 });
        var order = new List<string>();
        var (begun, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var first = scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.Background, Both) { File = "a" },
            async (turn, _) =>
            {
                begun.SetResult();
                await goOn.Task;
                time.Advance(TimeSpan.FromMilliseconds(50));
                Assert.True(await turn.GiveWayAsync());
                order.Add("first");
                return 0;
            },
            Token);
        await begun.Task;
        var same = Run("a", "same file");
        var others = Enumerable.Range(0, 3).Select(i => Run("b", "other")).ToList();
        goOn.SetResult();
        await Task.WhenAll([first, same, .. others]).WaitAsync(Deadline, Token);
        Assert.True(order.IndexOf("first") < order.IndexOf("same file"), string.Join(", ", order));
        Assert.Equal("other", order[0]);

        Task<int> Run(string file, string name) => scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both) { File = file },
            (_, _) =>
            {
                order.Add(name);
                return Task.FromResult(0);
            },
            Token);
    }

    [Fact]
    [Trait("req", "RUN-03")]
    [Trait("req", "RUN-02")]
    public async Task A_large_pull_of_a_started_service_lets_a_persons_task_through_between_two_pages()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO note(id) SELECT 'n' || i FROM n;");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 10;
        var (before, all) = await AskedBetweenAsync(world, b, "/sync/changes");
        Assert.InRange(before, 2, all - 2);
    }

    [Fact]
    [Trait("req", "RUN-03")]
    [Trait("req", "RUN-02")]
    public async Task A_large_push_of_a_started_service_lets_a_persons_task_through_between_two_batches()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO note(id) SELECT 'n' || i FROM n;");
        a.Options.Push.BatchCommandsMax = 10;
        var (before, all) = await AskedBetweenAsync(world, a, "/sync/push");
        Assert.InRange(before, 2, all - 2);
        await Steps.UntilQuietAsync(a);
        a.AssertQuiet();
    }

    // A person's task comes in the middle of the first run of a service, at the second request of that kind: how many had gone when it was its turn, and how many there were.
    private static async Task<(int Before, int All)> AskedBetweenAsync(World world, Device device, string requests)
    {
        var time = new VirtualTime();
        device.Clock = time;
        device.Options.Automatic.GateTimeout = TimeSpan.Zero;
        device.Connect(world);
        var scheduler = SyncScheduler.Of(device.Environment);
        var gate = new TaskCompletionSource();
        var held = scheduler.RunAsync(new SyncTask(SyncTaskKind.HealthIngest, SyncTaskPriority.Normal, SyncResources.Network), async (_, _) => await gate.Task.ContinueWith(_ => 0, Token, TaskContinuationOptions.None, TaskScheduler.Default), Token);
        var (count, before) = (0, 0);
        Task<int>? asked = null;
        device.Network.BeforeAnswer = path =>
        {
            if (path == requests && ++count == 2)
            {
                asked = scheduler.RunAsync(
                    new SyncTask(SyncTaskKind.CatalogSync, SyncTaskPriority.User, SyncResources.Network),
                    (_, _) =>
                    {
                        before = Volatile.Read(ref count);
                        return Task.FromResult(0);
                    },
                    Token);
                time.Advance(TimeSpan.FromMilliseconds(60));
            }

            return Task.CompletedTask;
        };
        var runs = new RunLog(device.Service);
        device.Service.Start();
        var run = await runs.NextAsync();
        Assert.Equal(60, run.Pull.Applied + run.Push.Accepted);
        await asked!.WaitAsync(Deadline, Token);
        gate.SetResult();
        await held;
        await device.Service.StopAsync();
        return (before, count);
    }

    [Fact]
    [Trait("req", "RUN-02")]
    public async Task More_waiting_tasks_than_the_limit_are_refused()
    {
        var scheduler = New(new SchedulerLimits { WaitingMax = 1 });
        var gate = Hold(scheduler);
        var order = new List<string>();
        var waits = Note(scheduler, order, "waits", SyncTaskKind.DataSync, SyncTaskPriority.Normal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Note(scheduler, order, "too many", SyncTaskKind.DataSync, SyncTaskPriority.Normal));
        gate.SetResult();
        await waits;
        Assert.Equal(["waits"], order);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SyncScheduler New(SchedulerLimits? limits = null) => new(With(TaskScheduler.Default), limits);

    private static SyncEnvironment With(TaskScheduler scheduler, TimeProvider? time = null) => new()
    {
        Time = time ?? TimeProvider.System,
        Random = SyncEnvironment.System.Random,
        Transport = SyncEnvironment.System.Transport,
        ProcessName = "test",
        IsAlive = _ => true,
        Scheduler = scheduler,
    };

    // Holds all there is until it is let go.
    private static TaskCompletionSource Hold(SyncScheduler scheduler)
    {
        var (gate, begun) = (new TaskCompletionSource(), new TaskCompletionSource());
        _ = scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, Both),
            async (_, _) =>
            {
                begun.SetResult();
                await gate.Task;
                return 0;
            },
            CancellationToken.None);
        _ = scheduler.RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, SyncResources.Network),
            async (_, _) =>
            {
                await gate.Task;
                return 0;
            },
            CancellationToken.None);
        Assert.True(begun.Task.Wait(Deadline));
        return gate;
    }

    private static Task<int> Note(SyncScheduler scheduler, List<string> order, string name, SyncTaskKind kind, SyncTaskPriority priority) => scheduler.RunAsync(
        new SyncTask(kind, priority, Both),
        (_, _) =>
        {
            order.Add(name);
            return Task.FromResult(0);
        },
        Token);

    private sealed class InlineScheduler : TaskScheduler
    {
        protected override IEnumerable<Task> GetScheduledTasks() => [];

        protected override void QueueTask(Task task) => TryExecuteTask(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => TryExecuteTask(task);
    }
}
