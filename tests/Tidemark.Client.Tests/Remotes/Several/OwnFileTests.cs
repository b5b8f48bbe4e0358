using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Simulation.Several;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What lies in the device's own file: rows that cannot be sent yet, rows from before, keys, the books, the run lock.</summary>
public sealed class OwnFileTests : IAsyncDisposable
{
    private static readonly SyncModel Typed = JoinDevice.With(f => f.Name == "done" ? f with { Type = FieldType.Integer, Policy = FieldPolicy.LastWriterWins } : f);
    private readonly TempFolder _folder = new();
    private readonly List<JoinDevice> _devices = [];
    private readonly ManualTime _time = new();
    private readonly ProgrammableRemote _a;

    public OwnFileTests() => _a = new ProgrammableRemote { NowMs = () => _time.GetUtcNow().ToUnixTimeMilliseconds() };

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Who_signs_in_at_a_remote_while_the_service_goes_on_gets_nothing_of_another_ones_file()
    {
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        await device.SyncAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('m', 'mine')");
        _a.SignIn("ben");
        for (var run = 0; run < 2; run++)
        {
            Assert.Equal(SyncErrorCode.WrongUser, (await device.TrySyncAsync()).Error?.Code);
            Assert.Empty(_a.Rows());
        }

        _a.SignIn("ann");
        await device.SyncAsync();
        Assert.Equal(["note\"m\"", "note\"n\""], _a.Rows().Keys.Order());
        Assert.Equal(2, device.Rows().Count);
    }

    [Theory]
    [InlineData("UPDATE note SET body = 'theirs', slug = 's' WHERE id = 'n'", "n|mine|theirs|3|s|f|NULL")]
    [InlineData("DELETE FROM note WHERE id = 'n'", "n|mine|b|3|NULL|f|NULL")]
    [InlineData("DELETE FROM folder", "n|mine|b|3|NULL|NULL|NULL")]
    [InlineData("INSERT INTO note(id, slug) VALUES('a', 'taken')", "n|mine|b|3|NULL|f|NULL")]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-04")]
    public async Task A_row_whose_values_do_not_fit_stays_as_the_app_wrote_it_until_they_do(string elsewhere, string expected)
    {
        var (x, y) = (await DeviceAsync(Typed), await DeviceAsync(Typed));
        x.Sql("INSERT INTO folder(id, name) VALUES('f', 'F'); INSERT INTO note(id, title, body, done, folder) VALUES('n', 't', 'b', 1, 'f')");
        await x.SyncAsync();
        await y.SyncAsync();
        Later();
        x.Sql(elsewhere);
        await x.SyncAsync();
        Later();
        y.Sql("UPDATE note SET title = 'mine', done = 'many', slug = 'taken' WHERE id = 'n'");
        for (var run = 0; run < 2; run++)
        {
            Assert.Contains((await y.SyncAsync()).Warnings, w => w.Contains("is not sent", StringComparison.Ordinal));
            Assert.Equal("n|mine|b|many|taken|f|NULL", Assert.Single(y.Rows(), r => r.StartsWith('n')));
        }

        y.Sql("UPDATE note SET done = 3, slug = NULL WHERE id = 'n'");
        await y.SyncAsync();
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(expected, Assert.Single(y.Rows(), r => r.StartsWith('n')));
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(y.Several.ReadQuarantine());
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task A_row_made_here_that_does_not_fit_is_not_written_over_by_one_of_its_key()
    {
        var (x, y) = (await DeviceAsync(Typed), await DeviceAsync(Typed));
        x.Sql("INSERT INTO note(id, title, body) VALUES('n', 'theirs', 'b')");
        await x.SyncAsync();
        Later();
        y.Sql("INSERT INTO note(id, title, done) VALUES('n', 'mine', 'many')");
        await y.SyncAsync();
        Assert.Equal(["n|mine|NULL|many|NULL|NULL|NULL"], y.Rows());
        y.Sql("UPDATE note SET done = 3");
        await y.SyncAsync();
        await x.SyncAsync();
        Assert.Equal(["n|mine|NULL|3|NULL|NULL|NULL"], y.Rows());
        Assert.Equal(x.Rows(), y.Rows());
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task An_edit_before_the_first_sync_is_one_of_its_field_alone()
    {
        var (x, y) = (await AdoptedAsync(), await AdoptedAsync());
        Later();
        y.Sql("UPDATE note SET body = 'later'");
        await y.SyncAsync();
        Later();
        x.Sql("UPDATE note SET title = 'last'");
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(["n|last|later|NULL|NULL|NULL|NULL"], x.Rows());
        Assert.Equal(x.Rows(), y.Rows());
    }

    [Fact]
    public async Task A_service_for_one_server_does_nothing_once_the_file_has_remotes_of_its_own()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT);");
        await new SeveralRemotes(device.Store).AddAsync("a", "memory:a", TestContext.Current.CancellationToken);
        device.Sql("INSERT INTO note VALUES('n', 'text')");
        var report = await device.TrySyncAsync();
        Assert.Equal(SyncErrorCode.BadRequest, report.Error?.Code);
        Assert.Equal(1, device.Count("SELECT count(*) FROM _tm_touch WHERE op = 'I'"));
    }

    [Fact]
    [Trait("req", "REM-07")]
    public async Task All_keys_are_wrapped_by_one_passphrase_and_each_that_opens_is_taken()
    {
        var (first, second) = (await DeviceAsync(), await DeviceAsync());
        var one = await first.Several.RotateAsync("one", first.Environment, TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<FieldCipherException>(() => first.Several.RotateAsync("two", first.Environment, TestContext.Current.CancellationToken));
        Assert.Equal(CipherTrouble.Refused, refused.Trouble);
        Assert.Single(first.Several.ReadKeys().Keys);
        var stranger = KeyRing.Empty.Rotated(SyncEnvironment.System.Random); // Two devices made their first key at once.
        await first.Several.AddKeysAsync(stranger, "other", first.Environment, TestContext.Current.CancellationToken);
        await first.SyncAsync();
        await second.SyncAsync();
        var (keys, closed) = await second.Several.UnlockAsync("one", second.Environment, TestContext.Current.CancellationToken);
        Assert.Equal(one.Current!.Id, Assert.Single(keys.Keys).Id);
        Assert.Equal(stranger.Current!.Id, Assert.Single(closed));
        (keys, closed) = await second.Several.UnlockAsync("other", second.Environment, TestContext.Current.CancellationToken);
        Assert.Equal(2, keys.Keys.Count);
        Assert.Empty(closed);
    }

    [Fact]
    public async Task A_copied_file_becomes_a_store_of_its_own_in_its_own_books()
    {
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        var before = device.Scalar("SELECT group_concat(value) FROM _tm_meta WHERE key IN ('store_id', 'device_id')").AsText;
        device.Sql("UPDATE note SET title = 'y'");
        _a.Judge = _ => throw new SyncException(SyncErrorCode.StoreForked, "A copy was here.");
        await device.TrySyncAsync();
        Assert.NotEqual(before, device.Scalar("SELECT group_concat(value) FROM _tm_meta WHERE key IN ('store_id', 'device_id')").AsText);
        Assert.Equal((0, true), (device.Scalar("SELECT push_seq FROM _tm_backend").AsInteger, device.Scalar("SELECT resync FROM _tm_remote").IsNull));
        _a.Judge = static _ => null;
        await device.SyncAsync();
        Assert.Contains("\"y\"", _a.Rows()["note\"n\""], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rules_that_are_not_carried_out_are_told()
    {
        var device = await DeviceAsync(JoinDevice.With(f => f.Name == "body" ? f with { Type = FieldType.Text, Policy = FieldPolicy.Text } : f));
        Assert.Equal(["note.body: Text"], device.Several.RulesOfAll);
    }

    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_cycle_that_waits_for_a_slow_answer_keeps_its_run_lock()
    {
        var time = new VirtualTime();
        var device = await JoinDevice.MakeAsync(_folder.File("slow.db"), time, SyncEnvironment.System.Random, ("a", _a));
        _devices.Add(device);
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _a.BeforePull = () => answer.Task;
        var run = device.TrySyncAsync();
        var expires = time.UntilTimerAsync(RunLock.Lifetime / 3, RunLock.Lifetime / 3);
        for (var round = 0; round < 5; round++)
        {
            await expires;
            time.Advance(RunLock.Lifetime / 3);
            expires = time.UntilTimerAsync(RunLock.Lifetime / 3, RunLock.Lifetime / 3);
        }

        await expires;
        Assert.Equal(time.GetUtcNow().Add(RunLock.Lifetime).ToUnixTimeMilliseconds(), device.Scalar("SELECT expires_ms FROM _tm_lock").AsInteger);
        answer.SetResult();
        Assert.Null((await run).Error);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        _folder.Dispose();
    }

    private void Later() => _time.Advance(TimeSpan.FromMilliseconds(10));

    private async Task<JoinDevice> DeviceAsync(SyncModel? model = null)
    {
        var device = await JoinDevice.MakeAsync(_folder.File($"d{_devices.Count}.db"), _time, SyncEnvironment.System.Random, model ?? JoinDevice.Notes, ("a", _a));
        _devices.Add(device);
        return device;
    }

    // A file that had its rows before it was adopted.
    private async Task<JoinDevice> AdoptedAsync()
    {
        var path = _folder.File($"d{_devices.Count}.db");
        SystemSqlite.Use();
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(JoinDevice.Schema + "INSERT INTO note(id, title, body) VALUES('n', 't', 'b')");
        }

        Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        var device = await JoinDevice.OpenAsync(path, _time, SyncEnvironment.System.Random, ("a", _a));
        _devices.Add(device);
        return device;
    }
}
