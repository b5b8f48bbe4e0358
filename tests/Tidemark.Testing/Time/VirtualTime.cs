namespace Tidemark.Testing;

/// <summary>A clock whose timers fire when a test moves it, in their order, on the test's thread. The wall clock can be set apart from the timers' clock.</summary>
public sealed class VirtualTime : TimeProvider
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private readonly List<VirtualTimer> _timers = [];
    private readonly List<(Func<TimeSpan, bool> Condition, TaskCompletionSource Met)> _watchers = [];
    private TimeSpan _elapsed;
    private TimeSpan _wallOffset;

    /// <summary>Where the wall clock began.</summary>
    public DateTimeOffset Start { get; init; } = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public TimeSpan Elapsed
    {
        get
        {
            lock (_lock)
            {
                return _elapsed;
            }
        }
    }

    /// <summary>Timers that wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _timers.Count;
            }
        }
    }

    /// <summary>How often a timer has fired: what woke somebody up.</summary>
    public long TimersFired { get; private set; }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return Start + _elapsed + _wallOffset;
        }
    }

    public override long GetTimestamp() => Elapsed.Ticks;

    /// <summary>Sets the wall clock ahead or back; timers know nothing of it.</summary>
    public void SetWall(TimeSpan by)
    {
        lock (_lock)
        {
            _wallOffset += by;
        }
    }

    /// <summary>
    /// Moves on in small steps while the task waits for this time. What works on other threads gets a real millisecond before each step: else a deadline would pass in
    /// the middle of work that costs no time here, on a machine that has other things to do.
    /// </summary>
    public async Task<T> DriveAsync<T>(Task<T> task)
    {
        ArgumentNullException.ThrowIfNull(task);
        while (!task.IsCompleted)
        {
            await Task.WhenAny(task, Task.Delay(1));
            if (!task.IsCompleted && Waiting > 0)
            {
                Advance(Step);
            }
        }

        return await task;
    }

    public void Advance(TimeSpan by)
    {
        var until = Elapsed + by;
        while (NextDue(until) is { } due)
        {
            due();
        }

        lock (_lock)
        {
            _elapsed = until;
        }
    }

    /// <summary>Completes when a timer is set whose time from now lies in the range: whoever set it waits, so the clock can be moved.</summary>
    public Task UntilTimerAsync(TimeSpan from, TimeSpan to)
    {
        var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            bool Condition(TimeSpan left) => left >= from && left <= to;
            if (_timers.Exists(t => t.Due is { } due && Condition(due - _elapsed)))
            {
                met.SetResult();
            }
            else
            {
                _watchers.Add((Condition, met));
            }
        }

        return met.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private Action? NextDue(TimeSpan until)
    {
        lock (_lock)
        {
            var next = _timers.Where(t => t.Due <= until).MinBy(t => t.Due);
            if (next is null)
            {
                return null;
            }

            _elapsed = next.Due!.Value > _elapsed ? next.Due.Value : _elapsed;
            TimersFired++;
            next.Due = next.Period > TimeSpan.Zero ? _elapsed + next.Period : null;
            if (next.Due is null)
            {
                _timers.Remove(next);
            }

            return next.Fire;
        }
    }

    private void Set(VirtualTimer timer, TimeSpan dueTime, TimeSpan period)
    {
        var met = new List<TaskCompletionSource>();
        lock (_lock)
        {
            _timers.Remove(timer);
            timer.Due = dueTime == Timeout.InfiniteTimeSpan ? null : _elapsed + dueTime;
            timer.Period = period;
            if (timer.Due is not null)
            {
                _timers.Add(timer);
                met.AddRange(_watchers.Where(w => w.Condition(dueTime)).Select(w => w.Met));
                _watchers.RemoveAll(w => w.Condition(dueTime));
            }
        }

        met.ForEach(m => m.SetResult());
    }

    private void Remove(VirtualTimer timer)
    {
        lock (_lock)
        {
            _timers.Remove(timer);
        }
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan? Due { get; set; }

        public TimeSpan Period { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            time.Set(this, dueTime, period);
            return true;
        }

        public void Dispose() => time.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
