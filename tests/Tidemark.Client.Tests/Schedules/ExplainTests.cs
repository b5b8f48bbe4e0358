using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>The story of a row, from capture to acceptance.</summary>
public sealed class ExplainTests
{
    [Fact]
    [Trait("req", "OPS-08")]
    public async Task A_row_tells_where_it_stands_and_how_it_came_there()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var inspector = new StoreInspector(a.Store);
        Assert.Equal(RowStanding.Unknown, inspector.Explain("note", "n").Standing);

        a.Sql("INSERT INTO note VALUES('n', 'title', 'body', NULL)");
        var captured = inspector.Explain("note", "n");
        Assert.Equal(RowStanding.Pending, captured.Standing);
        Assert.Contains(captured.Events, e => e is { Kind: "captured" } && e.Text.EndsWith("inserted.", StringComparison.Ordinal));

        await a.SyncAsync();
        var accepted = inspector.Explain("note", "\"n\"");
        Assert.Equal(RowStanding.InStep, accepted.Standing);
        Assert.Null(accepted.Why);
        Assert.Contains(accepted.Events, e => e is { Kind: "accepted" } && e.Text.Contains("CREATE", StringComparison.Ordinal));

        var b = world.Clone("b", a);
        await b.SyncAsync();
        b.Sql("UPDATE note SET title = 'of b'");
        await b.SyncAsync();
        a.Sql("UPDATE note SET title = 'of a'");
        Assert.Equal(["title"], inspector.Explain("note", "n").Pending);
        await Steps.UntilQuietAsync(a, b);
        var story = inspector.Explain("note", "n");
        Assert.Contains("title by LastWriterWins from local", Assert.Single(story.Events, e => e.Kind == "conflict").Text, StringComparison.Ordinal);
        Assert.Single(story.Conflicts);
        Assert.Equal(story.Events.SkipLast(1).Where(e => e.At is not null).OrderBy(e => e.At).Select(e => e.Text), story.Events.SkipLast(1).Where(e => e.At is not null).Select(e => e.Text));

        b.Sql("DELETE FROM note");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(RowStanding.Deleted, inspector.Explain("note", "n").Standing);
    }

    [Fact]
    [Trait("req", "OPS-08")]
    public async Task A_row_that_got_another_id_and_one_that_was_refused_say_so()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Contains(new StoreInspector(b.Store).Explain("author", "2").Events, e => e is { Kind: "renumbered" } && e.Text.Contains("made here as", StringComparison.Ordinal));

        b.Sql("PRAGMA foreign_keys = OFF; INSERT INTO book VALUES(9, 77, 'orphan', NULL)");
        await b.TrySyncAsync();
        var orphan = new StoreInspector(b.Store).Explain("book", "9");
        Assert.Equal(RowStanding.Diverged, orphan.Standing);
        Assert.StartsWith("PARENT_MISSING", orphan.Why, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new StoreInspector(b.Store).Explain("nothing", "9"));
    }
}
