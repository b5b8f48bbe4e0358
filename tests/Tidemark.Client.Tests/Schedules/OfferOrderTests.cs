using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>What a restored server has lost is offered row by row; together it must come to what was lost.</summary>
public sealed class OfferOrderTests
{
    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task A_unique_value_that_was_handed_on_before_the_restore_is_handed_on_again()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, 's');");
        lost.A.Sql("DELETE FROM note");
        lost.A.Sql("INSERT INTO note VALUES('n2', 'two', NULL, 's')");
        await Steps.UntilQuietAsync(lost.A, lost.B);
        await lost.World.RestoreServerAsync();
        await Steps.UntilQuietAsync(lost.A, lost.B);
        Assert.Equal(["n2|s"], lost.B.Rows("SELECT id, slug FROM note"));
        Assert.Empty(new StoreInspector(lost.A.Store).DeadLetters());
        Steps.AssertEqual(lost.A, lost.B);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-06")]
    public async Task A_change_of_key_that_was_lost_is_made_again_with_the_children()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Authors + "INSERT INTO author VALUES(5, 'zoe', NULL);");
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL); INSERT INTO book VALUES(1, 1, 'of ann', NULL)");
        await Steps.UntilQuietAsync(a, b);
        await lost.World.BackUpServerAsync();
        a.Sql("PRAGMA foreign_keys=OFF; UPDATE author SET id = 90 WHERE name = 'ann'; UPDATE book SET author_id = 90");
        await Steps.UntilQuietAsync(a, b);
        await lost.World.RestoreServerAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["90|ann", "5|zoe"], a.Rows("SELECT id, name FROM author ORDER BY name"));
        Assert.Equal(["of ann|90"], b.Rows("SELECT title, author_id FROM book"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-08")]
    public async Task A_reference_to_a_row_whose_offer_is_refused_is_not_sent_with_the_id_that_another_row_has_by_now()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE place(id INTEGER PRIMARY KEY, code TEXT UNIQUE, part_of INTEGER REFERENCES place(id));");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO place VALUES(1, 'blue', NULL), (2, NULL, 1)");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("INSERT INTO place VALUES(1, 'blue', NULL)");
        await b.SyncAsync();
        await a.SyncAsync();
        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Equal(["1|blue|NULL", "2|NULL|NULL"], b.Rows("SELECT * FROM place ORDER BY id"));
        Assert.Equal(["1|blue|NULL", "2|NULL|1"], a.Rows("SELECT * FROM place ORDER BY id"));
    }
}
