using Microsoft.Extensions.Hosting;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Makes the first key before the first request, so that tokens made by another process, or another node, are of the same key.</summary>
internal sealed class TokenKeys(TidemarkTokens tokens, IServerStore store) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => tokens.LoadAsync(store, cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
