using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>The server's data is gone altogether, or goes back to before its first page.</summary>
public sealed class EmptiedServerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    public async Task A_server_that_lost_its_space_gets_every_row_again(bool keepsModel)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.Service.VerifyAsync(TestContext.Current.CancellationToken);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO author VALUES(1, 'x', NULL); INSERT INTO book VALUES(1, 1, 't', NULL)");
        await Steps.UntilQuietAsync(a);
        await world.StopServerAsync();
        File.Delete(world.ServerFile);
        if (keepsModel)
        {
            File.Copy(world.ServerFile + ".backup", world.ServerFile);
        }

        await world.StartServerAsync();
        a.Sql("UPDATE author SET note = 'since'");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|x|since"], b.Rows("SELECT * FROM author"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM book"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_server_that_lost_what_a_device_has_only_pushed_gets_it_again()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'x', NULL);");
        await Steps.UntilQuietAsync(a);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO author VALUES(2, 'y', NULL)");
        await a.SyncAsync(SyncMode.PushOnly);
        await world.RestoreServerAsync();
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|x", "2|y"], b.Rows("SELECT id, name FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-07")]
    public async Task An_offered_row_brings_back_its_parent_that_was_deleted_since_the_restore()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'x', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO book VALUES(1, 1, 't', NULL)");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("DELETE FROM author");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|1|t"], b.Rows("SELECT id, author_id, title FROM book"));
        Assert.Equal(["1|x"], b.Rows("SELECT id, name FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PULL-11")]
    public async Task A_row_that_was_deleted_and_forgotten_after_a_restore_goes_from_a_device_that_was_away()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL), ('n2', 'two', NULL, NULL);");
        lost.B.Sql("INSERT INTO note VALUES('n3', 'lost', NULL, NULL)");
        await lost.B.SyncAsync();
        await lost.RestoreAndWriteAsync("DELETE FROM note WHERE id = 'n1'");
        await lost.World.StopServerAsync();
        using (var file = SqliteFile.Open(lost.World.ServerFile, new OpenOptions()))
        {
            file.Run("DELETE FROM _tm_gone_note"); // What the retention does in time.
        }

        await lost.World.StartServerAsync();
        await Steps.UntilQuietAsync(lost.B);
        Assert.Equal(["n2", "n3"], lost.B.Rows("SELECT id FROM note ORDER BY id"));
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_device_that_knows_a_newer_version_than_a_restored_server_that_has_forgotten_its_commits_offers_it()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL), ('n2', 'two', NULL, NULL);");
        lost.A.Sql("DELETE FROM note WHERE id = 'n1'; UPDATE note SET title = 'edited' WHERE id = 'n2'");
        await lost.A.SyncAsync();
        await lost.RestoreAndWriteAsync("INSERT INTO note VALUES('n3', 'new', NULL, NULL)");
        await lost.World.StopServerAsync();
        using (var file = SqliteFile.Open(lost.World.ServerFile, new OpenOptions()))
        {
            file.Run("UPDATE _tm_space SET compacted = head; DELETE FROM _tm_commit WHERE position < (SELECT max(head) FROM _tm_space)"); // What the retention does in time.
        }

        await lost.World.StartServerAsync();
        var report = await lost.A.SyncAsync();
        Assert.Contains(report.Warnings, w => w.Contains("retention", StringComparison.Ordinal));
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Equal(["n2|edited", "n3|new"], lost.B.Rows("SELECT id, title FROM note ORDER BY id"));
        Steps.AssertEqual(lost.A, lost.B);
    }
}
