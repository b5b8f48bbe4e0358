using Microsoft.Extensions.Hosting;
using Tidemark.Model.Values;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Registers the model of `serve --model FILE` before the first request.</summary>
internal sealed class ModelFileLoader(string path, SyncServer server) : IHostedService
{
    private static readonly Caller Operator = new(new UserId("operator"), IsAdministrator: true);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var utf8 = await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        await server.PutModelAsync(Operator, utf8, cancellationToken).ConfigureAwait(false);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
