using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A restored server gives an id that it had given before: the row that had it comes back under another one, the same everywhere.</summary>
public sealed class GivenTwiceTests
{
    private const string Authors = "SELECT id, name, note FROM author ORDER BY id";
    private const string Books = "SELECT title, name FROM book JOIN author ON author.id = author_id ORDER BY title";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task A_lost_row_and_its_children_move_to_one_fresh_id_on_every_device_that_has_them(bool makerFirst)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'lost', NULL); INSERT INTO book VALUES(1, 1, 'of lost', NULL)");
        await Steps.UntilQuietAsync(a, b);
        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'new', NULL); INSERT INTO book VALUES(1, 1, 'of new', NULL)");
        a.Sql("UPDATE author SET note = 'edited'");
        b.Sql("INSERT INTO book VALUES(2, 1, 'of lost too', 1)");
        await Steps.UntilQuietAsync(makerFirst ? [a, b, c] : [b, a, c]);
        Assert.Equal(["1|new|NULL", "2|lost|edited"], c.Rows(Authors));
        Assert.Equal(["of lost|lost", "of lost too|lost", "of new|new"], c.Rows(Books));
        Assert.Equal(["of lost"], c.Rows("SELECT b.title FROM book AS s JOIN book AS b ON b.id = s.sequel_of"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [Trait("req", "PULL-10")]
    public async Task A_lost_deletion_deletes_the_row_it_was_of_and_not_the_one_that_has_its_id(bool seenByOther, bool deleterFirst)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        await MakeAndDeleteAsync(a, b);
        if (seenByOther)
        {
            await b.SyncAsync();
        }

        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'new', NULL)");
        await Steps.UntilQuietAsync(deleterFirst ? [a, b, c] : [b, a, c]);
        Assert.Equal(["1|new|NULL"], c.Rows(Authors));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-04")]
    public async Task A_create_whose_answer_was_lost_makes_one_row_also_where_another_device_has_brought_it_back(bool seenByOther, bool makerFirst)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'lost', NULL); INSERT INTO book VALUES(1, 1, 'of lost', NULL)");
        await PushWithoutAnswerAsync(a);
        if (seenByOther)
        {
            await b.SyncAsync();
            Assert.Equal(["1|lost|NULL"], b.Rows(Authors));
            b.Sql("UPDATE author SET note = 'edited'");
        }

        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'new', NULL); INSERT INTO book VALUES(1, 1, 'of new', NULL)");
        await Steps.UntilQuietAsync(makerFirst ? [a, b, c] : [b, a, c]);
        Assert.Equal(["1|new|NULL", seenByOther ? "2|lost|edited" : "2|lost|NULL"], c.Rows(Authors));
        Assert.Equal(["of lost|lost", "of new|new"], c.Rows(Books));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    public async Task A_lost_deletion_of_a_lost_row_reaches_the_devices_that_still_have_it(bool deleterFirst)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        await MakeAndDeleteAsync(a, b);
        await lost.World.RestoreServerAsync();
        await Steps.UntilQuietAsync(deleterFirst ? [a, b] : [b, a]);
        Assert.Empty(b.Rows(Authors));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData("UPDATE author SET name = 'renamed'", "UPDATE author SET note = 'edited'", "1|renamed|edited")]
    [InlineData("UPDATE author SET name = 'renamed'", "SELECT 1", "1|renamed|NULL")]
    [InlineData("DELETE FROM author", "SELECT 1", null)]
    [InlineData("DELETE FROM author", "UPDATE author SET note = 'edited'", "1|lost|edited")]
    [InlineData("DELETE FROM author", "DELETE FROM author", null)]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-04")]
    public async Task A_create_that_is_sent_again_takes_nothing_from_what_became_of_its_row(string byOther, string byMaker, string? expected)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'lost', NULL)");
        await PushWithoutAnswerAsync(a);
        await b.SyncAsync();
        await lost.World.RestoreServerAsync();
        b.Sql(byOther);
        await b.SyncAsync();
        a.Sql(byMaker);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(expected is null ? [] : [expected], b.Rows(Authors));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task The_fresh_id_of_one_lost_row_may_be_the_former_id_of_the_next()
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'first', NULL)");
        await a.SyncAsync();
        await b.SyncAsync();
        b.Sql("INSERT INTO author VALUES(2, 'second', NULL); INSERT INTO book VALUES(1, 1, 'of first', NULL), (2, 2, 'of second', 1)");
        await b.SyncAsync();
        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'new', NULL)");

        // The one knows of no second row: its first one gets that id.
        await a.SyncAsync();
        Assert.Equal(["1|new|NULL", "2|first|NULL"], a.Rows(Authors));
        await Steps.UntilQuietAsync(b, a, c);
        Assert.Equal(["1|new|NULL", "2|first|NULL", "3|second|NULL"], c.Rows(Authors));
        Assert.Equal(["of first|first", "of second|second"], c.Rows(Books));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_row_that_was_lost_twice_comes_back_once()
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'lost', NULL); INSERT INTO book VALUES(1, 1, 'of lost', NULL)");
        await Steps.UntilQuietAsync(a, b);
        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'new', NULL)");
        await Steps.UntilQuietAsync(a, c);

        // The first device has it under its fresh id by now, the second one still under its first; both are lost again.
        await lost.World.RestoreServerAsync();
        var d = lost.World.Clone("d", a);
        d.Sql("INSERT INTO author VALUES(1, 'newer', NULL), (2, 'newest', NULL)");
        await d.SyncAsync();
        await Steps.UntilQuietAsync(b, c, a, d);
        Assert.Equal(["lost", "new", "newer", "newest"], d.Rows("SELECT name FROM author ORDER BY name"));
        Assert.Equal(["of lost|lost"], d.Rows(Books));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(c, d);
        Steps.AssertEqual(a, d);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-01")]
    public async Task An_offer_that_came_too_late_leaves_what_was_lost_in_a_record()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var (a, b) = (lost.A, lost.B);
        a.Sql("UPDATE author SET note = 'lost edit'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        b.Sql("UPDATE author SET note = 'since'");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|ann|since"], a.Rows(Authors));
        var record = Assert.Single(new StoreInspector(a.Store).Conflicts(10, onlyOpen: false));
        Assert.Equal(("author", "lost edit", "since"), (record.Type, record.Local!["note"].AsText, record.Server!["note"].AsText));
        Steps.AssertEqual(a, b);
    }

    private static async Task MakeAndDeleteAsync(Device a, Device b)
    {
        a.Sql("INSERT INTO author VALUES(1, 'lost', NULL)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM author");
        await a.SyncAsync();
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-04")]
    public async Task A_row_that_gets_the_id_of_one_on_its_way_that_was_deleted_since_does_not_follow_that_ones_answer()
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        await Steps.UntilQuietAsync(b, a);
        var c = await lost.RestoreAndWriteAsync("INSERT INTO author VALUES(1, 'of c', NULL)");
        a.Sql("INSERT INTO author VALUES(2, 'of a', NULL)");
        a.DuringNextPush("DELETE FROM author WHERE id = 2");
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["1|of c", "2|of b"], a.Rows("SELECT id, name FROM author ORDER BY id"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(b, c);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task A_reference_to_a_lost_row_that_was_deleted_is_none_to_the_row_that_has_it()
    {
        await using var lost = await LostWorld.StartAsync("CREATE TABLE item(id INTEGER PRIMARY KEY, ref INTEGER REFERENCES item(id), word TEXT);");
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO item VALUES(1, 1, 'refers to itself')");
        await PushWithoutAnswerAsync(a);
        a.Network.Decide = _ => Fault.None;
        b.Sql("INSERT INTO item VALUES(7, NULL, 'another')");
        await Steps.UntilQuietAsync(b);
        await a.SyncAsync(SyncMode.PushOnly); // The answer does not say who made it.
        a.Sql("DELETE FROM item");
        b.Sql("INSERT INTO item VALUES(8, 1, 'refers to it')");
        await lost.World.RestoreServerAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["another|NULL", "refers to it|NULL"], b.Rows("SELECT word, ref FROM item ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    private static async Task PushWithoutAnswerAsync(Device a)
    {
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync(SyncMode.PushOnly);
    }

    [Theory]
    [InlineData("", "UPDATE person SET club_id = NULL", 1)]
    [InlineData("", "DELETE FROM person", 0)]
    [InlineData("REFERENCES person(id) DEFERRABLE INITIALLY DEFERRED", "UPDATE person SET club_id = NULL", 1)]
    [InlineData("REFERENCES person(id) DEFERRABLE INITIALLY DEFERRED", "DELETE FROM person", 0)]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task A_row_that_others_brought_back_before_its_creation_was_answered_is_not_made_twice_when_what_it_refers_to_is_refused(string ofClub, string since, int left)
    {
        await using var lost = await LostWorld.StartAsync($"""
            CREATE TABLE town(id TEXT PRIMARY KEY);
            CREATE TABLE club(id TEXT PRIMARY KEY, town_id TEXT NOT NULL REFERENCES town(id), lead INTEGER {ofClub});
            CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, club_id TEXT REFERENCES club(id) DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO town VALUES('t');
            """);
        var (a, b) = (lost.A, lost.B);
        b.Sql($"BEGIN; INSERT INTO club VALUES('c', 't', {(ofClub.Length > 0 ? "1" : "NULL")}); INSERT INTO person VALUES(1, 'ann', 'c'); COMMIT");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await b.TrySyncAsync(SyncMode.PushOnly);
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await a.SyncAsync(); // Brings both back.
        a.Sql($"BEGIN; {since}; DELETE FROM club; DELETE FROM town; COMMIT");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(left, a.Rows("SELECT * FROM person").Count);
        Steps.AssertEqual(a, b);
    }
}
