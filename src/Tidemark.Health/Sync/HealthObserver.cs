using Tidemark.Client.Environment;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>
/// What the app calls when the platform announces that a type has changed, also in the background. Announcements of a type that overlap are one run, and one more for what came
/// meanwhile. The answer comes when what was announced is captured and was tried to send, and always within the budget of a wake: then the platform may be told that it is done.
/// </summary>
public sealed class HealthObserver
{
    private readonly HealthSync _sync;
    private readonly SyncEnvironment _environment;
    private readonly TimeSpan _budget;
    private readonly HashSet<string> _types;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Runs> _running = new(StringComparer.Ordinal);

    /// <param name="sync">Captures and sends.</param>
    /// <param name="environment">Time.</param>
    /// <param name="types">The monitored types; others are ignored. Null: <see cref="HealthTypes.MonitoredByDefault"/>.</param>
    /// <param name="budget">Of one wake. Default 30 s: capture and tries end at the 25 s of <see cref="HealthSyncOptions.ImmediateDeadline"/>.</param>
    public HealthObserver(HealthSync sync, SyncEnvironment environment, IEnumerable<string>? types = null, TimeSpan? budget = null)
    {
        _sync = sync ?? throw new ArgumentNullException(nameof(sync));
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        _types = (types ?? HealthTypes.MonitoredByDefault).ToHashSet(StringComparer.Ordinal);
        _budget = budget ?? TimeSpan.FromSeconds(30);
    }

    /// <summary>A change of the type was announced.</summary>
    /// <returns>Null: the type is not monitored.</returns>
    public async Task<HealthOutcome?> AnnounceAsync(string type, CancellationToken cancellationToken)
    {
        if (!_types.Contains(type))
        {
            return null;
        }

        try
        {
            return await Join(type, cancellationToken).WaitAsync(_budget, _environment.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return HealthOutcome.OutOfTime; // Whatever goes on has its commit before it sends.
        }
    }

    // What is announced while a run reads may be behind what it read: it is in the next one, together with all else that is announced until then.
    private Task<HealthOutcome> Join(string type, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_running.TryGetValue(type, out var runs))
            {
                var run = RunAsync(type, previous: null, cancellationToken);
                if (!run.IsCompleted)
                {
                    _running[type] = new Runs(run, null);
                }

                return run;
            }

            if (runs.Next is null)
            {
                _running[type] = runs = runs with { Next = RunAsync(type, runs.Now, cancellationToken) };
            }

            return runs.Next!;
        }
    }

    private async Task<HealthOutcome> RunAsync(string type, Task<HealthOutcome>? previous, CancellationToken cancellationToken)
    {
        if (previous is not null)
        {
            await ((Task)previous).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_lock)
            {
                _running[type] = new Runs(_running[type].Next!, null);
            }
        }

        try
        {
            return (await _sync.SendNowAsync(type, cancellationToken).ConfigureAwait(false)).Outcome;
        }
        finally
        {
            lock (_lock)
            {
                if (_running.TryGetValue(type, out var runs) && runs.Next is null)
                {
                    _running.Remove(type);
                }
            }
        }
    }

    private sealed record Runs(Task<HealthOutcome> Now, Task<HealthOutcome>? Next);
}
