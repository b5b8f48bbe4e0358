using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tidemark.Client.Hosting;

/// <summary>Starts syncing with the host and ends it before the store is closed. The options are checked before the host says that it has started.</summary>
internal sealed class TidemarkHostedService(IServiceProvider services, IOptions<TidemarkClientOptions> options) : IHostedService
{
    private DataSyncService? _sync;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var isAutomatic = options.Value.StartsByItself;
        _sync = services.GetRequiredService<DataSyncService>();
        if (isAutomatic)
        {
            _sync.Start();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _sync?.StopAsync() ?? Task.CompletedTask;
}
