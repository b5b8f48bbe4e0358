using Microsoft.Extensions.Hosting;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Makes the first key before the first request, so that tokens made by another process are of the same key.</summary>
internal sealed class TokenKeys(TidemarkTokens tokens) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Sealing anything loads the key ring, and makes a key where none is.
        tokens.Create("start", TimeSpan.FromSeconds(1));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
