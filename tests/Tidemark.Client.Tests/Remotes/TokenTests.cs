using System.Net;
using System.Text;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Protocol;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Remotes;

/// <summary>Tokens that run out, and answers that do not come.</summary>
public sealed class TokenTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task A_token_that_runs_out_in_the_middle_of_a_run_is_exchanged_once_and_the_run_goes_on()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        var (good, refreshed, requests) = (world.Token(), 0, 0);
        using var transport = new FaultyTransport(new SocketsHttpHandler());
        using var remote = new TidemarkHttpRemote(
            world.Address, _ => Task.FromResult(++requests < 2 ? good : "run out"), With(transport),
            (_, _) =>
            {
                refreshed++;
                return Task.FromResult(good);
            });
        using var service = new DataSyncService(a.Store, remote, a.Options, SyncEnvironment.System);
        var report = await service.SyncAsync(Client.Coordination.SyncMode.Full, "test", null, Token);
        Assert.Null(report.Error);
        Assert.Equal((1, 1), (report.Push.Accepted, refreshed));
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task A_session_exchanges_its_tokens_by_itself_and_keeps_the_new_pair_before_it_is_used()
    {
        await using var world = await World.StartAsync();
        var pair = world.Session();
        var kept = new List<TokenResponse>();
        using var session = new TokenSession(world.Address, pair with { AccessToken = "run out" }, SyncEnvironment.System, (next, _) =>
        {
            kept.Add(next);
            return Task.CompletedTask;
        });
        using var remote = new TidemarkHttpRemote(world.Address, session.GetAsync, SyncEnvironment.System, session.RefreshAsync);
        Assert.Equal("ann", (await remote.GetModelAsync(Token)).User);
        var next = Assert.Single(kept);
        Assert.Equal(next.AccessToken, await session.GetAsync(Token));
        Assert.NotEqual(pair.RefreshToken, next.RefreshToken);
        Assert.Equal(next.AccessToken, await session.RefreshAsync("run out", Token)); // Who was refused with the old one gets what there is.
        Assert.Single(kept);

        using var over = new TokenSession(world.Address, new TokenResponse { AccessToken = "run out", RefreshToken = "nobody's" }, SyncEnvironment.System, (_, _) => throw new InvalidOperationException("nothing to keep"));
        Assert.Equal(SyncErrorCode.AuthFailed, (await Assert.ThrowsAsync<SyncException>(() => over.RefreshAsync("run out", Token))).Code);
        Assert.Equal("run out", await over.GetAsync(Token));
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task Many_requests_that_are_refused_at_once_ask_for_one_other_token()
    {
        await using var world = await World.StartAsync();
        var (good, refreshed) = (world.Token(), 0);
        var goOn = new TaskCompletionSource();
        using var transport = new FaultyTransport(new SocketsHttpHandler());
        using var remote = new TidemarkHttpRemote(
            world.Address, _ => Task.FromResult("run out"), With(transport),
            async (_, _) =>
            {
                Interlocked.Increment(ref refreshed);
                await goOn.Task;
                return good;
            });
        var all = Enumerable.Range(0, 12).Select(_ => remote.GetModelAsync(Token)).ToList();
        goOn.SetResult();
        var answers = await Task.WhenAll(all);
        Assert.All(answers, a => Assert.Equal("ann", a.User));
        Assert.Equal(1, refreshed);
        await remote.GetModelAsync(Token); // the source goes on giving the old one
        Assert.Equal(1, refreshed);
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task Another_token_that_is_refused_too_and_one_that_cannot_be_had_end_the_run_with_a_reason()
    {
        await using var world = await World.StartAsync();
        using var transport = new FaultyTransport(new SocketsHttpHandler());
        using var refused = new TidemarkHttpRemote(world.Address, _ => Task.FromResult("run out"), With(transport), (_, _) => Task.FromResult("no better"));
        Assert.Equal(SyncErrorCode.AuthFailed, (await Assert.ThrowsAsync<SyncException>(() => refused.GetModelAsync(Token))).Code);
        Assert.Equal(2, transport.Requests.Count);
        using var none = new TidemarkHttpRemote(world.Address, _ => Task.FromResult("run out"), With(transport), (_, _) => throw new InvalidOperationException("signed out elsewhere"));
        var trouble = await Assert.ThrowsAsync<SyncException>(() => none.GetModelAsync(Token));
        Assert.Equal(SyncErrorCode.AuthFailed, trouble.Code);
        Assert.Contains("signed out elsewhere", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task A_refreshed_token_of_another_user_carries_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        a.Sql("INSERT INTO note VALUES('secret', '', '', NULL)");
        var (good, other, requests) = (world.Token(), world.Token("eve"), 0);
        using var transport = new FaultyTransport(new SocketsHttpHandler());
        using var remote = new TidemarkHttpRemote(world.Address, _ => Task.FromResult(++requests < 2 ? good : "run out"), With(transport), (_, _) => Task.FromResult(other));
        using var service = new DataSyncService(a.Store, remote, a.Options, SyncEnvironment.System);
        var report = await service.SyncAsync(Client.Coordination.SyncMode.Full, "test", null, Token);
        Assert.Equal(SyncErrorCode.WrongUser, report.Error?.Code);
        Assert.Equal(1, report.Pending);
        Assert.Empty(transport.PushBodies);
    }

    [Fact]
    [Trait("req", "RUN-09")]
    [Trait("req", "RUN-10")]
    public async Task An_answer_that_stops_in_the_middle_is_no_network_after_a_minute_of_silence()
    {
        var time = new VirtualTime();
        var silence = new SilentBody();
        using var transport = new FixedTransport(silence);
        using var remote = new TidemarkHttpRemote(new Uri("http://server.example/"), _ => Task.FromResult("t"), With(transport, time));
        var asked = remote.GetChangesAsync(new ChangesRequest { DeviceId = "d" }, Token);
        await silence.IsRead;
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.False(asked.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        var trouble = await Assert.ThrowsAsync<SyncException>(() => asked);
        Assert.Equal((SyncErrorCode.NetworkError, true), (trouble.Code, trouble.Retryable));
    }

    [Fact]
    [Trait("req", "RUN-09")]
    public async Task A_captive_portal_that_answers_html_with_200_changes_nothing_and_is_tried_again()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        a.Network.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<html>Please sign in</html>", Encoding.UTF8, "text/html") };
        var report = await a.TrySyncAsync();
        Assert.Equal((SyncErrorCode.InvalidResponse, true, 1L), (report.Error!.Code, report.Error.Retryable, report.Pending));
        a.Network.Answer = _ => null;
        Assert.Equal(1, (await a.SyncAsync()).Push.Accepted);
    }

    private static SyncEnvironment With(HttpMessageHandler transport, TimeProvider? time = null) => new()
    {
        Time = time ?? TimeProvider.System,
        Random = SyncEnvironment.System.Random,
        Transport = () => transport,
        ProcessName = SyncEnvironment.System.ProcessName,
        IsAlive = SyncEnvironment.System.IsAlive,
    };

    private sealed class FixedTransport(Stream body) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(body) };
            answer.Content.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue("application/json");
            return Task.FromResult(answer);
        }
    }

    // Gives one byte and then neither another nor an end.
    private sealed class SilentBody : Stream
    {
        private readonly TaskCompletionSource _isRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _hasGiven;

        public Task IsRead => _isRead.Task;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_hasGiven)
            {
                _hasGiven = true;
                buffer.Span[0] = (byte)'{';
                return 1;
            }

            _isRead.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
