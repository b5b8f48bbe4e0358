using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A new version of the app brings new columns and tables while older ones are still in use.</summary>
public sealed class GrownModelTests
{
    private const string Grown = """
        CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, body TEXT, slug TEXT UNIQUE, colour TEXT);
        CREATE TABLE pin(id TEXT PRIMARY KEY, note_id TEXT REFERENCES note(id) ON DELETE CASCADE);
        """;

    [Fact]
    [Trait("req", "MOD-06")]
    public async Task What_an_old_app_does_not_know_survives_its_edits_and_is_no_trouble_to_it()
    {
        await using var world = await World.StartAsync();
        var old = world.Adopt("old", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', 'text', NULL);");
        await old.SyncAsync();
        var grown = world.Adopt("grown", Grown);
        await Steps.UntilQuietAsync(old, grown);

        grown.Sql("UPDATE note SET colour = 'red' WHERE id = 'n1'");
        grown.Sql("INSERT INTO pin VALUES('p1', 'n1')");
        await grown.SyncAsync();
        old.Sql("UPDATE note SET title = 'uno' WHERE id = 'n1'");
        old.Sql("INSERT INTO note VALUES('n2', 'two', NULL, NULL)");
        await old.SyncAsync();
        await grown.SyncAsync();
        await old.SyncAsync();

        Assert.Equal(["n1|uno|text|red", "n2|two||"], grown.Rows("SELECT id, title, coalesce(body, ''), coalesce(colour, '') FROM note ORDER BY id"));
        Assert.Equal(["n1|uno", "n2|two"], old.Rows("SELECT id, title FROM note ORDER BY id"));
        Assert.Equal(["p1|n1"], grown.Rows("SELECT id, note_id FROM pin"));

        // Rows of a type that the old app has no table for are kept as they came, not dropped.
        Assert.Equal(["pin"], old.Rows("SELECT type FROM _tm_aside"));
    }

    [Fact]
    [Trait("req", "MOD-06")]
    [Trait("req", "CON-07")]
    public async Task A_field_that_an_app_does_not_know_survives_its_merges_both_after_a_refused_push_and_in_a_pull()
    {
        await using var world = await World.StartAsync();
        var grown = world.Adopt("grown", Grown + "INSERT INTO note VALUES('n1', 'one', 'text', NULL, 'red'), ('n2', 'two', NULL, NULL, 'red');");
        await grown.SyncAsync();
        var without = world.Adopt("without", Schemas.Notes);
        await Steps.UntilQuietAsync(without, grown);

        // The push is refused, and the merge is sent again.
        grown.Sql("UPDATE note SET colour = 'blue', title = 'of grown' WHERE id = 'n1'");
        await grown.SyncAsync();
        without.Sql("UPDATE note SET title = 'of without', body = 'more' WHERE id = 'n1'");
        await without.SyncAsync();

        // The pull meets an edit that waits.
        without.Sql("UPDATE note SET body = 'waits' WHERE id = 'n2'");
        grown.Sql("UPDATE note SET colour = 'green', title = 'due' WHERE id = 'n2'");
        await grown.SyncAsync();
        await without.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(without, grown);

        Assert.Equal(["n1|of without|more|blue", "n2|due|waits|green"], grown.Rows("SELECT id, title, body, colour FROM note ORDER BY id"));
        Assert.Equal(["n1|of without|more", "n2|due|waits"], without.Rows("SELECT id, title, body FROM note ORDER BY id"));
    }

    [Fact]
    [Trait("req", "MOD-06")]
    public async Task Edits_that_wait_while_the_app_adds_a_column_and_a_table_reach_the_server()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL), ('n2', 'two', NULL, NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);

        a.Sql("UPDATE note SET title = 'uno' WHERE id = 'n1'");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync();
        a.Sql("ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
        a.Sql("CREATE TABLE pin(id TEXT PRIMARY KEY, note_id TEXT REFERENCES note(id))");
        a.Sql("UPDATE note SET title = 'due', colour = 'blue' WHERE id = 'n2'");
        a.Sql("INSERT INTO note(id, title) VALUES('n3', 'tre')");
        a.Network.Decide = _ => Fault.None;
        b.Sql("UPDATE note SET body = 'of b'");
        await Steps.UntilQuietAsync(a, b);

        Assert.Equal(["n1|uno|of b", "n2|due|of b", "n3|tre|"], b.Rows("SELECT id, title, coalesce(body, '') FROM note ORDER BY id"));
        Assert.Equal(["n1|of b|red", "n2|of b|blue", "n3||red"], a.Rows("SELECT id, coalesce(body, ''), colour FROM note ORDER BY id"));
    }
}
