using System.Text.Json;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Simulation.Several;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What a file with several remotes does in each of the cases that lost data elsewhere.</summary>
public sealed class SeveralRemotesTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<JoinDevice> _devices = [];
    private readonly ManualTime _time = new();
    private readonly ProgrammableRemote _a;
    private readonly ProgrammableRemote _b;
    private readonly ProgrammableRemote _c;

    public SeveralRemotesTests() => (_a, _b, _c) = (new() { NowMs = NowMs }, new() { NowMs = NowMs }, new() { NowMs = NowMs });

    [Fact]
    [Trait("req", "REM-05")]
    [Trait("req", "REM-04")]
    public async Task A_change_of_one_remote_is_forwarded_to_the_others_and_not_echoed()
    {
        var hub = await DeviceAsync(("a", _a), ("b", _b));
        var other = await DeviceAsync(("a", _a));
        other.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await other.SyncAsync();
        var report = await hub.SyncAsync();
        Assert.Equal((1, 1), (report.Push.Accepted, report.Pull.Applied));
        Assert.Equal((1, 1), (_a.Writes, _b.Writes));
        Assert.Equal(hub.Rows(), other.Rows());
        await hub.SyncAsync(); // Its own write comes back.
        Assert.Equal(SyncOutcome.Idle, (await hub.SyncAsync()).Outcome);
        Assert.Equal((1, 1), (_a.Writes, _b.Writes));
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task What_waits_is_not_taken_back_where_no_one_server_says_what_it_was()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        device.Sql("UPDATE note SET title = 'y'");
        var refused = await Assert.ThrowsAsync<SyncException>(() => device.Store.DiscardWaitingAsync("a mistake", TestContext.Current.CancellationToken));
        Assert.Contains("several remotes", refused.Message, StringComparison.Ordinal);
        var other = await DeviceAsync(("b", _b));
        await device.SyncAsync();
        await other.SyncAsync();
        Assert.Equal(device.Rows(), other.Rows());
        Assert.Contains("y", other.Rows().Single().ToString()!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-10")]
    public async Task The_order_of_the_remotes_decides_nothing(int order)
    {
        ProgrammableRemote[] remotes = [_a, _b, _c];
        for (var i = 0; i < 3; i++)
        {
            var writer = await DeviceAsync(("only", remotes[i]));
            writer.Sql($"INSERT INTO note(id, title, body, done) VALUES('n', 't{i}', 'b', {i})");
            if (i == 1)
            {
                writer.Sql("UPDATE note SET body = 'later'");
            }

            await writer.SyncAsync();
            _time.Advance(TimeSpan.FromMilliseconds(10));
        }

        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        var device = await DeviceAsync([.. orders[order].Select(i => ("r" + i, remotes[i]))]);
        device.Sql("INSERT INTO note(id, title) VALUES('mine', 'kept')");
        var runs = await Task.WhenAll(device.TrySyncAsync(), device.TrySyncAsync());
        Assert.All(runs, r => Assert.Null(r.Error));
        await device.SyncAsync();
        Assert.Equal(["mine|kept|NULL|NULL|NULL|NULL|NULL", "n|t2|b|2|NULL|NULL|NULL"], device.Rows());
        Assert.All(remotes, r => Assert.Contains("\"t2\"", r.Rows()["note\"n\""], StringComparison.Ordinal));
    }

    [Fact]
    [Trait("req", "REM-08")]
    [Trait("req", "REM-04")]
    public async Task A_remote_that_is_down_is_absent_and_catches_up()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        _b.IsDown = true;
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        var report = await device.SyncAsync();
        Assert.Contains(report.Warnings, w => w.StartsWith("b was absent", StringComparison.Ordinal));
        Assert.Equal([(0L, null), (1L, "It is down.")], device.Several.Read().Select(r => (r.Owed, r.Trouble)));
        device.Sql("UPDATE note SET title = 'y'");
        await device.SyncAsync();
        _b.IsDown = false;
        await device.SyncAsync();
        Assert.Equal(_a.Rows().Keys, _b.Rows().Keys);
        Assert.All(device.Several.Read(), r => Assert.Equal((0L, null), (r.Owed, r.Trouble)));

        (_a.IsDown, _b.IsDown) = (true, true);
        device.Sql("UPDATE note SET title = 'z'");
        Assert.Equal(SyncErrorCode.NetworkError, (await device.TrySyncAsync()).Error?.Code);
        (_a.IsDown, _b.IsDown) = (false, false);
        await device.SyncAsync();
        Assert.Contains("\"z\"", _b.Rows()["note\"n\""], StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-07")]
    public async Task A_row_that_cannot_be_read_yet_waits_untouched_and_appears_with_its_key()
    {
        var (first, second) = (await DeviceAsync(("a", _a), ("b", _b)), await DeviceAsync(("a", _a), ("b", _b)));
        first.Sql("INSERT INTO note(id, title, secret) VALUES('s', 'open', 'hidden')");
        Assert.Contains((await first.SyncAsync()).Warnings, w => w.Contains("wait for a key", StringComparison.Ordinal));
        Assert.Empty(_a.Rows());

        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        await first.Several.AddKeysAsync(ring, "correct horse", first.Environment);
        first.Sql("INSERT INTO note(id, title) VALUES('p', 'plain')");
        await first.SyncAsync();
        Assert.DoesNotContain(_a.Rows().Values.Concat(_b.Rows().Values), json => json.Contains("hidden", StringComparison.Ordinal));

        await second.SyncAsync();
        Assert.Equal(["p|plain|NULL|NULL|NULL|NULL|NULL"], second.Rows());
        Assert.Equal([("a", "MissingKey"), ("b", "MissingKey")], second.Several.ReadQuarantine().Select(q => (q.Remote!, q.Cause)));
        Assert.Null(second.Several.SafeToken("a"));
        second.Sql("INSERT INTO note(id, title) VALUES('s', 'mine')"); // It does not know of the other one; it must not write over it.
        var writes = _a.Writes;
        await second.SyncAsync();
        await second.SyncAsync();
        Assert.Equal(writes, _a.Writes);

        await second.GiveKeysAsync(WrappedKeys.Open(Assert.Single(second.Several.ReadWrapped()), "correct horse"));
        await second.SyncAsync();
        Assert.Empty(second.Several.ReadQuarantine());
        Assert.NotNull(second.Several.SafeToken("a"));
        await first.SyncAsync();
        Assert.Equal(["p|plain|NULL|NULL|NULL|NULL|NULL", "s|mine|NULL|NULL|NULL|NULL|NULL"], second.Rows());
        Assert.Equal(second.Rows(), first.Rows());
    }

    [Fact]
    [Trait("req", "REM-07")]
    public async Task After_a_rotation_values_are_encrypted_again_once_and_mean_the_same()
    {
        var (first, second) = (await DeviceAsync(("a", _a)), await DeviceAsync(("a", _a)));
        var ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        await first.GiveKeysAsync(ring);
        await second.GiveKeysAsync(ring);
        first.Sql("INSERT INTO note(id, title, secret) VALUES('s', 't', 'hidden')");
        await first.SyncAsync();
        await second.SyncAsync();
        var before = SecretOf(_a);
        var both = await first.Several.RotateAsync("p", first.Environment);
        await second.GiveKeysAsync(both);
        await first.SyncAsync();
        await second.SyncAsync();
        var after = SecretOf(_a);
        Assert.NotEqual(before, after);
        await first.SyncAsync();
        first.Sql("UPDATE note SET title = 'u'");
        await first.SyncAsync();
        await second.SyncAsync();
        Assert.Equal(after, SecretOf(_a)); // What did not change is not encrypted again.
        Assert.Equal(["s|u|NULL|NULL|NULL|NULL|hidden"], second.Rows());
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task A_remote_that_was_emptied_gets_its_rows_back_and_takes_none()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'y')");
        await device.SyncAsync();
        _a.Empty();
        await device.SyncAsync();
        await device.SyncAsync();
        Assert.Equal(2, device.Rows().Count);
        Assert.Equal(2, _a.Rows().Count);
        Assert.Equal(2, _b.Writes);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Many_rows_deleted_at_one_remote_are_a_question()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Options.Pull.DeleteFreeRows = 2;
        device.Sql("INSERT INTO note(id, title) VALUES('1', 'x'), ('2', 'y'), ('3', 'z')");
        await device.SyncAsync();
        foreach (var id in new[] { "1", "2", "3" })
        {
            _a.WriteAsOther("note", JsonSerializer.Serialize(id), null);
        }

        await device.SyncAsync();
        Assert.Equal(3, device.Rows().Count);
        Assert.NotNull(device.Several.Read()[0].Question);
        device.Options.Pull.AllowManyDeletes = true;
        await device.SyncAsync();
        Assert.Empty(device.Rows());
        Assert.Null(device.Several.Read()[0].Question);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task A_remote_that_has_lost_every_row_is_a_question_however_few_they_were()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) INSERT INTO note(id, title) SELECT 'n' || i, 't' FROM n");
        await device.SyncAsync();
        for (var i = 1; i <= 12; i++)
        {
            _a.WriteAsOther("note", JsonSerializer.Serialize("n" + i), null);
        }

        await device.SyncAsync();
        Assert.Equal(12, device.Rows().Count);
        Assert.Contains("12 of 12", device.Several.Read()[0].Question, StringComparison.Ordinal);
        Assert.True(await device.Several.ResetAsync("a"));
        await device.SyncAsync();
        Assert.Equal(12, _a.Rows().Count(r => r.Key.StartsWith("note", StringComparison.Ordinal)));
        Assert.Null(device.Several.Read()[0].Question);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task A_listing_that_was_broken_off_before_the_remote_was_emptied_takes_nothing_away()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x'), ('m', 'y')");
        await device.SyncAsync();
        _a.Forget(); // All is to be listed, and the listing does not come.
        var calls = 0;
        _a.BeforePull = () =>
        {
            _a.IsDown = ++calls == 2;
            return Task.CompletedTask;
        };
        await device.SyncAsync();
        Assert.NotNull(device.Several.Read()[0].Trouble);
        _a.BeforePull = null;
        _a.IsDown = false;
        _a.Empty();
        await device.SyncAsync();
        Assert.Equal(2, device.Rows().Count);
        Assert.Equal(2, _a.Rows().Count(r => r.Key.StartsWith("note", StringComparison.Ordinal)));
    }

    [Fact]
    [Trait("req", "REM-10")]
    public async Task Nothing_runs_before_the_session_stands_and_what_asked_meanwhile_is_one_cycle()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        var session = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        device.Options.SessionSettled = _ => session.Task;
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        var pulls = 0;
        _a.BeforePull = _b.BeforePull = () =>
        {
            Interlocked.Increment(ref pulls);
            return Task.CompletedTask;
        };
        using var impatient = new CancellationTokenSource();
        Task<SyncReport>[] asked = [.. new[] { "login", "restore", "foreground" }.Select(t => device.Service.SyncAsync(SyncMode.Full, t))];
        var left = device.Service.SyncAsync(SyncMode.Full, "gone", cancellationToken: impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        Assert.Equal((0, 0), (pulls, _a.Writes));
        session.SetResult();
        var reports = await Task.WhenAll(asked);
        Assert.All(reports, r => Assert.Same(reports[0], r));
        Assert.Equal((2, 1, 1), (pulls, _a.Writes, _b.Writes));
        Assert.NotSame(reports[0], await device.SyncAsync());
    }

    [Fact]
    [Trait("req", "REM-10")]
    public async Task A_run_that_nobody_waits_for_any_more_is_not_begun_when_the_session_stands()
    {
        var device = await DeviceAsync(("a", _a));
        var session = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isEnded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        device.Options.SessionSettled = token =>
        {
            token.Register(isEnded.SetResult);
            return session.Task;
        };
        using var impatient = new CancellationTokenSource();
        var left = device.Service.SyncAsync(SyncMode.Full, "login", cancellationToken: impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        await isEnded.Task;
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        session.SetResult();
        Assert.Null((await device.SyncAsync()).Error);
        Assert.Equal(1, _a.Writes);
    }

    [Fact]
    [Trait("req", "REM-10")]
    public async Task The_order_in_which_the_service_has_its_remotes_says_who_gets_an_edit_first()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        var order = new List<string>();
        (_a.BeforePush, _b.BeforePush) = (() => order.Add("a"), () => order.Add("b"));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        using (var service = new DataSyncService(device.Store, [new NamedRemote("b", _b), new NamedRemote("a", _a)], device.Options, device.Environment))
        {
            Assert.Null((await service.SyncAsync(SyncMode.Full, "test")).Error);
        }

        Assert.Equal(["b", "a"], order);
    }

    [Fact]
    [Trait("req", "REM-05")]
    public async Task Another_account_is_another_remote()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        await device.SyncAsync();
        _a.User = "bob";
        _a.Empty();
        await device.Service.SignOutAsync(SignOutChoice.Keep);
        var report = await device.SyncAsync();
        Assert.Contains(report.Warnings, w => w.Contains("bob", StringComparison.Ordinal));
        Assert.Empty(_a.Rows());
        Assert.True(await device.Several.ResetAsync("a"));
        await device.SyncAsync();
        Assert.Single(_a.Rows(), r => r.Key.StartsWith("note", StringComparison.Ordinal));
        Assert.Single(device.Rows());
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task What_one_remote_refuses_goes_to_the_others_and_is_shown()
    {
        var device = await DeviceAsync(("a", _a), ("b", _b));
        _a.Judge = w => w.Key == "\"n\"" ? new RemoteOutcome { Kind = RemoteOutcomeKind.Refused, Code = "NO", Message = "never" } : null;
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'x')");
        var report = await device.SyncAsync();
        Assert.Equal((1, 1L), (_b.Writes, report.DeadLetters));
        Assert.Equal(1, device.Several.Read()[0].Refused);
        _a.Judge = static _ => null;
        device.Sql("UPDATE note SET title = 'y'");
        await device.SyncAsync();
        Assert.Equal(0, device.Several.Read()[0].Refused);
        Assert.Single(_a.Rows(), r => r.Key.StartsWith("note", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task All_devices_show_the_same_where_rows_cannot_all_stand()
    {
        var (x, y) = (await DeviceAsync(("a", _a)), await DeviceAsync(("a", _a)));
        x.Sql("INSERT INTO folder(id, name) VALUES('f', 'F'); INSERT INTO note(id, slug, folder) VALUES('2', 'same', 'f')");
        y.Sql("INSERT INTO note(id, slug) VALUES('1', 'same')");
        await x.SyncAsync();
        await y.SyncAsync();
        y.Sql("INSERT INTO note(id, folder) VALUES('3', 'f')");
        x.Sql("DELETE FROM folder");
        await y.SyncAsync();
        await x.SyncAsync();
        await y.SyncAsync();
        await x.SyncAsync();
        Assert.Equal(["1|NULL|NULL|NULL|same|NULL|NULL", "3|NULL|NULL|NULL|NULL|NULL|NULL"], x.Rows());
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Contains(x.Several.ReadQuarantine(), q => q is { Key: "\"2\"", Cause: "UNIQUE", Remote: null });
        y.Sql("UPDATE note SET slug = 'other' WHERE id = '1'; INSERT INTO folder(id, name) VALUES('f', 'again')");
        await y.SyncAsync();
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal("2|NULL|NULL|NULL|same|NULL|NULL", x.Rows()[1]);
        Assert.Equal("3|NULL|NULL|NULL|NULL|f|NULL", x.Rows()[2]);
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Empty(x.Several.ReadQuarantine());
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task An_edit_that_loses_to_a_later_one_beside_it_is_recorded()
    {
        var (x, y) = (await DeviceAsync(("a", _a), ("b", _b)), await DeviceAsync(("a", _a), ("b", _b)));
        x.Sql("INSERT INTO note(id, title) VALUES('n', 'first')");
        await x.SyncAsync();
        await y.SyncAsync();
        x.Sql("UPDATE note SET title = 'mine'");
        _time.Advance(TimeSpan.FromMilliseconds(5));
        y.Sql("UPDATE note SET title = 'theirs'");
        await y.SyncAsync();
        await x.SyncAsync();
        var record = Assert.Single(x.Store.EngineSession.Conflicts.Read(10));
        Assert.Equal((ConflictRecord.Superseded, "mine", "theirs"), (record.Outcome, record.Local!["title"].AsText, record.Merged!["title"].AsText));
        Assert.Equal("theirs", x.Scalar("SELECT title FROM note").AsText);
        await y.SyncAsync();
        Assert.Empty(y.Store.EngineSession.Conflicts.Read(10));
    }

    [Fact]
    [Trait("req", "REM-03")]
    public async Task A_stamp_of_the_future_waits_for_its_time_and_what_is_given_up_is_written_over()
    {
        var device = await DeviceAsync(("a", _a));
        _a.WriteAsOther("note", "\"n\"", """{"title":"x"}""", NowMs() + (60 * 60 * 1000));
        await device.SyncAsync();
        Assert.Equal("Drift", Assert.Single(device.Several.ReadQuarantine()).Cause);
        device.Sql("INSERT INTO note(id, title) VALUES('n', 'mine')");
        await device.SyncAsync();
        Assert.DoesNotContain("mine", _a.Rows()["note\"n\""], StringComparison.Ordinal);
        Assert.True(await device.Several.DiscardAsync("a", "note", "\"n\""));
        await device.SyncAsync();
        Assert.Contains("mine", _a.Rows()["note\"n\""], StringComparison.Ordinal);
        Assert.Equal(["n|mine|NULL|NULL|NULL|NULL|NULL"], device.Rows());
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task A_backend_without_tombstones_stamps_lookups_patches_or_conditions_loses_nothing()
    {
        _b.Capabilities = new RemoteCapabilities { Stamps = false, Tombstones = true, Lookup = false, Patches = false, ConditionalWrites = false };
        var (x, y) = (await DeviceAsync(("a", _a), ("b", _b)), await DeviceAsync(("b", _b)));
        x.Sql("INSERT INTO note(id, title, body) VALUES('n', 't', 'b')");
        await x.SyncAsync();
        await y.SyncAsync();
        _b.WriteAsOther("note", "\"n\"", """{"title":"by hand"}""");
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Equal(["n|by hand|b|NULL|NULL|NULL|NULL"], x.Rows());
        Assert.Equal(x.Rows(), y.Rows());
        Assert.Contains("by hand", _a.Rows()["note\"n\""], StringComparison.Ordinal);
        x.Sql("DELETE FROM note");
        await x.SyncAsync();
        await y.SyncAsync();
        Assert.Empty(y.Rows());
        Assert.DoesNotContain(_b.Rows(), r => r.Key.StartsWith("note", StringComparison.Ordinal));
        await x.SyncAsync();
        await x.SyncAsync();
        Assert.Empty(x.Rows());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        _folder.Dispose();
    }

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static string SecretOf(ProgrammableRemote remote) => JsonDocument.Parse(remote.Rows()["note\"s\""]).RootElement.GetProperty("secret").GetString()!;

    private async Task<JoinDevice> DeviceAsync(params (string Name, ProgrammableRemote Remote)[] remotes)
    {
        var device = await JoinDevice.MakeAsync(_folder.File($"d{_devices.Count}.db"), _time, SyncEnvironment.System.Random, [.. remotes.Select(r => (r.Name, (IStagedRemote)r.Remote))]);
        _devices.Add(device);
        return device;
    }
}
