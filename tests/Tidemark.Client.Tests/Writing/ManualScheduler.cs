namespace Tidemark.Client.Tests.Writing;

/// <summary>Runs nothing until it is told to, and then on the caller's thread: what waits together is the test's choice.</summary>
internal sealed class ManualScheduler : TaskScheduler
{
    private readonly Queue<Task> _tasks = new();

    public int Waiting => _tasks.Count;

    public void RunAll()
    {
        while (_tasks.TryDequeue(out var task))
        {
            TryExecuteTask(task);
        }
    }

    protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

    protected override void QueueTask(Task task) => _tasks.Enqueue(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;
}
