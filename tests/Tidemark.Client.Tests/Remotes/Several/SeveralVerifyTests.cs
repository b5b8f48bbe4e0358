using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Simulation.Several;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What a file knows of each remote is compared with what the remote has, and made good where it is not so.</summary>
[Trait("req", "REM-04")]
public sealed class SeveralVerifyTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<JoinDevice> _devices = [];
    private readonly ManualTime _time = new();
    private readonly ProgrammableRemote _a;
    private readonly ProgrammableRemote _b;

    public SeveralVerifyTests() => (_a, _b) = (new() { Name = "a", NowMs = NowMs }, new() { Name = "b", NowMs = NowMs });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "REM-08")]
    public async Task Each_remote_is_compared_by_itself_and_what_is_due_is_no_difference()
    {
        var device = await DeviceAsync();
        Assert.Equal((true, true), await ComparedAsync(device));
        device.Sql("UPDATE note SET title = 'edited' WHERE id = '1'");
        Assert.Equal((true, true), await ComparedAsync(device)); // What waits here is nothing that a remote has otherwise.
        await device.SyncAsync();
        _b.WriteAsOther("note", "\"1\"", """{"title":"by hand"}""");
        var report = await device.Service.VerifyAsync(Token);
        Assert.Equal((false, false), (report.Equal, report.AtHead));
        Assert.Empty(report.Types.SelectMany(t => t.Differences));
        Assert.Equal("b note", Assert.Single(report.Types, t => !t.Equal) is var type ? $"{type.Remote} {type.Type}" : "");
        await device.SyncAsync();
        await device.SyncAsync();
        Assert.Equal((true, true), await ComparedAsync(device));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "REM-08")]
    public async Task What_a_remote_lost_kept_back_or_changed_unseen_is_named_and_made_good(bool canLookUp)
    {
        _b.Capabilities = new RemoteCapabilities { Lookup = canLookUp };
        var device = await DeviceAsync();
        _b.Tamper("note", "\"1\"", null);
        _b.Tamper("note", "\"2\"", """{"title":"otherwise"}""");
        _b.Tamper("note", "\"9\"", """{"id":"9","title":"never told of"}""");
        var report = await device.Service.VerifyAsync(Token);
        Assert.Equal((false, true), (report.Equal, report.AtHead));
        var differing = Assert.Single(report.Types, t => !t.Equal);
        Assert.Equal("b", differing.Remote);
        Assert.Equal([new RowDifference("\"1\"", DifferenceKind.Extra), new("\"2\"", DifferenceKind.Different), new("\"9\"", DifferenceKind.Missing)], differing.Differences);

        Assert.Equal(3, await device.Service.RepairAsync(report, Token));
        await device.SyncAsync();
        Assert.Equal((true, true), await ComparedAsync(device));
        Assert.Equal(["1|one", "2|otherwise", "3|three", "9|never told of"], device.Rows("SELECT id, title FROM note ORDER BY id"));
        Assert.Equal(_a.Rows().Keys.Order(), _b.Rows().Keys.Order());
    }

    [Fact]
    [Trait("req", "REM-03")]
    public async Task A_row_in_quarantine_is_known_and_no_difference()
    {
        var device = await DeviceAsync();
        var other = await DeviceAsync();
        await other.GiveKeysAsync(KeyRing.Empty.Rotated(SyncEnvironment.System.Random));
        other.Sql("UPDATE note SET secret = 'hidden' WHERE id = '1'");
        await other.SyncAsync();
        await device.SyncAsync();
        Assert.NotEmpty(device.Several.ReadQuarantine());
        var report = await device.Service.VerifyAsync(Token);
        Assert.Equal((true, 2L), (report.Equal, report.Aside));
    }

    [Fact]
    public async Task A_remote_that_is_away_is_named_and_when_all_are_nothing_is_said_of_any()
    {
        var device = await DeviceAsync();
        _a.IsDown = true;
        var report = await device.Service.VerifyAsync(Token);
        Assert.Equal(("a", "It is down."), Assert.Single(report.Absent.Select(a => (a.Key, a.Value))));
        Assert.False(report.Equal);
        Assert.All(report.Types, t => Assert.True(t.Equal));
        _b.IsDown = true;
        Assert.Equal(SyncErrorCode.NetworkError, (await Assert.ThrowsAsync<SyncException>(() => device.Service.VerifyAsync(Token))).Code);
    }

    [Fact]
    public async Task Another_account_and_a_change_that_nothing_noted_are_told()
    {
        var device = await DeviceAsync();
        device.Sql("BEGIN; INSERT INTO _tm_guard VALUES(1); UPDATE note SET title = 'unnoticed' WHERE id = '1'; DELETE FROM _tm_guard; COMMIT");
        _b.User = "eve";
        var report = await device.Service.VerifyAsync(Token);
        Assert.Equal((false, 1L), (report.Equal, report.Unnoticed));
        Assert.Contains("eve is signed in there now", report.Absent["b"], StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static async Task<(bool Equal, bool AtHead)> ComparedAsync(JoinDevice device)
    {
        var report = await device.Service.VerifyAsync(Token);
        Assert.Empty(report.Types.SelectMany(t => t.Differences.Select(d => $"{t.Remote} {t.Type} {d}")));
        return (report.Equal, report.AtHead);
    }

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // The first one makes three rows; all of them are in step with both remotes.
    private async Task<JoinDevice> DeviceAsync()
    {
        var device = await JoinDevice.MakeAsync(_folder.File($"d{_devices.Count}.db"), _time, SyncEnvironment.System.Random, ("a", _a), ("b", _b));
        _devices.Add(device);
        if (_devices.Count == 1)
        {
            device.Sql("INSERT INTO note(id, title) VALUES('1', 'one'), ('2', 'two'), ('3', 'three')");
        }

        await device.SyncAsync();
        await device.SyncAsync();
        _time.Advance(TimeSpan.FromMilliseconds(10));
        return device;
    }
}
