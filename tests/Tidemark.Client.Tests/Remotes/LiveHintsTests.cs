using System.Threading.Channels;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Remotes;

[Trait("req", "RUN-13")]
public sealed class LiveHintsTests
{
    [Fact]
    public async Task A_push_of_one_device_reaches_the_other_and_not_itself()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await using var atA = Listen(world, a);
        await using var atB = Listen(world, b);
        var head = await atA.NextAsync();
        Assert.Equal(head, await atB.NextAsync());
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync(SyncMode.PushOnly);
        var hint = await atB.NextAsync();
        Assert.True(hint.Position > head.Position);
        Assert.Equal("u:ann", hint.Space);

        // What a hears next is of b: its own change was left out.
        b.Sql("INSERT INTO note(id) VALUES('m')");
        await b.SyncAsync(SyncMode.PushOnly);
        var other = await atA.NextAsync();
        Assert.True(other.Position > hint.Position);
    }

    [Fact]
    public async Task A_hint_of_what_was_pulled_already_asks_for_no_run()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        var gate = new HintGate();
        gate.Note(await b.SyncAsync());
        await using var hints = Listen(world, b, gate.Hinted);
        await hints.NextAsync();
        Assert.False(gate.IsDue); // The head at the connection is known.
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync();
        await gate.WaitAsync(TestContext.Current.CancellationToken).WaitAsync(Watching.Deadline);
        gate.Note(await b.SyncAsync());
        Assert.False(gate.IsDue);
        Assert.Equal(1, b.Count("SELECT count(*) FROM note"));
    }

    [Fact]
    public async Task A_hint_during_the_pull_of_an_empty_space_is_due_when_the_pull_has_ended()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var gate = new HintGate();
        gate.Starting();
        var report = await a.SyncAsync(SyncMode.PullOnly);
        gate.Hinted(new LiveHint("u:ann", 5));
        gate.Note(report);
        Assert.True(gate.IsDue);
        gate.Starting();
        gate.Note(report); // Wherever the server's head is now, the hint was looked after.
        Assert.False(gate.IsDue);
    }

    [Fact]
    public async Task A_hint_before_a_run_that_may_not_fetch_yet_is_still_due()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        var gate = new HintGate();
        gate.Hinted(new LiveHint("u:ann", long.MaxValue));
        gate.Starting();
        gate.Note(await a.SyncAsync(SyncMode.PullOnly)); // What the server has lost is offered first.
        Assert.True(gate.IsDue);
        gate.Starting();
        gate.Note(await a.SyncAsync());
        Assert.False(gate.IsDue);
    }

    [Fact]
    public async Task A_push_with_nothing_to_send_says_nothing_of_how_far_was_pulled_and_an_idle_run_does()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id) VALUES('n');");
        await Steps.UntilQuietAsync(a);
        var push = await a.SyncAsync(SyncMode.PushOnly);
        Assert.Equal((SyncOutcome.Idle, 0L), (push.Outcome, push.Pull.Until));
        var idle = await a.SyncAsync();
        Assert.Equal((SyncOutcome.Idle, a.Count("SELECT version FROM _tm_row_1")), (idle.Outcome, idle.Pull.Until));
    }

    [Fact]
    public async Task What_moved_while_nobody_listened_is_told_by_the_head_after_a_reconnect()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        using var proxy = new SilentProxy(world.Address.Port);
        await using var hints = Listen(world, b, server: proxy.Address);
        var head = await hints.NextAsync();
        proxy.Cut();
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync();
        while ((await hints.NextAsync()).Position <= head.Position)
        {
            // It was back before a had sent.
        }

        Assert.True(proxy.Connections >= 2);
    }

    [Fact]
    public async Task A_half_open_connection_is_noticed_by_its_silence()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        using var proxy = new SilentProxy(world.Address.Port);
        await using var hints = Listen(world, a, server: proxy.Address, configure: o =>
        {
            o.PingEvery = TimeSpan.FromMilliseconds(100);
            o.PongWithin = TimeSpan.FromMilliseconds(200);
        });
        await hints.NextAsync();
        proxy.Silence();
        await hints.NextAsync(); // Of a new connection.
        Assert.Equal(2, proxy.Connections);
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public async Task A_token_that_ran_out_ends_the_connection_and_the_next_one_has_the_new_token()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var tokens = new Queue<string>([world.Token("ann", TimeSpan.FromSeconds(1)), world.Token()]);
        await using var hints = Listen(world, a, token: _ => Task.FromResult(tokens.Count > 1 ? tokens.Dequeue() : tokens.Peek()));
        await hints.NextAsync();
        await hints.NextAsync();
        Assert.Single(tokens);
    }

    [Fact]
    public async Task A_server_that_is_away_or_refuses_is_waited_out_and_a_stop_ends_cleanly()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var attempts = 0;
        var stop = new CancellationTokenSource();
        var hints = new TidemarkLiveHints(world.Address, _ => Task.FromResult(Interlocked.Increment(ref attempts) < 4 ? "no token" : world.Token()), Fast(a), SyncEnvironment.System);
        var states = Channel.CreateUnbounded<LiveHintState>();
        hints.StateChanged += (_, _) => states.Writer.TryWrite(hints.State);
        var heard = new TaskCompletionSource();
        var run = hints.RunAsync(_ => heard.TrySetResult(), stop.Token);
        await heard.Task.WaitAsync(Watching.Deadline);
        Assert.Equal(4, attempts);
        Assert.Equal(LiveHintState.Live, hints.State);
        await stop.CancelAsync();
        await run.WaitAsync(Watching.Deadline);
        Assert.Equal(LiveHintState.Stopped, hints.State);
        Assert.True(states.Reader.TryRead(out var first) && first == LiveHintState.Connecting);
    }

    private static LiveHintOptions Fast(Device device) => new()
    {
        DeviceId = device.Store.DeviceId,
        Backoff = { FirstDelayMs = 5, DelayMaxMs = 20 },
    };

    private static Listening Listen(World world, Device device, Action<LiveHint>? also = null, Uri? server = null, Func<CancellationToken, Task<string>>? token = null, Action<LiveHintOptions>? configure = null)
    {
        var options = Fast(device);
        configure?.Invoke(options);
        return new Listening(new TidemarkLiveHints(server ?? world.Address, token ?? (_ => Task.FromResult(world.Token())), options, SyncEnvironment.System), also);
    }

    private sealed class Listening : IAsyncDisposable
    {
        private readonly Channel<LiveHint> _hints = Channel.CreateUnbounded<LiveHint>();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _run;

        public Listening(ILiveHints hints, Action<LiveHint>? also) =>
            _run = hints.RunAsync(
                hint =>
                {
                    also?.Invoke(hint);
                    _hints.Writer.TryWrite(hint);
                },
                _stop.Token);

        public async Task<LiveHint> NextAsync() => await _hints.Reader.ReadAsync().AsTask().WaitAsync(Watching.Deadline);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run.WaitAsync(Watching.Deadline);
        }
    }
}
