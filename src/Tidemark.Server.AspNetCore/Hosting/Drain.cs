using Microsoft.Extensions.Hosting;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>
/// The way out of a node: from the stop signal on it is not ready, tells its live connections to go elsewhere and ends every connection with its next answer;
/// it goes on serving for the drain time, so that who stands before it notices, and only then stops listening.
/// </summary>
internal sealed class Drain : IHostedLifecycleService, IDisposable
{
    private readonly CancellationTokenSource _begun = new();
    private readonly CancellationTokenRegistration _stopping;
    private readonly SyncServer _server;
    private readonly ServerEnvironment _environment;
    private Task? _drained;

    public Drain(SyncServer server, ServerEnvironment environment, IHostApplicationLifetime lifetime)
    {
        (_server, _environment) = (server, environment);
        _stopping = lifetime.ApplicationStopping.Register(_begun.Cancel);
    }

    /// <summary>Cancelled when it begins.</summary>
    public CancellationToken Begun => _begun.Token;

    public bool HasBegun => _begun.IsCancellationRequested;

    // Before anything else of the host stops. A host that is stopped twice drains once.
    public Task StoppingAsync(CancellationToken cancellationToken) => _drained ??= DrainAsync(cancellationToken);

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        await _begun.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.Delay(_server.Options.DrainTime, _environment.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The host will not wait longer.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _stopping.Dispose();
        _begun.Dispose();
    }
}
