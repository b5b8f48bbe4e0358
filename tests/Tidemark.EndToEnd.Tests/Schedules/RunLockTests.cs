using Tidemark.Torture.RunLocks;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>A part of what `tests/Tidemark.Torture runlock` does: testing.md says how to run all of it, and what came of it.</summary>
public sealed class RunLockTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    [Trait("req", "STO-09")]
    [Trait("speed", "slow")]
    public async Task Processes_that_start_stop_abandon_and_double_services_on_one_file_and_are_killed_never_run_twice_at_once_and_leave_no_lock()
    {
        SystemSqlite.Use();
        var result = await RunLockRuns.RunAsync(seed: 1001, cycles: 60);
        Assert.True(result is { Cycles: >= 60, Processes: > 3, Killed: > 0 } && result.Runs > 30, result.ToString());
    }
}
