using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Coordination.Scheduling;

namespace Tidemark.Client.Tests.Coordination.Pacing;

/// <summary>Which run starts when; nothing but the rules.</summary>
public sealed class RunPlannerTests
{
    private static readonly Conditions Calm = new();
    private readonly AutomaticOptions _options = new();
    private readonly RunPlanner _planner;

    public RunPlannerTests() => _planner = new RunPlanner(_options);

    [Fact]
    [Trait("req", "RUN-06")]
    public void A_burst_of_changes_is_one_run_after_two_quiet_seconds()
    {
        _planner.Next(At(0), Calm);
        foreach (var second in new[] { 0.0, 1, 2.5 })
        {
            _planner.Changed(At(second));
        }

        Assert.Equal(TimeSpan.FromSeconds(2), _planner.Next(At(2.5), Calm).Wait);
        Assert.Null(_planner.Next(At(4.49), Calm).Run);
        var run = _planner.Next(At(4.5), Calm).Run!;
        Assert.Equal((SyncMode.Full, SyncTriggers.Change, SyncTaskPriority.Change), (run.Mode, run.Trigger, run.Priority));
        _planner.Started(run);
        Assert.Null(_planner.Next(At(5), Calm).Run);
    }

    [Fact]
    [Trait("req", "RUN-06")]
    public void A_burst_that_does_not_end_waits_ten_seconds_at_most()
    {
        for (var second = 0.0; second < 10; second++)
        {
            _planner.Changed(At(second));
            Assert.Null(_planner.Next(At(second), Calm).Run);
        }

        Assert.NotNull(_planner.Next(At(10), Calm).Run);
    }

    [Fact]
    [Trait("req", "RUN-08")]
    public void The_interval_is_shorter_in_the_foreground()
    {
        Assert.Equal(_options.ForegroundInterval, _planner.Next(At(0), Calm).Wait);
        Assert.Equal(_options.BackgroundInterval, _planner.Next(At(0), Calm with { IsForeground = false }).Wait);
        Assert.Equal(SyncTriggers.Periodic, _planner.Next(At(300), Calm).Run?.Trigger);
        Assert.Null(_planner.Next(At(300), Calm with { IsForeground = false }).Run);
    }

    [Theory]
    [InlineData(SyncTriggers.Start)]
    [InlineData(SyncTriggers.Foreground)]
    [InlineData(SyncTriggers.Reconnect)]
    [InlineData(SyncTriggers.Periodic)]
    [Trait("req", "RUN-21")]
    public void What_brings_no_news_waits_until_the_throttle_is_over(string trigger)
    {
        _planner.Add(trigger, SyncMode.Full);
        Assert.Equal(TimeSpan.FromSeconds(25), _planner.Next(At(0), Calm with { SinceLastRun = TimeSpan.FromSeconds(5) }).Wait);
        Assert.NotNull(_planner.Next(At(25), Calm with { SinceLastRun = TimeSpan.FromSeconds(30) }).Run);
    }

    [Fact]
    [Trait("req", "RUN-21")]
    [Trait("req", "RUN-23")]
    public void A_person_passes_everything_that_holds_others_back()
    {
        _planner.Add(SyncTriggers.User, SyncMode.Full);
        var held = new Conditions
        {
            IsPaused = true, IsOnline = false, IsGateOpen = false, HoldsBulk = true, BackoffLeft = TimeSpan.FromHours(1), SinceLastRun = TimeSpan.Zero,
        };
        Assert.Equal((SyncTriggers.User, SyncTaskPriority.User), (_planner.Next(At(0), held).Run!.Trigger, _planner.Next(At(0), held).Run!.Priority));
    }

    [Fact]
    [Trait("req", "RUN-21")]
    public void A_change_passes_the_throttle_and_waits_for_the_back_off()
    {
        _planner.Changed(At(0));
        Assert.NotNull(_planner.Next(At(2), Calm with { SinceLastRun = TimeSpan.Zero }).Run);
        Assert.Equal(TimeSpan.FromSeconds(40), _planner.Next(At(2), Calm with { BackoffLeft = TimeSpan.FromSeconds(40) }).Wait);
    }

    [Fact]
    [Trait("req", "RUN-08")]
    public void A_network_that_is_back_ends_a_back_off_for_want_of_it_and_no_other()
    {
        _planner.Add(SyncTriggers.Reconnect, SyncMode.Full);
        var back = Calm with { BackoffLeft = TimeSpan.FromMinutes(3), IsBackoffOfNetwork = true };
        Assert.Equal(SyncTriggers.Reconnect, _planner.Next(At(0), back).Run?.Trigger);
        Assert.Equal(TimeSpan.FromMinutes(3), _planner.Next(At(0), back with { IsBackoffOfNetwork = false }).Wait);
    }

    [Fact]
    [Trait("req", "RUN-07")]
    public void Behind_a_closed_gate_offline_or_paused_nothing_starts_and_nothing_is_forgotten()
    {
        _planner.Changed(At(0));
        _planner.Add(SyncTriggers.Start, SyncMode.Full);
        foreach (var held in new[] { Calm with { IsGateOpen = false }, Calm with { IsOnline = false }, Calm with { IsPaused = true } })
        {
            Assert.Equal(new Plan(null, null), _planner.Next(At(60), held));
        }

        Assert.NotNull(_planner.Next(At(60), Calm).Run);
    }

    [Fact]
    [Trait("req", "RUN-23")]
    public void Bulk_that_is_held_lets_changes_go_out_and_fetches_nothing()
    {
        _planner.Add(SyncTriggers.Start, SyncMode.Full);
        var held = Calm with { HoldsBulk = true };
        Assert.Equal(new Plan(null, null), _planner.Next(At(0), held));
        _planner.Changed(At(0));
        var run = _planner.Next(At(2), held).Run!;
        Assert.Equal(SyncMode.PushOnly, run.Mode);
        _planner.Started(run);
        _planner.Ended(At(3), run, failed: false, isRetryable: true, hasMore: false);
        Assert.Equal(SyncTriggers.Start, _planner.Next(At(3), Calm).Run?.Trigger);
    }

    [Fact]
    [Trait("req", "RUN-01")]
    public void What_was_asked_for_during_a_run_is_served_by_it_except_what_may_know_of_something_newer()
    {
        var run = new PlannedRun(SyncMode.Full, SyncTriggers.Start, SyncTaskPriority.Normal);
        _planner.Started(run);
        _planner.Add(SyncTriggers.Foreground, SyncMode.Full);
        _planner.Ended(At(1), run, failed: false, isRetryable: true, hasMore: false);
        Assert.Null(_planner.Next(At(1), Calm).Run);
        _planner.Started(run);
        _planner.Add(SyncTriggers.Hint, SyncMode.Full);
        _planner.Ended(At(2), run, failed: false, isRetryable: true, hasMore: false);
        Assert.Equal(SyncTriggers.Hint, _planner.Next(At(2), Calm).Run?.Trigger);
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public void A_failed_run_is_tried_again_when_its_back_off_is_over_and_never_at_once()
    {
        var run = new PlannedRun(SyncMode.Full, SyncTriggers.Change, SyncTaskPriority.Change);
        _planner.Started(run);
        _planner.Ended(At(0), run, failed: true, isRetryable: true, hasMore: false);
        Assert.Equal(TimeSpan.FromSeconds(1), _planner.Next(At(0), Calm).Wait);
        Assert.Equal(TimeSpan.FromSeconds(7), _planner.Next(At(0), Calm with { BackoffLeft = TimeSpan.FromSeconds(7) }).Wait);
        Assert.Equal(SyncTriggers.Retry, _planner.Next(At(7), Calm).Run?.Trigger);
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public void What_only_a_person_can_change_is_not_tried_again_until_there_is_one()
    {
        var run = new PlannedRun(SyncMode.Full, SyncTriggers.Periodic, SyncTaskPriority.Normal);
        _planner.Started(run);
        _planner.Ended(At(0), run, failed: true, isRetryable: false, hasMore: false);
        _planner.Changed(At(1));
        Assert.Equal(new Plan(null, null), _planner.Next(At(3600), Calm));
        _planner.Add(SyncTriggers.Foreground, SyncMode.Full);
        Assert.NotNull(_planner.Next(At(3600), Calm).Run);
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
