using Tidemark.Client.Coordination.Scheduling;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>How things stand when the planner is asked.</summary>
internal sealed record Conditions
{
    public bool IsPaused { get; init; }

    public bool IsOnline { get; init; } = true;

    public bool IsGateOpen { get; init; } = true;

    public bool IsForeground { get; init; } = true;

    /// <summary>Everything is to be fetched, and that is to wait for another network or for power.</summary>
    public bool HoldsBulk { get; init; }

    /// <summary>What is left of the back-off, the server's Retry-After included.</summary>
    public TimeSpan BackoffLeft { get; init; }

    /// <summary>The back-off is for want of a network and nothing else.</summary>
    public bool IsBackoffOfNetwork { get; init; }

    /// <summary>How long ago the last run of any instance or process began; null: none ever did.</summary>
    public TimeSpan? SinceLastRun { get; init; }
}

/// <summary>A run to start now.</summary>
internal sealed record PlannedRun(SyncMode Mode, string Trigger, SyncTaskPriority Priority);

/// <summary>What to do: a run now, or wait so long (null: until something happens).</summary>
internal sealed record Plan(PlannedRun? Run, TimeSpan? Wait);

/// <summary>
/// Decides which run starts when; knows neither file nor network nor clock. Everything that asks before a run starts is served by that run.
/// Times are those of a clock that only goes forward.
/// </summary>
internal sealed class RunPlanner(AutomaticOptions options)
{
    // Behind a failure that no back-off was noted for: somebody else is syncing the file.
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(1);
    private readonly List<Ask> _asks = [];
    private TimeSpan? _firstChange;
    private TimeSpan _lastChange;
    private TimeSpan? _lastRun;
    private TimeSpan _notBefore;
    private bool _isStuck;

    /// <summary>Nothing is done by itself before a person has asked, resumed, or come back.</summary>
    public bool IsStuck => _isStuck;

    /// <summary>Something was written here.</summary>
    public void Changed(TimeSpan now)
    {
        _firstChange ??= now;
        _lastChange = now;
    }

    /// <summary>Somebody asks for a run.</summary>
    public void Add(string trigger, SyncMode mode)
    {
        if (trigger is SyncTriggers.Foreground or SyncTriggers.Resume or SyncTriggers.User)
        {
            _isStuck = false;
        }

        if (!_asks.Exists(a => a.Trigger == trigger && a.Mode == mode))
        {
            _asks.Add(new Ask(trigger, mode));
        }
    }

    public Plan Next(TimeSpan now, Conditions c)
    {
        if (_asks.Exists(IsUser))
        {
            return new Plan(new PlannedRun(ModeOf(_asks), SyncTriggers.User, SyncTaskPriority.User), null);
        }

        if (c.IsPaused || !c.IsOnline || !c.IsGateOpen || _isStuck)
        {
            return new Plan(null, null); // Each of them ends with a signal.
        }

        var due = AllDue(now, c).Where(d => !c.HoldsBulk || d.Mode == SyncMode.PushOnly).ToList();
        if (due.Count == 0)
        {
            return new Plan(null, null);
        }

        var first = due.MinBy(d => d.At);
        if (first.At > now)
        {
            return new Plan(null, first.At - now);
        }

        var isChange = first.Trigger == SyncTriggers.Change;
        return new Plan(new PlannedRun(first.Mode, first.Trigger, isChange || first.Trigger == SyncTriggers.Hint ? SyncTaskPriority.Change : SyncTaskPriority.Normal), null);
    }

    /// <summary>The planned run begins: what was asked for until now is served by it.</summary>
    public void Started(PlannedRun run)
    {
        _asks.RemoveAll(a => run.Mode == SyncMode.Full || a.Mode == run.Mode || IsUser(a));
        _firstChange = run.Mode == SyncMode.PullOnly ? _firstChange : null;
    }

    /// <summary>It has ended.</summary>
    public void Ended(TimeSpan now, PlannedRun run, bool failed, bool isRetryable, bool hasMore)
    {
        _lastRun = now;

        // It was as good as asked for by all of these; a person and a hint may know of something newer.
        _asks.RemoveAll(a => !failed && run.Mode == SyncMode.Full && !IsUser(a) && a.Trigger != SyncTriggers.Hint);
        _isStuck = failed && !isRetryable;
        _notBefore = failed ? now + PauseMin : now;
        if ((failed && isRetryable) || hasMore)
        {
            Add(SyncTriggers.Retry, run.Mode);
        }
    }

    private IEnumerable<Due> AllDue(TimeSpan now, Conditions c)
    {
        var free = Max(now + c.BackoffLeft, _notBefore);
        if (_firstChange is { } first)
        {
            var rest = Min(_lastChange + options.Quiet, first + options.QuietMax);
            yield return new Due(Max(rest, free), c.HoldsBulk ? SyncMode.PushOnly : SyncMode.Full, SyncTriggers.Change);
        }

        var throttled = c.SinceLastRun is { } since && since < options.Throttle ? now + options.Throttle - since : now;
        foreach (var ask in _asks)
        {
            var at = ask.Trigger switch
            {
                SyncTriggers.Hint or SyncTriggers.Retry => free,
                SyncTriggers.Reconnect when c.IsBackoffOfNetwork => now,
                _ => Max(throttled, free),
            };
            yield return new Due(at, ask.Mode, ask.Trigger);
        }

        var interval = c.IsForeground ? options.ForegroundInterval : options.BackgroundInterval;
        var last = _lastRun ?? now;
        _lastRun ??= now;
        yield return new Due(Max(Max(last + interval, free), throttled), SyncMode.Full, SyncTriggers.Periodic);
    }

    private static bool IsUser(Ask ask) => ask.Trigger == SyncTriggers.User;

    private static SyncMode ModeOf(List<Ask> asks)
    {
        var modes = asks.Where(IsUser).Select(a => a.Mode).Distinct().ToList();
        return modes.Count == 1 ? modes[0] : SyncMode.Full;
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed record Ask(string Trigger, SyncMode Mode);

    private readonly record struct Due(TimeSpan At, SyncMode Mode, string Trigger);
}
