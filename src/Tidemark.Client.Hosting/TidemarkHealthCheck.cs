using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Tidemark.Client.Environment;

namespace Tidemark.Client.Hosting;

/// <summary>How syncing stands, for the host's health endpoint. Asks nobody: it tells what the last run came to.</summary>
internal sealed class TidemarkHealthCheck(DataSyncService sync, SyncEnvironment environment, IOptions<TidemarkClientOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = sync.Status;
        var data = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["activity"] = status.Activity.ToString(),
            ["pending"] = status.Pending,
            ["deadLetters"] = status.DeadLetters,
            ["runs"] = status.Runs,
        };
        if (status.LastError is { } error)
        {
            return Task.FromResult(error.Retryable
                ? HealthCheckResult.Degraded($"The last run failed and is tried again: {error.Message}", error, data)
                : new HealthCheckResult(HealthStatus.Unhealthy, $"The last run failed and needs a person: {error.Message}", error, data));
        }

        if (status.LastSuccess is { } last && environment.Now - last > options.Value.HealthyFor)
        {
            return Task.FromResult(HealthCheckResult.Degraded($"No run has gone well since {last:u}.", data: data));
        }

        return Task.FromResult(status.DeadLetters > 0
            ? HealthCheckResult.Degraded($"{status.DeadLetters} dead letters need a person.", data: data)
            : HealthCheckResult.Healthy("In step.", data));
    }
}
