namespace Tidemark.Simulation.Clock;

/// <summary>Runs every task at once, on the thread that starts it.</summary>
internal sealed class InlineTasks : TaskScheduler
{
    public static InlineTasks Instance { get; } = new();

    protected override IEnumerable<Task>? GetScheduledTasks() => null;

    protected override void QueueTask(Task task) => TryExecuteTask(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => TryExecuteTask(task);
}
