using System.Text.Json;
using System.Text.Json.Nodes;
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Simulation.Several;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What programs, older devices and devices that were set up otherwise write at a remote: nobody's edit is lost, and nothing that is to be encrypted is written plain.</summary>
public sealed class WrittenByOthersTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<JoinDevice> _devices = [];
    private readonly ManualTime _time = new();
    private readonly ProgrammableRemote _a;

    public WrittenByOthersTests() => _a = new ProgrammableRemote { NowMs = () => _time.GetUtcNow().ToUnixTimeMilliseconds() };

    [Fact]
    [Trait("req", "REM-07")]
    public async Task A_device_that_has_a_field_plain_is_refused_where_others_encrypt_it()
    {
        await using var world = await World.StartAsync();
        SyncModel Declared(bool encrypted, int version) => RemoteModel.Of(new SyncModel
        {
            Version = version,
            Entities = [new EntityType { Name = "note", Key = ["id"], Fields = [new Field { Name = "id", Type = FieldType.Text, Nullable = false }, new Field { Name = "secret", Type = FieldType.Text, Encrypted = encrypted }] }],
        });
        TidemarkStagedRemote Device() => new(new TidemarkHttpRemote(world.Address, _ => Task.FromResult(world.Token()), SyncEnvironment.System), SyncEnvironment.System);

        await Device().OpenAsync(Declared(false, 1), TestContext.Current.CancellationToken);
        await Device().OpenAsync(Declared(true, 1), TestContext.Current.CancellationToken);
        foreach (var version in new[] { 0, 1, 2 })
        {
            var refused = await Assert.ThrowsAsync<SyncException>(() => Device().OpenAsync(Declared(false, version), TestContext.Current.CancellationToken));
            Assert.Equal(SyncErrorCode.ModelMismatch, refused.Code);
            Assert.Contains("--encrypt note.secret", refused.Message, StringComparison.Ordinal);
        }

        await Device().OpenAsync(Declared(true, 2), TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-07")]
    public async Task An_encrypted_value_in_a_field_that_is_plain_here_waits_and_is_left_alone()
    {
        var (writer, other) = (await DeviceAsync(), await DeviceAsync(JoinDevice.With(f => f with { Encrypted = false })));
        await writer.GiveKeysAsync(KeyRing.Empty.Rotated(SyncEnvironment.System.Random));
        writer.Sql("INSERT INTO note(id, secret) VALUES('n', 'hidden')");
        await writer.SyncAsync();
        var writes = _a.Writes;
        await other.SyncAsync();
        Assert.Empty(other.Rows());
        Assert.Equal("UnknownSchema", Assert.Single(other.Several.ReadQuarantine()).Cause);
        other.Sql("INSERT INTO note(id, title) VALUES('n', 'mine')");
        await other.SyncAsync();
        Assert.Equal(writes, _a.Writes);
    }

    [Fact]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-07")]
    public async Task Who_drops_the_stamps_has_changed_nothing()
    {
        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        var (x, y) = (await DeviceAsync(), await DeviceAsync());
        await x.GiveKeysAsync(ring);
        await y.GiveKeysAsync(ring);
        x.Sql("INSERT INTO note(id, title, secret) VALUES('n', 'first', 'hidden'), ('gone', 'x', NULL)");
        await x.SyncAsync();
        await y.SyncAsync();
        Later();
        x.Sql("DELETE FROM note WHERE id = 'gone'");
        await x.SyncAsync();
        y.Sql("UPDATE note SET title = 'edited' WHERE id = 'n'");
        Later();
        _a.WriteAsOther("note", "\"n\"", """{"tm_stamps":null,"body":"by hand"}""");
        _a.WriteAsOther("note", "\"gone\"", """{"tm_stamps":null}""");
        await x.SyncAsync();
        await y.SyncAsync();
        await x.SyncAsync();
        var fresh = await DeviceAsync();
        await fresh.GiveKeysAsync(ring);
        await fresh.SyncAsync();
        Assert.All(new[] { x, y, fresh }, d => Assert.Equal(["n|edited|by hand|NULL|NULL|NULL|hidden"], d.Rows()));
        Assert.Empty(fresh.Several.ReadQuarantine());
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task Stamps_of_fields_that_only_a_newer_model_has_stay_where_they_are()
    {
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        var stamps = StampsMember.Read(StampsOf("n"));
        stamps["mood"] = new FieldStamp(stamps["title"].Stamp, 7, default);
        _a.WriteAsOther("note", "\"n\"", new JsonObject { ["mood"] = "good", [RemoteModel.StampsField] = StampsMember.Write(stamps) }.ToJsonString());
        await device.SyncAsync();
        device.Sql("UPDATE note SET title = 'y'");
        await device.SyncAsync();
        Assert.Contains("\"y\"", _a.Rows()["note\"n\""], StringComparison.Ordinal);
        Assert.Equal(stamps["mood"], StampsMember.Read(StampsOf("n"))["mood"]);
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task A_row_shown_changed_and_then_deleted_in_one_cycle_is_deleted()
    {
        _a.Capabilities = new RemoteCapabilities { PageRowsMax = 1 };
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'x')");
        await device.SyncAsync();
        await device.SyncAsync();
        Later();
        _a.WriteAsOther("note", "\"n\"", """{"title":"changed"}""");
        _a.WriteAsOther("note", "\"m\"", """{"title":"changed"}""");
        var pages = 0;
        _a.BeforePull = () =>
        {
            if (++pages == 2)
            {
                _a.WriteAsOther("note", "\"n\"", null);
            }

            return Task.CompletedTask;
        };
        await device.SyncAsync();
        Assert.True(pages > 2);
        Assert.Equal(["m|changed|NULL|NULL|NULL|NULL|NULL"], device.Rows());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "REM-05")]
    public async Task A_listing_of_more_pages_than_a_run_takes_deletes_nothing_before_its_end(bool isEmptied)
    {
        _a.Capabilities = new RemoteCapabilities { PageRowsMax = 1 };
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('1', 'x'), ('2', 'x'), ('3', 'x'), ('4', 'x'), ('5', 'x')");
        await device.SyncAsync();
        await device.SyncAsync();
        var other = await DeviceAsync();
        await other.SyncAsync();
        if (isEmptied)
        {
            _a.Empty();
            await other.SyncAsync(); // Gives it back what it has.
            other.Sql("DELETE FROM note WHERE id = '4'");
            device.Sql("INSERT INTO note(id, title) VALUES('6', 'x')");
            await other.SyncAsync();
        }
        else
        {
            _a.WriteAsOther("note", "\"4\"", null);
            device.Sql("INSERT INTO note(id, title) VALUES('6', 'x')");
            _a.Forget();
        }

        device.Options.Pull.IterationsMax = 1;
        var report = await device.SyncAsync();
        Assert.Contains(report.Warnings, w => w.Contains("the next run goes on", StringComparison.Ordinal));
        Assert.Equal(6, device.Rows().Count);
        await device.SyncAsync();
        Assert.Equal(6, device.Rows().Count);
        for (var run = 0; run < 8; run++)
        {
            await device.SyncAsync();
        }

        Assert.Equal(["1", "2", "3", "5", "6"], device.Rows("SELECT id FROM note ORDER BY id"));
        Assert.Equal(isEmptied ? 6 : 5, _a.Rows().Count);
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task Where_writes_have_no_conditions_rows_are_looked_at_before_they_are_written()
    {
        _a.Capabilities = new RemoteCapabilities { ConditionalWrites = false };
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        await device.SyncAsync();
        device.Sql("UPDATE note SET title = 'mine'");
        Later();
        _a.BeforeLookup = () =>
        {
            _a.BeforeLookup = null;
            _a.WriteAsOther("note", "\"n\"", """{"title":"theirs"}""");
        };
        await device.SyncAsync();
        Assert.Equal("theirs", device.Scalar("SELECT title FROM note").AsText); // It was written later.
        Assert.Contains("theirs", _a.Rows()["note\"n\""], StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Where_nobody_tells_of_deletions_they_are_found_by_a_listing()
    {
        _a.Capabilities = new RemoteCapabilities { Stamps = false, Tombstones = false };
        var (x, y) = (await DeviceAsync(), await DeviceAsync());
        x.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'y')");
        await x.SyncAsync();
        await y.SyncAsync();
        Later();
        x.Sql("DELETE FROM note WHERE id = 'n'");
        await x.SyncAsync();
        _time.Advance(TimeSpan.FromHours(1));
        await y.SyncAsync();
        Assert.Equal(["m|y|NULL|NULL|NULL|NULL|NULL"], y.Rows());
        await x.SyncAsync();
        Assert.Equal(y.Rows(), x.Rows());
    }

    [Fact]
    [Trait("req", "REM-07")]
    public async Task Where_there_is_no_room_for_stamps_encrypted_values_are_readable_all_the_same()
    {
        _a.Capabilities = new RemoteCapabilities { Stamps = false };
        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        var (x, y) = (await DeviceAsync(), await DeviceAsync());
        await x.GiveKeysAsync(ring);
        await y.GiveKeysAsync(ring);
        x.Sql("INSERT INTO note(id, secret) VALUES('n', 'hidden')");
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(y.Several.ReadQuarantine());
        Assert.DoesNotContain("hidden", _a.Rows()["note\"n\""], StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task A_row_that_is_gone_for_good_is_not_made_anew_to_say_that_it_is_deleted()
    {
        var device = await DeviceAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'x')");
        await device.SyncAsync();
        _a.WriteAsOther("note", "\"n\"", null);
        await device.SyncAsync();
        var writes = _a.Writes;
        _a.Forget();
        await device.SyncAsync();
        await device.SyncAsync();
        Assert.Equal(["m"], device.Rows("SELECT id FROM note"));
        Assert.Equal(writes, _a.Writes);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Who_has_just_come_makes_no_row_to_say_that_it_is_deleted_where_it_is_gone_for_good()
    {
        var c = new ProgrammableRemote { NowMs = _a.NowMs };
        var device = await DeviceAsync(null, ("c", c));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'x')");
        await device.SyncAsync();
        await device.SyncAsync();
        c.WriteAsOther("note", "\"n\"", null);
        await device.SyncAsync();
        Assert.Equal((2, 1), (_a.Rows().Count, c.Rows().Count)); // Marked as deleted at the other one.
        c.Forget(); // Nothing tells of it any more.
        var writes = (_a.Writes, c.Writes);
        var fresh = await DeviceAsync(null, ("c", c));
        await fresh.SyncAsync();
        await fresh.SyncAsync();
        Assert.Equal(writes, (_a.Writes, c.Writes));
        Assert.Equal(["m"], fresh.Rows("SELECT id FROM note"));

        // Somebody who has it still brings it there: the mark follows.
        Later();
        c.WriteAsOther("note", "\"n\"", """{"id":"n","title":"x"}""", modifiedMs: 1);
        await fresh.SyncAsync();
        await device.SyncAsync();
        Assert.Equal(fresh.Rows(), device.Rows());
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Where_there_is_no_room_for_stamps_what_stands_there_is_not_written_for_the_sake_of_one()
    {
        _a.Capabilities = new RemoteCapabilities { Stamps = false };
        var c = new ProgrammableRemote { NowMs = _a.NowMs, IsDown = true };
        var (x, y) = (await DeviceAsync(null, ("c", c)), await DeviceAsync(null, ("c", c)));
        x.Sql("INSERT INTO note(id, title, n) VALUES('n', 'x', 3)");
        await x.SyncAsync();
        c.IsDown = false;
        Later();
        await y.SyncAsync(); // Takes the remote's time for that of the edit, and tells the other remote.
        for (var run = 0; run < 2; run++)
        {
            await x.SyncAsync();
            await y.SyncAsync();
        }

        var fresh = await DeviceAsync(null, ("c", c));
        await fresh.SyncAsync();
        Assert.Equal((1, 1), (_a.Writes, c.Writes));
        Assert.All(new[] { x, y, fresh }, d => Assert.Equal(["n|x|3"], d.Rows("SELECT id, title, n FROM note")));
    }

    [Fact]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-07")]
    public async Task A_secret_written_just_before_a_write_without_conditions_can_be_read_and_comes_again()
    {
        const string Id = "note\"n\"";
        _a.Capabilities = new RemoteCapabilities { ConditionalWrites = false };
        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        var (x, y) = (await DeviceAsync(), await DeviceAsync());
        await x.GiveKeysAsync(ring);
        await y.GiveKeysAsync(ring);
        x.Sql("INSERT INTO note(id, title, secret) VALUES('n', 'first', 'old')");
        await x.SyncAsync();
        await y.SyncAsync();
        var former = _a.Rows()[Id];
        Later();
        y.Sql("UPDATE note SET secret = 'new'");
        await y.SyncAsync();
        var written = _a.Rows()[Id];
        _a.WriteAsOther("note", "\"n\"", former);
        x.Sql("UPDATE note SET title = 'second'");
        _a.BeforePush = () => _a.WriteAsOther("note", "\"n\"", written); // It arrives only now.
        await x.SyncAsync();
        _a.BeforePush = null;
        foreach (var device in new[] { y, x, y })
        {
            await device.SyncAsync();
            Assert.Empty(device.Several.ReadQuarantine());
        }

        Assert.Equal(["n|second|NULL|NULL|NULL|NULL|new"], x.Rows());
        Assert.Equal(x.Rows(), y.Rows());
    }

    [Fact]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-05")]
    public async Task A_row_that_was_in_quarantine_when_its_remote_lost_it_is_not_taken_for_deleted()
    {
        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        var (x, y) = (await DeviceAsync(), await DeviceAsync());
        await x.GiveKeysAsync(ring);
        x.Sql("INSERT INTO note(id, secret) VALUES('n', 'hidden')");
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal("MissingKey", Assert.Single(y.Several.ReadQuarantine()).Cause);
        _a.Empty();
        _a.WriteAsOther("note", "\"m\"", """{"title":"by hand"}""");
        await y.SyncAsync();
        _a.Forget();
        await y.GiveKeysAsync(ring);
        foreach (var device in new[] { y, x, y })
        {
            await device.SyncAsync();
            Assert.Empty(device.Several.ReadQuarantine());
            Assert.Contains("n|NULL|NULL|NULL|NULL|NULL|hidden", device.Rows());
        }

        Assert.Contains("note\"n\"", _a.Rows().Keys);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        _folder.Dispose();
    }

    private string StampsOf(string id) => JsonDocument.Parse(_a.Rows()["note" + JsonSerializer.Serialize(id)]).RootElement.GetProperty(RemoteModel.StampsField).GetString()!;

    private void Later() => _time.Advance(TimeSpan.FromMilliseconds(10));

    private async Task<JoinDevice> DeviceAsync(SyncModel? model = null, params (string Name, IStagedRemote Remote)[] others)
    {
        var device = await JoinDevice.MakeAsync(_folder.File($"d{_devices.Count}.db"), _time, SyncEnvironment.System.Random, model ?? JoinDevice.Notes, [("a", _a), .. others]);
        _devices.Add(device);
        return device;
    }
}
