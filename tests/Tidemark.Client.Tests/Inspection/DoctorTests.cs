using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Server;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Inspection;

/// <summary>Each trouble is made in a real file: it is named, a repair puts it right, a second visit finds nothing, and nothing is lost.</summary>
public sealed class DoctorTests
{
    private const string Sql = """
        CREATE TABLE folder(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE note(id TEXT PRIMARY KEY, folder TEXT NOT NULL REFERENCES folder(id), seen TEXT REFERENCES folder(id), title TEXT);
        CREATE INDEX note_title ON note(title);
        """;

    private const string Rows = "INSERT INTO folder VALUES('f', 'one'), ('g', 'two'); INSERT INTO note VALUES('n', 'f', 'g', 'first'), ('m', 'f', NULL, 'second')";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "OPS-07")]
    public async Task A_sound_store_has_no_finding()
    {
        await using var world = await World.StartAsync();
        var (a, _) = await StartAsync(world);
        Assert.Empty(await VisitAsync(a, repair: false));
        Assert.Empty(await VisitAsync(a, repair: true));
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "STO-15")]
    public async Task An_index_that_does_not_fit_its_table_is_made_anew()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("""
            PRAGMA writable_schema = ON;
            CREATE TEMP TABLE kept AS SELECT * FROM sqlite_master WHERE name = 'note_title';
            DELETE FROM sqlite_master WHERE name = 'note_title';
            """);
        Reopen(a, "INSERT INTO note VALUES('p', 'f', NULL, 'unindexed')", "INSERT INTO sqlite_master SELECT * FROM kept");
        await a.RestartAsync(world);
        var finding = Assert.Single(await VisitAsync(a, repair: false));
        Assert.Equal((FindingCodes.IndexDamaged, FindingSeverity.Fault), (finding.Code, finding.Severity));
        await AssertMendedAsync(a, FindingCodes.IndexDamaged);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(1, b.Count("SELECT count(*) FROM note WHERE title = 'unindexed'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("speed", "slow")]
    public async Task A_log_that_has_grown_is_moved_into_the_file_unless_somebody_reads()
    {
        await using var world = await World.StartAsync();
        var (a, _) = await StartAsync(world);
        using (var reader = SqliteFile.Open(a.Path, new OpenOptions()))
        {
            reader.Run("BEGIN");
            reader.Scalar("SELECT count(*) FROM note");
            a.Sql("CREATE TABLE big(x); INSERT INTO big SELECT zeroblob(36000000) UNION ALL SELECT zeroblob(36000001)");
            var finding = Assert.Single(await VisitAsync(a, repair: false));
            Assert.Equal((FindingCodes.WalLarge, false), (finding.Code, finding.Repaired));
            Assert.False(Assert.Single(await VisitAsync(a, repair: true)).Repaired);
        }

        await AssertMendedAsync(a, FindingCodes.WalLarge);
        Assert.Equal(2, a.Count("SELECT count(*) FROM big"));
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "STO-17")]
    [Trait("req", "STO-16")]
    public async Task Triggers_that_are_others_than_the_models_are_put_right_and_what_they_missed_is_sent()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        var seen = a.Store.EngineSession.Db.ScalarInt64("PRAGMA schema_version");
        a.Sql("DROP TRIGGER _tm_cap_1_bu; DROP TRIGGER _tm_cap_2_ai; CREATE TRIGGER _tm_cap_9_ai AFTER INSERT ON note BEGIN SELECT 1; END");
        a.Sql("UPDATE folder SET name = 'unnoticed'; UPDATE note SET title = 'unnoticed'; INSERT INTO note VALUES('p', 'f', NULL, 'new')");
        a.Sql($"PRAGMA schema_version = {seen}"); // A restored header says nothing: the triggers themselves are compared.
        await a.RestartAsync(world);
        var found = await VisitAsync(a, repair: false);
        Assert.Contains(found, f => f is { Code: FindingCodes.CaptureMissing, Repaired: false });
        Assert.Contains(found, f => f.Code == FindingCodes.CaptureStrange && f.Message.Contains("_tm_cap_9_ai", StringComparison.Ordinal));
        Assert.Equal(3, a.Count("SELECT count(*) FROM sqlite_master WHERE name IN ('_tm_cap_9_ai', '_tm_cap_1_ai', '_tm_cap_2_bu')")); // Nothing was written.
        await AssertMendedAsync(a, FindingCodes.CaptureMissing, FindingCodes.CaptureStrange);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|unnoticed", "n|unnoticed", "p|new"], b.Rows("SELECT id, title FROM note ORDER BY id"));
        Assert.Equal(2, b.Count("SELECT count(*) FROM folder WHERE name = 'unnoticed'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    public async Task A_trigger_of_the_app_that_came_back_without_its_guard_rests_again()
    {
        await using var world = await World.StartAsync();
        var (a, _) = await StartAsync(world);
        var seen = a.Store.EngineSession.Db.ScalarInt64("PRAGMA schema_version");
        a.Sql($"CREATE TRIGGER bump AFTER INSERT ON note BEGIN UPDATE folder SET name = name || '!' WHERE id = NEW.folder; END; PRAGMA schema_version = {seen}");
        await a.RestartAsync(world);
        Assert.Contains(await VisitAsync(a, repair: false), f => f.Code == FindingCodes.TriggerUnguarded && f.Message.Contains("bump", StringComparison.Ordinal));
        await AssertMendedAsync(a, FindingCodes.TriggerUnguarded);
        Assert.Contains("_tm_guard", a.Scalar("SELECT sql FROM sqlite_master WHERE name = 'bump'").AsText, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "STO-17")]
    public async Task Rows_that_vanished_come_back_with_the_next_run_and_are_no_deletions()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        Unseen(a, "DELETE FROM note WHERE id = 'n'");
        a.Sql("UPDATE note SET title = 'waits' WHERE id = 'm'");
        var finding = Assert.Single(await VisitAsync(a, repair: false));
        Assert.Equal(FindingCodes.RowsVanished, finding.Code);
        await AssertMendedAsync(a, FindingCodes.RowsVanished);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|waits", "n|first"], b.Rows("SELECT id, title FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
        Assert.Empty(await VisitAsync(a, repair: false));
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "INT-05")]
    public async Task References_to_nothing_are_cleared_with_a_record_where_they_may_be()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("PRAGMA foreign_keys = OFF; UPDATE note SET seen = 'nowhere' WHERE id = 'm'");
        Assert.Equal(FindingCodes.Orphans, Assert.Single(await VisitAsync(a, repair: false)).Code);
        await AssertMendedAsync(a, FindingCodes.Orphans);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|NULL", "n|g"], b.Rows("SELECT id, seen FROM note ORDER BY id"));
        Assert.Contains(new StoreInspector(a.Store).Conflicts(10, onlyOpen: false), c => c.Key == "\"m\"" && c.Local!["seen"].AsText == "nowhere");
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "INT-03")]
    public async Task Children_of_a_parent_that_vanished_wait_for_it_and_those_with_edits_are_a_persons_to_decide()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        Unseen(a, "DELETE FROM folder WHERE id = 'f'");
        a.Sql("PRAGMA foreign_keys = OFF; UPDATE note SET title = 'mine' WHERE id = 'm'");
        var found = await VisitAsync(a, repair: true);
        Assert.Contains(found, f => f is { Code: FindingCodes.Orphans, Repaired: true } && f.Message.Contains("\"n\"", StringComparison.Ordinal));
        Assert.Contains(found, f => f is { Code: FindingCodes.Orphans, Repaired: false, Repairable: false } && f.Message.Contains("\"m\"", StringComparison.Ordinal));
        Assert.Contains(found, f => f is { Code: FindingCodes.RowsVanished, Repaired: true });
        await a.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|f|mine", "n|f|first"], b.Rows("SELECT id, folder, title FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
        Assert.Empty(await VisitAsync(a, repair: false));
    }

    [Theory]
    [InlineData("UPDATE _tm_cursor SET last_created_at = last_created_at + 1000000000000")]
    [InlineData("UPDATE _tm_cursor SET last_created_at = 'nonsense' WHERE type = 'note'")]
    [InlineData("UPDATE _tm_remote SET cursor = NULL")]
    [Trait("req", "OPS-07")]
    [Trait("req", "CUR-01")]
    public async Task Cursors_that_do_not_fit_are_dropped_and_everything_is_fetched_again(string damage)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql(damage);
        a.Sql("UPDATE note SET title = 'waits' WHERE id = 'm'");
        b.Sql("UPDATE note SET title = 'of b' WHERE id = 'n'");
        await b.SyncAsync();
        var finding = Assert.Single(await VisitAsync(a, repair: false));
        Assert.Equal((FindingCodes.CursorBroken, FindingSeverity.Fault), (finding.Code, finding.Severity));
        await AssertMendedAsync(a, FindingCodes.CursorBroken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|waits", "n|of b"], a.Rows("SELECT id, title FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "STO-07")]
    public async Task Claims_that_a_crash_left_and_back_offs_without_end_hold_nothing_up_after_a_repair()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("UPDATE note SET title = 'on its way' WHERE id = 'm'");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync(SyncMode.PushOnly);
        a.Network.Decide = _ => Fault.None;
        a.Sql("""
            UPDATE _tm_lock SET owner = 'host:999999:1#gone', token = token + 1, expires_ms = heartbeat_ms + 1;
            UPDATE _tm_command SET state_updated_at_ms = 1, next_attempt_at = 99999999999999;
            INSERT OR REPLACE INTO _tm_pace(remote, failures, noted_at, until, code, message) VALUES(1, 3, 1, 99999999999999, 'NetworkError', 'No answer.');
            """);
        Assert.Equal([FindingCodes.ClaimLeft, FindingCodes.Stuck, FindingCodes.HeldBack], (await VisitAsync(a, repair: false)).Select(f => f.Code));
        await AssertMendedAsync(a, FindingCodes.ClaimLeft, FindingCodes.Stuck, FindingCodes.HeldBack);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal("on its way", b.Scalar("SELECT title FROM note WHERE id = 'm'").AsText);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "PUSH-08")]
    public async Task A_dead_letter_is_named_with_the_rows_that_wait_for_it()
    {
        await using var world = await World.StartAsync(new ServerOptions { Dev = true, Limits = new() { RowBytesMax = 20_000 } });
        var (a, _) = await StartAsync(world);
        a.Sql("INSERT INTO folder VALUES('huge', hex(zeroblob(15000))); INSERT INTO note VALUES('below', 'huge', NULL, 'waits')");
        await a.SyncAsync();
        var finding = Assert.Single(await VisitAsync(a, repair: true));
        Assert.Equal((FindingCodes.DeadLetters, false), (finding.Code, finding.Repaired));
        Assert.Contains("note \"below\"", finding.Message, StringComparison.Ordinal);
        Assert.Equal(1, a.Count("SELECT count(*) FROM note WHERE id = 'below'"));
    }

    [Fact]
    [Trait("req", "OPS-07")]
    [Trait("req", "RUN-15")]
    public async Task Duplicates_are_counted()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Sql, t => t.Name == "folder" ? t with { NaturalKeys = [new NaturalKey { Fields = ["name"] }] } : t);
        a.Sql("INSERT INTO folder VALUES('f', 'same'), ('g', 'same')");
        await a.SyncAsync();
        Assert.Equal(FindingCodes.Duplicates, Assert.Single(await VisitAsync(a, repair: true)).Code);
        Assert.Equal(2, a.Count("SELECT count(*) FROM folder"));
    }

    private static async Task<(Device A, Device B)> StartAsync(World world)
    {
        var a = world.Adopt("a", Sql + Rows);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        return (a, b);
    }

    private static async Task<IReadOnlyList<DoctorFinding>> VisitAsync(Device device, bool repair) =>
        [.. (await new StoreDoctor(device.Store, SyncEnvironment.System).ExamineAsync(repair, Token)).Findings.Where(f => f.Code != FindingCodes.LibraryOld)];

    private static async Task AssertMendedAsync(Device device, params string[] codes)
    {
        var mended = await VisitAsync(device, repair: true);
        Assert.All(codes, code => Assert.Contains(mended, f => f.Code == code && f.Repaired));
        Assert.All(mended, f => Assert.True(f.Repaired, f.ToString()));
        Assert.Empty(await VisitAsync(device, repair: false));
    }

    // As a program that takes the triggers away and puts them back.
    private static void Unseen(Device device, string sql)
    {
        device.Sql("PRAGMA foreign_keys = OFF; INSERT INTO _tm_guard VALUES(1)");
        device.Sql(sql);
        device.Sql("DELETE FROM _tm_guard");
    }

    // What the schema says is read anew by a new connection only.
    private static void Reopen(Device device, string write, string restore)
    {
        using (var connection = SqliteFile.Open(device.Path, new OpenOptions()))
        {
            connection.Run(write);
        }

        device.Sql("PRAGMA writable_schema = ON");
        device.Sql(restore);
        device.Sql("PRAGMA writable_schema = OFF");
    }
}
