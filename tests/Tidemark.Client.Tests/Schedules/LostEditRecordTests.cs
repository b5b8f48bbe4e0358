using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>What a restored server has lost and would not take again, because others wrote there since, stays in a record on the device that had it.</summary>
public sealed class LostEditRecordTests
{
    private const string Lost = "SELECT CAST(local AS TEXT) FROM _tm_conflict WHERE reason LIKE 'The server was restored%'";

    [Fact]
    [Trait("req", "OPS-08")]
    [Trait("req", "PULL-10")]
    public async Task A_lost_edit_of_a_row_that_was_deleted_since_is_recorded()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'old', NULL, NULL);");
        lost.A.Sql("UPDATE note SET title = 'lost'");
        await lost.A.SyncAsync();
        await lost.World.RestoreServerAsync();
        lost.B.Sql("DELETE FROM note");
        await lost.B.SyncAsync();
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Empty(lost.A.Rows("SELECT id FROM note"));
        Assert.Contains("lost", Assert.Single(lost.A.Rows(Lost)), StringComparison.Ordinal);
        Steps.AssertEqual(lost.A, lost.B);
    }

    [Fact]
    [Trait("req", "OPS-08")]
    [Trait("req", "PULL-10")]
    public async Task A_lost_edit_below_a_pending_one_is_recorded_where_the_row_was_written_since()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'old', NULL, NULL);");
        lost.A.Sql("UPDATE note SET title = 'lost'");
        await lost.A.SyncAsync();
        await lost.World.RestoreServerAsync();
        lost.B.Sql("UPDATE note SET slug = 'b'");
        await lost.B.SyncAsync();
        lost.A.Sql("UPDATE note SET body = 'pending'");
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Equal(["old|pending|b"], lost.B.Rows("SELECT title, body, slug FROM note"));
        Assert.Contains("lost", Assert.Single(lost.A.Rows(Lost)), StringComparison.Ordinal);
        Steps.AssertEqual(lost.A, lost.B);
    }

    [Theory]
    [InlineData("INSERT INTO team VALUES(2, 'blue'); UPDATE player SET team_id = 2", "player", "p|2|old")]
    [InlineData("DELETE FROM player; DELETE FROM team", "team", null)]
    [Trait("req", "OPS-08")]
    [Trait("req", "PULL-10")]
    public async Task A_lost_edit_is_recorded_also_where_what_was_written_since_cannot_come_yet(string since, string edited, string? left)
    {
        await using var lost = await LostWorld.StartAsync("""
            CREATE TABLE team(id INTEGER PRIMARY KEY, word TEXT);
            CREATE TABLE player(id TEXT PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES team(id), word TEXT);
            INSERT INTO team VALUES(1, 'red');
            INSERT INTO player VALUES('p', 1, 'old');
            """);
        lost.A.Sql($"UPDATE {edited} SET word = 'lost'");
        await lost.A.SyncAsync();
        await lost.World.RestoreServerAsync();
        lost.B.Sql(since);
        await lost.B.SyncAsync();
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Equal(left is null ? [] : [left], lost.A.Rows("SELECT * FROM player"));
        Assert.Contains("lost", Assert.Single(lost.A.Rows(Lost)), StringComparison.Ordinal);
        Steps.AssertEqual(lost.A, lost.B);
    }

    [Fact]
    [Trait("req", "OPS-08")]
    [Trait("req", "PULL-10")]
    public async Task A_lost_edit_of_a_row_that_has_got_another_key_here_is_recorded_where_the_row_was_written_since()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'old', NULL, NULL);");
        lost.A.Sql("UPDATE note SET title = 'lost'");
        await lost.A.SyncAsync();
        await lost.World.RestoreServerAsync();
        lost.B.Sql("UPDATE note SET slug = 'b'");
        await lost.B.SyncAsync();
        lost.A.Sql("UPDATE note SET id = 'n2'");
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Equal(["n2|old|b"], lost.B.Rows("SELECT id, title, slug FROM note"));
        Assert.Contains("lost", Assert.Single(lost.A.Rows(Lost)), StringComparison.Ordinal);
        Steps.AssertEqual(lost.A, lost.B);
    }
}
