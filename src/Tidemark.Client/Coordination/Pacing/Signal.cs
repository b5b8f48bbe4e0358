using Tidemark.Client.Environment;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>Wakes one waiter; any number of calls before it waits wake it once.</summary>
internal sealed class Signal
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _next = New();

    public void Set()
    {
        lock (_lock)
        {
            _next.TrySetResult();
        }
    }

    /// <summary>Waits for a call, at most so long; null: for ever.</summary>
    public async Task WaitAsync(TimeSpan? time, SyncEnvironment environment, CancellationToken cancellationToken)
    {
        Task next;
        lock (_lock)
        {
            next = _next.Task;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delay = environment.DelayAsync(time ?? Timeout.InfiniteTimeSpan, ending.Token);
        await Task.WhenAny(next, delay).ConfigureAwait(false);
        await ending.CancelAsync().ConfigureAwait(false);
        await delay.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            _next = _next.Task.IsCompleted ? New() : _next;
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
