using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Hooks;
using Tidemark.Simulation.Several;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What the operators of several remotes are told of dead letters: each of what it has refused itself, once, and again when it is something else.</summary>
[Trait("req", "PUSH-08")]
[Trait("req", "REM-08")]
public sealed class DeadLettersOfSeveralTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new() { Now = TimeProvider.System.GetUtcNow() };
    private readonly Dictionary<string, FaultyTransport> _networks = [];
    private readonly List<World> _worlds = [];
    private JoinDevice? _device;

    [Fact]
    public async Task Each_server_is_told_of_what_it_has_refused_until_there_is_nothing_any_more()
    {
        var (cloud, home) = (await WorldAsync(), await WorldAsync());
        var device = await DeviceAsync(("cloud", Remote("cloud", cloud)), ("home", Remote("home", home)));
        device.Sql("INSERT INTO note(id, title) VALUES('1', 'fine')");
        await device.SyncAsync();
        Assert.Equal((0, 0), (Told("cloud"), Told("home")));

        home.Refuses("no");
        device.Sql("INSERT INTO note(id, title) VALUES('2', 'no'), ('3', 'no')");
        var since = WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(_time.Now.ToUnixTimeMilliseconds()));
        Assert.Equal(2, (await device.SyncAsync()).DeadLetters);
        _time.Advance(TimeSpan.FromMinutes(1));
        await device.SyncAsync();
        Assert.Equal((0, 1), (Told("cloud"), Told("home")));
        Assert.Equal(0, (await ReadAsync(cloud.World)).Total);
        var told = Assert.Single((await ReadAsync(home.World)).Devices);
        Assert.Equal(("ann", device.Scalar("SELECT value FROM _tm_meta WHERE key = 'device_id'").AsText), (told.User, told.DeviceId));
        var line = Assert.Single(told.DeadLetters);
        Assert.Equal(("note", "FORBIDDEN", 2, since), (line.EntityType, line.Code, line.Count, line.Oldest));

        // The other one's word is its own. An edit that is refused too is no younger trouble, one that is taken ends it.
        cloud.Refuses("neither");
        device.Sql("UPDATE note SET title = 'neither' WHERE id = '2'; UPDATE note SET body = 'b' WHERE id = '3'");
        await device.SyncAsync();
        Assert.Equal((1, 1), ((await ReadAsync(cloud.World)).Total, (await ReadAsync(home.World)).Total));
        Assert.Equal(since, (await ReadAsync(home.World)).Devices[0].DeadLetters[0].Oldest);
        Assert.NotEqual(since, (await ReadAsync(cloud.World)).Devices[0].DeadLetters[0].Oldest);
        device.Sql("UPDATE note SET title = 'fine' WHERE id IN ('2', '3')");
        await device.SyncAsync();
        Assert.Equal((0, 0), ((await ReadAsync(cloud.World)).Total, (await ReadAsync(home.World)).Total));
        var (atCloud, atHome) = (Told("cloud"), Told("home"));
        await device.SyncAsync();
        Assert.Equal((atCloud, atHome), (Told("cloud"), Told("home")));
    }

    [Fact]
    public async Task One_that_cannot_take_it_is_asked_again_beside_others_that_could_one_that_is_away_when_it_is_back_and_every_week()
    {
        var (cloud, home) = (await WorldAsync(), await WorldAsync());
        var device = await DeviceAsync(("cloud", Remote("cloud", cloud)), ("home", Remote("home", home)));
        cloud.Refuses("no");
        home.Refuses("no");
        device.Options.ReportDeadLetters = false;
        device.Sql("INSERT INTO note(id, title) VALUES('1', 'no')");
        await device.SyncAsync();
        Assert.Equal((0, 0), (Told("cloud"), Told("home")));

        device.Options.ReportDeadLetters = true;
        _networks["cloud"].Answer = path => path.EndsWith("/dead-letters", StringComparison.Ordinal) ? new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) : null;
        _networks["home"].Decide = static _ => Fault.DropRequest;
        for (var run = 1; run <= 2; run++)
        {
            Assert.Null((await device.TrySyncAsync()).Error);
            Assert.Equal((run, 0), (Told("cloud"), Told("home")));
        }

        _networks["cloud"].Answer = static _ => null;
        _networks["home"].Decide = static _ => Fault.None;
        await device.SyncAsync();
        await device.SyncAsync();
        Assert.Equal((3, 1), (Told("cloud"), Told("home")));
        Assert.Equal((1, 1), ((await ReadAsync(cloud.World)).Total, (await ReadAsync(home.World)).Total));

        _time.Advance(TimeSpan.FromDays(7));
        await device.SyncAsync();
        Assert.Equal((4, 2), (Told("cloud"), Told("home")));
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_from_before_counts_what_was_refused_from_the_day_it_is_opened()
    {
        var away = new ProgrammableRemote { Judge = static write => new RemoteOutcome { Kind = RemoteOutcomeKind.Refused, Code = "FORBIDDEN", Message = "Not here." } };
        var device = await DeviceAsync(("away", away));
        device.Sql("INSERT INTO note(id, title) VALUES('1', 'no')");
        await device.SyncAsync();
        device.Sql("ALTER TABLE _tm_owed DROP COLUMN refused_at; ALTER TABLE _tm_backend DROP COLUMN told; UPDATE _tm_meta SET value = 7 WHERE key = 'format'");
        await device.DisposeAsync();

        _time.Advance(TimeSpan.FromDays(1));
        var opened = _time.Now.ToUnixTimeMilliseconds();
        _device = await JoinDevice.OpenAsync(_folder.File("d.db"), _time, SyncEnvironment.System.Random, ("away", away));
        Assert.Equal(opened, _device.Scalar("SELECT refused_at FROM _tm_owed WHERE code = 'FORBIDDEN'").AsInteger);
        away.Judge = static _ => null;
        _device.Sql("UPDATE note SET title = 'fine'");
        Assert.Equal(0, (await _device.SyncAsync()).DeadLetters);
        Assert.Single(away.Rows());
    }

    public async ValueTask DisposeAsync()
    {
        if (_device is not null)
        {
            await _device.DisposeAsync();
        }

        foreach (var world in _worlds)
        {
            await world.DisposeAsync();
        }

        _folder.Dispose();
    }

    private async Task<(World World, Action<string> Refuses)> WorldAsync()
    {
        var house = new House();
        var world = await World.StartAsync(new ServerOptions { Dev = true, Hooks = house });
        _worlds.Add(world);
        return (world, title => house.Refused = title);
    }

    private TidemarkStagedRemote Remote(string name, (World World, Action<string>) at)
    {
        var network = _networks[name] = new FaultyTransport(new SocketsHttpHandler());
        var environment = new SyncEnvironment
        {
            Time = _time, Random = SyncEnvironment.System.Random, Transport = () => network, ProcessName = SyncEnvironment.System.ProcessName, IsAlive = SyncEnvironment.System.IsAlive,
        };
        var token = at.World.Token();
        return new TidemarkStagedRemote(new TidemarkHttpRemote(at.World.Address, _ => Task.FromResult(token), environment), environment);
    }

    private async Task<JoinDevice> DeviceAsync(params (string Name, IStagedRemote Remote)[] remotes) =>
        _device = await JoinDevice.MakeAsync(_folder.File("d.db"), _time, SyncEnvironment.System.Random, remotes);

    private int Told(string name) => _networks[name].Requests.Count(r => r.EndsWith("/dead-letters", StringComparison.Ordinal));

    private static async Task<DeadLetterReports> ReadAsync(World world)
    {
        using var tokens = TidemarkTokens.Open(world.ServerFolder);
        using var http = new HttpClient { BaseAddress = world.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokens.Create("root", TimeSpan.FromHours(1), administrator: true));
        return (await http.GetFromJsonAsync("admin/dead-letters", WireJson.Default.DeadLetterReports, TestContext.Current.CancellationToken))!;
    }

    private sealed class House : SyncHooks
    {
        public string? Refused { get; set; }

        public override ValueTask<CommandDecision> DecideAsync(HookedCommand command, CancellationToken cancellationToken) => ValueTask.FromResult(
            command.Payload is { } payload && command.Type.Name == "note" && Refused is { } refused && payload["title"] == Value.Text(refused) ? CommandDecision.Forbidden("Not here.") : CommandDecision.Accepted);
    }
}
