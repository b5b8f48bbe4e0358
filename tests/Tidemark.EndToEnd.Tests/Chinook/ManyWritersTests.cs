using System.Globalization;
using System.Text;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Chinook;

/// <summary>Foreign processes write while `tidemark watch` keeps the file in step.</summary>
public sealed class ManyWritersTests
{
    private const int Writers = 10;

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "STO-09")]
    [Trait("speed", "slow")]
    public Task Ten_shells_meet_no_locked_error_and_lose_nothing() => WriteAsync(transactions: 40);

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "STO-09")]
    [Trait("speed", "slow")]
    public Task Ten_shells_that_write_for_long_meet_no_locked_error_and_lose_nothing() => WriteAsync(transactions: 400);

    private static async Task WriteAsync(int transactions)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (world, first, second) = await World.ChinookAsync();
        await using var _ = world;
        await using var watch = first.Start("watch");
        var shells = Enumerable.Range(0, Writers).Select(w => SqliteShell.Start(first.Database, Script(w, transactions), bail: false)).ToList();
        foreach (var shell in shells)
        {
            var result = await shell.WaitAsync(TimeSpan.FromMinutes(5), cancellationToken);
            await shell.DisposeAsync();
            Assert.True(result is { ExitCode: 0, Errors: "" }, result.ToString());
        }

        Assert.False(watch.HasExited, watch.Said());
        watch.Signal(15);
        (await watch.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken)).Expect(0);
        await Convergence.SyncUntilQuietAsync(first, second);

        await ChinookTests.AssertSettledAsync(first, second);
        Assert.Equal(Writers * transactions, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM Artist WHERE Name LIKE 'writer %'"));
        Assert.Equal(Writers * transactions, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM Album WHERE Title LIKE 'writer %'"));
    }

    private static string Script(int writer, int transactions)
    {
        var script = new StringBuilder("PRAGMA foreign_keys = ON;\n");
        for (var i = 0; i < transactions; i++)
        {
            script.Append(CultureInfo.InvariantCulture, $"""
                BEGIN IMMEDIATE;
                INSERT INTO Artist(Name) VALUES('writer {writer} {i}');
                INSERT INTO Album(Title, ArtistId) VALUES('writer {writer} {i}', last_insert_rowid());
                COMMIT;

                """);
        }

        return script.ToString();
    }
}
