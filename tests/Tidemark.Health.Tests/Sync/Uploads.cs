using Tidemark.Client.Errors;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;

namespace Tidemark.Health.Tests.Sync;

/// <summary>The real server's decisions behind a network that a test breaks.</summary>
internal sealed class Uploads(HealthServer server) : IHealthUploader
{
    /// <summary>What happens to the next requests, from the front; whole ones when it is empty.</summary>
    public Queue<string> Next { get; } = new();

    /// <summary>Requests that were begun.</summary>
    public int Begun { get; private set; }

    public List<int> Sizes { get; } = [];

    /// <summary>How long a request is on its way, by the clock.</summary>
    public TimeSpan Takes { get; set; }

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        Begun++;
        var what = Next.Count > 0 ? Next.Dequeue() : "whole";
        if (Takes > TimeSpan.Zero)
        {
            await Task.Delay(Takes, Time, cancellationToken);
        }

        if (what == "lost")
        {
            throw new SyncException(SyncErrorCode.NetworkError, "No network.", retryable: true);
        }

        if (what == "silent")
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        var response = await server.UpsertAsync(new Caller(new UserId("ann"), IsAdministrator: false), batch, CancellationToken.None);
        Sizes.Add(response.Verdicts.Count);
        return what == "answer lost" ? throw new SyncException(SyncErrorCode.NetworkError, "The answer was lost.", retryable: true) : response;
    }
}
