namespace Tidemark.Torture.Faults;

/// <summary>A clock on which patience is short: it runs many times as fast as the machine's, timers too, until told otherwise; and it can leap.</summary>
internal sealed class HurriedTime(double pace) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _start = System.GetUtcNow();
    private double _pace = pace;
    private TimeSpan _elapsed;
    private long _since = System.GetTimestamp();

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    private TimeSpan Elapsed
    {
        get
        {
            lock (_lock)
            {
                var now = System.GetTimestamp();
                _elapsed += System.GetElapsedTime(_since, now) * _pace;
                _since = now;
                return _elapsed;
            }
        }
    }

    public override DateTimeOffset GetUtcNow() => _start + Elapsed;

    public override long GetTimestamp() => Elapsed.Ticks;

    public void Leap(TimeSpan by)
    {
        _ = Elapsed;
        lock (_lock)
        {
            _elapsed += by;
        }
    }

    /// <summary>From now on as fast as the machine's; timers that wait already keep their pace.</summary>
    public void Calm()
    {
        _ = Elapsed;
        lock (_lock)
        {
            _pace = 1;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Hurried(System.CreateTimer(callback, state, Real(dueTime), Real(period)), this);

    private TimeSpan Real(TimeSpan time)
    {
        lock (_lock)
        {
            return time <= TimeSpan.Zero ? time : time / _pace;
        }
    }

    private sealed class Hurried(ITimer timer, HurriedTime time) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(time.Real(dueTime), time.Real(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
