using Microsoft.Extensions.Hosting;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Hints to and from the other nodes, as long as the host runs.</summary>
internal sealed class HintRelay(SyncServer server) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => server.RelayHintsAsync(stoppingToken);
}
