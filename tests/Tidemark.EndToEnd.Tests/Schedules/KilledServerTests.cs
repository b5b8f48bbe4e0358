using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>kill -9 of the server while it takes a push.</summary>
public sealed class KilledServerTests
{
    private const int Rows = 20_000;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    [Fact]
    [Trait("req", "SRV-12")]
    [Trait("req", "PUSH-04")]
    [Trait("speed", "slow")]
    public async Task A_server_killed_in_the_middle_of_a_push_has_all_it_answered_and_takes_the_rest_once()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var closed = world;
        await SqliteShell.RunAsync(first.Database, $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Rows}) INSERT INTO notes SELECT 'n-' || i, 1, 'note ' || i, i FROM n;");
        await using (var sync = first.Start("sync", "--json"))
        {
            // Its first answer is in the file, most of them are not.
            await Eventually.TrueAsync(async () => sync.HasExited || await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM _tm_row_2") > 100);
            await world.KillServerAsync();
            await sync.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        }

        await Convergence.SyncUntilQuietAsync(first, second);
        Assert.Equal(Rows + 2, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.True((await first.VerifyAsync()).GetProperty("equal").GetBoolean());
    }
}
