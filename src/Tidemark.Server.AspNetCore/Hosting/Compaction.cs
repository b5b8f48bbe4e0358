using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Forgets what is past the retention: once at the start, then as often as the options say.</summary>
internal sealed partial class Compaction(SyncServer server, ServerEnvironment environment, ILogger<Compaction> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(server.Options.CompactEvery, environment.Time);
        do
        {
            try
            {
                var spaces = await server.CompactAsync(stoppingToken).ConfigureAwait(false);
                if (spaces > 0)
                {
                    Compacted(logger, spaces);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Failed(logger, e);
            }
        }
        while (await IsDueAsync(timer, stoppingToken).ConfigureAwait(false));
    }

    private static async Task<bool> IsDueAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false; // The server stops.
        }
    }

    [LoggerMessage(EventId = 1003, Level = LogLevel.Debug, Message = "Forgot what is past the retention in {Spaces} spaces.")]
    private static partial void Compacted(ILogger logger, int spaces);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Warning, Message = "What is past the retention could not be forgotten; tried again with the next interval.")]
    private static partial void Failed(ILogger logger, Exception cause);
}
