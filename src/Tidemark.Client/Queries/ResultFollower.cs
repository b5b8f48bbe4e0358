namespace Tidemark.Client.Queries;

/// <summary>Shows the results of a live query on one synchronization context, one after the other.</summary>
internal sealed class ResultFollower<T> : IAsyncDisposable
{
    private readonly SynchronizationContext? _context;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _follow;

    /// <param name="results">The query's results.</param>
    /// <param name="context">Where they are shown; null: on the thread that read them.</param>
    /// <param name="show">Shows one.</param>
    /// <param name="failed">Told, there too, that no other will come.</param>
    public ResultFollower(IAsyncEnumerable<T> results, SynchronizationContext? context, Action<T> show, Action<Exception> failed)
    {
        _context = context;
        _follow = FollowAsync(results, show, failed);
        _ = _ready.Task.Exception; // Who does not await it learns of a fault by the callback.
    }

    /// <summary>Completes when the first result has been shown.</summary>
    public Task Ready => _ready.Task;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task FollowAsync(IAsyncEnumerable<T> results, Action<T> show, Action<Exception> failed)
    {
        try
        {
            await foreach (var result in results.WithCancellation(_stop.Token).ConfigureAwait(false))
            {
                await OnContextAsync(() => show(result)).ConfigureAwait(false);
                _ready.TrySetResult();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _ready.TrySetCanceled(_stop.Token);
        }
        catch (Exception e)
        {
            _ready.TrySetException(e);
            await OnContextAsync(() => failed(e)).ConfigureAwait(false);
        }
    }

    // The next result is shown when this one was: the order of what is shown is the order of the commits.
    private Task OnContextAsync(Action action)
    {
        if (_context is null)
        {
            action();
            return Task.CompletedTask;
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _context.Post(
            _ =>
            {
                try
                {
                    if (!_stop.IsCancellationRequested)
                    {
                        action();
                    }

                    done.TrySetResult();
                }
                catch (Exception e)
                {
                    done.TrySetException(e); // A handler of the app threw.
                }
            },
            null);
        return done.Task.WaitAsync(_stop.Token);
    }
}
