using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>
/// A row that one push changes twice has one version for both: the device hears of the first with its verdict, and of the second
/// only when it pulls.
/// </summary>
public sealed class OnePushChangesTwiceTests
{
    private const string Schema = """
        CREATE TABLE folder(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE note(id TEXT PRIMARY KEY, folder_id TEXT NOT NULL REFERENCES folder(id) ON DELETE CASCADE);
        CREATE TABLE tag(id TEXT PRIMARY KEY, label TEXT, note_id TEXT REFERENCES note(id) ON DELETE SET NULL);
        CREATE TABLE page(id TEXT PRIMARY KEY, text TEXT, note_id TEXT NOT NULL REFERENCES note(id) ON DELETE CASCADE);
        INSERT INTO folder VALUES('f1', 'one'), ('f2', 'two');
        INSERT INTO note VALUES('n', 'f1');
        INSERT INTO tag VALUES('t', 'old', 'n');
        INSERT INTO page VALUES('p', 'old', 'n');
        """;

    [Fact]
    [Trait("req", "PULL-05")]
    [Trait("req", "INT-01")]
    public async Task What_a_deletion_does_to_a_row_accepted_in_the_same_push_is_applied()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET folder_id = 'f2'");
        await b.SyncAsync();

        // Here the folder is empty; the server knows better, and takes note and page along.
        a.Sql("UPDATE tag SET label = 'new'; UPDATE page SET text = 'new'; DELETE FROM folder WHERE id = 'f2'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["t|new|NULL"], a.Rows("SELECT * FROM tag"));
        Assert.Empty(a.Rows("SELECT * FROM page"));
        Assert.Empty(a.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }
}
