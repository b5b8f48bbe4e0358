using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>What a device tells the server's operator of its dead letters: once, and again when it is something else.</summary>
[Trait("req", "PUSH-08")]
public sealed class DeadLetterReportTests
{
    [Fact]
    public async Task Dead_letters_are_told_once_again_when_they_change_and_every_week_and_never_when_the_app_says_no()
    {
        await using var world = await World.StartAsync();
        var (first, second) = (world.Adopt("a", Schema), world.Adopt("b", Schema));
        var time = new ManualTime { Now = TimeProvider.System.GetUtcNow() };
        second.Clock = time;
        first.Connect(world);
        second.Connect(world);
        await second.SyncAsync();
        await second.SyncAsync();
        Assert.Equal(0, Told(second));

        first.Sql("INSERT INTO tag VALUES('1', 'one')");
        await first.SyncAsync();
        second.Sql("INSERT INTO tag VALUES('2', 'one')");
        second.Options.ReportDeadLetters = false;
        Assert.Equal(1, (await second.TrySyncAsync()).DeadLetters);
        Assert.Equal(0, Told(second));
        second.Options.ReportDeadLetters = true;
        foreach (var expected in new[] { 1, 1, 1 })
        {
            await second.TrySyncAsync();
            Assert.Equal(expected, Told(second));
        }

        time.Advance(TimeSpan.FromDays(7));
        await second.TrySyncAsync();
        Assert.Equal(2, Told(second));
    }

    [Fact]
    public async Task A_server_that_cannot_take_it_fails_no_run_and_is_asked_again_and_one_that_will_not_is_not()
    {
        await using var world = await World.StartAsync();
        var (first, second) = (world.Adopt("a", Schema), world.Adopt("b", Schema));
        first.Connect(world);
        second.Connect(world);
        first.Sql("INSERT INTO tag VALUES('1', 'one')");
        await first.SyncAsync();
        second.Sql("INSERT INTO tag VALUES('2', 'one')");
        var status = System.Net.HttpStatusCode.ServiceUnavailable;
        second.Network.Answer = path => path.EndsWith("/dead-letters", StringComparison.Ordinal) ? new HttpResponseMessage(status) : null;
        for (var i = 1; i <= 2; i++)
        {
            var report = await second.TrySyncAsync();
            Assert.Equal((1L, null), (report.DeadLetters, report.Error));
            Assert.Equal(i, Told(second));
        }

        status = System.Net.HttpStatusCode.NotFound; // An older server.
        for (var i = 0; i < 2; i++)
        {
            Assert.Null((await second.TrySyncAsync()).Error);
            Assert.Equal(3, Told(second));
        }
    }

    private const string Schema = "CREATE TABLE tag(id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE);";

    private static int Told(Device device) => device.Network.Requests.Count(r => r.EndsWith("/dead-letters", StringComparison.Ordinal));
}
