namespace Tidemark.Simulation.Clock;

/// <summary>
/// The one queue of everything that happens, ordered by time and then by the order in which it was put there. Time moves
/// only from one event to the next, and everything runs on the thread that calls RunUntil.
/// </summary>
internal sealed class Scheduler
{
    private readonly PriorityQueue<Action, (long At, long Number)> _events = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _number;

    /// <summary>Ticks since the run began.</summary>
    public long Now { get; private set; }

    public long Events { get; private set; }

    public void At(long ticks, Action action)
    {
        CheckThread();
        _events.Enqueue(action, (Math.Max(ticks, Now), ++_number));
    }

    public void After(TimeSpan time, Action action) => At(Now + Math.Max(0, time.Ticks), action);

    /// <summary>Runs what is due up to then; the clock stands at that time afterwards.</summary>
    public void RunUntil(long ticks, Action afterEach)
    {
        while (_events.TryPeek(out _, out var due) && due.At <= ticks)
        {
            Step(due.At, afterEach);
        }

        Now = Math.Max(Now, ticks);
    }

    /// <summary>Runs until the condition holds; false when nothing is left to happen, or not before the deadline.</summary>
    public bool RunUntil(Func<bool> condition, long deadline, Action afterEach)
    {
        while (!condition())
        {
            if (!_events.TryPeek(out _, out var due) || due.At > deadline)
            {
                return false;
            }

            Step(due.At, afterEach);
        }

        return true;
    }

    /// <exception cref="SimulatorException">Something of the engine went around its environment and runs on another thread.</exception>
    public void CheckThread()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            throw new SimulatorException("Work has left the simulator's thread: something waits around the environment.");
        }
    }

    private void Step(long at, Action afterEach)
    {
        var action = _events.Dequeue();
        Now = Math.Max(Now, at);
        Events++;
        action();
        afterEach();
    }
}

/// <summary>A fault of the simulator itself, not of what it runs.</summary>
public sealed class SimulatorException(string message) : Exception(message);
