using System.Globalization;
using System.Text.Json;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Samples;

/// <summary>An app and its widget, two programs on one file, as a customer would write them.</summary>
[Trait("req", "STO-09")]
[Trait("req", "STO-10")]
public sealed class AppAndWidgetTests
{
    private const int PerSecond = 50;
    private const double LateMs = 10_000; // A second where the machine has nothing else to do; the figures are in docs/internals/testing.md.

    // TIDEMARK_RAIN_SECONDS=120 is the long run; testing.md has its figures.
    private static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("TIDEMARK_RAIN_SECONDS") ?? "10", CultureInfo.InvariantCulture);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("speed", "slow")]
    public async Task Both_write_fifty_times_a_second_while_the_file_is_synced_and_see_each_others_rows_at_once()
    {
        await using var world = await World.StartAsync();
        var file = world.Workspace.PathOf("water.db");
        await using var app = Sample("water", world, file, "rain", $"{PerSecond}", $"{Seconds}");
        await app.LineAsync(l => l == "ready", TimeSpan.FromSeconds(60), Token);
        await using var widget = Sample("water-widget", world, file, "rain", $"{PerSecond}", $"{Seconds}");
        var deadline = TimeSpan.FromSeconds(Seconds + 120);
        var said = new[] { (await app.WaitAsync(deadline, Token)).Expect(0), (await widget.WaitAsync(deadline, Token)).Expect(0) };
        foreach (var result in said)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(result.Output);
            Assert.Equal("", result.Errors);
            var figures = JsonDocument.Parse(result.Output.Split('\n').Single(l => l.StartsWith('{'))).RootElement;
            Assert.Equal(PerSecond * Seconds, figures.GetProperty("wrote").GetInt32());
            Assert.Equal(PerSecond * Seconds, figures.GetProperty("seen").GetInt32());
            Assert.True(figures.GetProperty("slowestSeenMs").GetDouble() < LateMs, result.Output);
        }

        // Another device has them all, and nothing of the books is missing here.
        var here = world.DeviceOf("water.db");
        var there = world.DeviceOf("there.db");
        (await there.RunAsync("clone")).Expect(0);
        await Convergence.SyncUntilQuietAsync(here, there);
        Assert.Equal(2 * PerSecond * Seconds, await SqliteShell.CountAsync(there.Database, "SELECT count(*) FROM drinks"));
        Assert.Equal(0, await SqliteShell.CountAsync(here.Database, "SELECT count(*) FROM _tm_touch WHERE type <> 0"));
        (await here.RunAsync("verify")).Expect(0);
    }

    [Fact]
    public async Task What_is_tapped_into_the_widget_the_running_app_shows_and_sends()
    {
        await using var world = await World.StartAsync();
        var file = world.Workspace.PathOf("water.db");
        await using var app = Sample("water", world, file);
        await app.LineAsync(l => l.StartsWith("0.00 l", StringComparison.Ordinal), TimeSpan.FromSeconds(60), Token);
        await using var tap = Sample("water-widget", world, file, "add", "250");
        (await tap.WaitAsync(TimeSpan.FromSeconds(60), Token)).Expect(0);
        await app.LineAsync(l => l.StartsWith("0.25 l", StringComparison.Ordinal), TimeSpan.FromSeconds(30), Token);
        var there = world.DeviceOf("there.db");
        await Eventually.TrueAsync(
            async () => await SqliteShell.CountAsync(file, "SELECT count(*) FROM _tm_touch WHERE type <> 0") == 0 && await SqliteShell.CountAsync(file, "SELECT count(*) FROM _tm_row_1") == 1);
        (await there.RunAsync("clone")).Expect(0);
        Assert.Equal(250, await SqliteShell.CountAsync(there.Database, "SELECT sum(ml) FROM drinks"));
        app.Signal(2);
        (await app.WaitAsync(TimeSpan.FromSeconds(60), Token)).Expect(0);
    }

    private static RunningProcess Sample(string name, World world, params string[] arguments) => RunningProcess.Start(
        Path.Combine(AppContext.BaseDirectory, name),
        arguments,
        new Dictionary<string, string?>(TidemarkCommand.Surroundings, StringComparer.Ordinal) { ["TIDEMARK_SERVER"] = world.Server.Url, ["TIDEMARK_TOKEN"] = world.Token });
}
