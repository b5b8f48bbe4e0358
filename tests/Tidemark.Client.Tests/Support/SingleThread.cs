using System.Collections.Concurrent;

namespace Tidemark.Client.Tests.Support;

/// <summary>A synchronization context with one thread, as user interfaces have; knows how long it was kept busy at a stretch.</summary>
internal sealed class SingleThread : SynchronizationContext, IDisposable
{
    private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _posted = [];
    private readonly Thread _thread;

    public SingleThread()
    {
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public int ThreadId => _thread.ManagedThreadId;

    public TimeSpan LongestTurn { get; private set; }

    public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

    public async Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        var end = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        async Task WorkAsync()
        {
            try
            {
                end.SetResult(await work());
            }
#pragma warning disable CA1031 // the caller gets it
            catch (Exception e)
#pragma warning restore CA1031
            {
                end.SetException(e);
            }
        }

        Post(_ => _ = WorkAsync(), null);
        return await end.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    public void Dispose() => _posted.CompleteAdding();

    private void Run()
    {
        SetSynchronizationContext(this);
        foreach (var (callback, state) in _posted.GetConsumingEnumerable())
        {
            var started = TimeProvider.System.GetTimestamp();
            callback(state);
            var took = TimeProvider.System.GetElapsedTime(started);
            LongestTurn = took > LongestTurn ? took : LongestTurn;
        }
    }
}
