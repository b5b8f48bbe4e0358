using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A tree is deleted here while somebody else edits a row in it.</summary>
public sealed class DeletedTreeTests
{
    [Theory]
    [Trait("req", "CON-08")]
    [Trait("req", "PULL-06")]
    [InlineData("UPDATE book SET title = 'edited'", "1|edited|1")]
    [InlineData("UPDATE book SET title = 'edited'; UPDATE author SET note = 'edited'", "1|edited|1")]
    [InlineData("INSERT INTO author VALUES(2, 'bea', NULL); UPDATE book SET author_id = 2", "1|old|2")]
    public async Task The_edited_row_stays_and_so_does_what_it_stands_on(string edit, string expected)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL); INSERT INTO book VALUES(1, 1, 'old', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql(edit);
        await a.SyncAsync();
        b.Sql("PRAGMA foreign_keys=ON; DELETE FROM author WHERE id = 1");
        Assert.Empty(b.Rows("SELECT * FROM book"));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal([expected], a.Rows("SELECT id, title, author_id FROM book"));
        Steps.AssertEqual(a, b);
    }
}
