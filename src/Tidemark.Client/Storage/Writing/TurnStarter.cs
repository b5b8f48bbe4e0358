namespace Tidemark.Client.Storage.Writing;

/// <summary>The seam between what waits for a file and the scheduler that runs it.</summary>
internal static class TurnStarter
{
    public static void Start(Action turn, TaskScheduler scheduler)
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            StartNow(turn, scheduler);
            return;
        }

        // A turn may serve many callers, so it has the context of none.
        using (ExecutionContext.SuppressFlow())
        {
            StartNow(turn, scheduler);
        }
    }

    // PreferFairness: callers that were just completed come first, and may join the next group.
    private static void StartNow(Action turn, TaskScheduler scheduler) =>
        _ = Task.Factory.StartNew(turn, CancellationToken.None, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.PreferFairness, scheduler);
}
