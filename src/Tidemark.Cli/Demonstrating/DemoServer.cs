using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Tidemark.Cli.Running;
using Tidemark.Cli.Serving;
using Tidemark.Server.AspNetCore;

namespace Tidemark.Cli.Demonstrating;

/// <summary>The demo's server: the real one, with a hand on the cable of one push.</summary>
internal sealed class DemoServer : IAsyncDisposable
{
    private WebApplication? _app;
    private TaskCompletionSource? _taken;
    private TaskCompletionSource? _release;

    private DemoServer(string data) => Data = data;

    public string Data { get; }

    public string Url => _app!.Urls.First();

    public static async Task<DemoServer> StartAsync(string data, CancellationToken cancellationToken)
    {
        var server = new DemoServer(data);
        server._app = await ServerHost.StartAsync(
            new ServerSettings(["http://127.0.0.1:0"], data, null, Dev: true),
            cancellationToken,
            app => app.Use(server.HoldPushAsync));
        return server;
    }

    public ServerLink LinkOf(string user)
    {
        using var tokens = TidemarkTokens.Open(Data);
        return new ServerLink(new Uri(Url + "/"), tokens.Create(user, TimeSpan.FromDays(1)));
    }

    /// <summary>
    /// The next push is taken by the server as ever, but its answer is held back. The first task ends when the server has committed;
    /// releasing lets the answer go wherever the sender still is.
    /// </summary>
    public (Task Taken, Action Release) HoldNextAnswer()
    {
        _release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _taken = taken;
        return (taken.Task, () => _release.TrySetResult());
    }

    public async ValueTask DisposeAsync()
    {
        _release?.TrySetResult();
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }
    }

    private async Task HoldPushAsync(HttpContext context, RequestDelegate next)
    {
        if (_release is not { } release || !context.Request.Path.StartsWithSegments("/sync/push", StringComparison.Ordinal)
            || Interlocked.Exchange(ref _taken, null) is not { } taken)
        {
            await next(context);
            return;
        }

        var wire = context.Response.Body;
        using var held = new MemoryStream();
        context.Response.Body = held;
        await next(context);
        context.Response.Body = wire;
        taken.TrySetResult();
        await release.Task;
        context.Abort();
    }
}
