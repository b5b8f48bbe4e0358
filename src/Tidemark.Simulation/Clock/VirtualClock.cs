namespace Tidemark.Simulation.Clock;

/// <summary>
/// A machine's clock. Its wall time is the scheduler's time and how far it is wrong; its timers and timestamps go by the
/// scheduler alone. When the machine's process has ended, its timers never fire.
/// </summary>
internal sealed class VirtualClock(Scheduler scheduler, Func<TimeSpan> skew) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 3, 27, 0, 0, 0, TimeSpan.Zero);
    private long _work;

    /// <summary>How much time one reading of the timestamp stands for: work would take some.</summary>
    public long WorkTicks { get; set; }

    public bool Ended { get; set; }

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        scheduler.CheckThread();
        return Start.AddTicks(scheduler.Now) + skew();
    }

    public override long GetTimestamp()
    {
        scheduler.CheckThread();
        return scheduler.Now + (_work += WorkTicks);
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        scheduler.CheckThread();
        var timer = new VirtualTimer(this, scheduler, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class VirtualTimer(VirtualClock clock, Scheduler scheduler, TimerCallback callback, object? state) : ITimer
    {
        private long _generation;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var generation = ++_generation;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                scheduler.After(dueTime, () => Fire(generation, period));
            }

            return true;
        }

        public void Dispose() => _generation++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire(long generation, TimeSpan period)
        {
            if (generation != _generation || clock.Ended)
            {
                return;
            }

            if (period > TimeSpan.Zero)
            {
                scheduler.After(period, () => Fire(generation, period));
            }

            callback(state);
        }
    }
}
