using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>SQLite gives the id of a deleted row to the next one; to the server they are two rows.</summary>
public sealed class ReusedIdTests
{
    [Theory]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-02")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_made_under_the_id_of_a_deleted_one_is_not_that_one(bool deletedHere)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL)");
        await Steps.UntilQuietAsync(a, b);
        var deleting = deletedHere ? b : a;
        var keeping = deletedHere ? a : b;
        deleting.Sql("DELETE FROM author");
        await deleting.SyncAsync();

        // The one keeps a book of the deleted author, offline; on the other a new author gets the free number.
        keeping.Sql("INSERT INTO book VALUES(1, 1, 'of ann', NULL)");
        deleting.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        await deleting.SyncAsync();
        await Steps.UntilQuietAsync(keeping, deleting);
        Assert.Equal(["of ann|ann"], a.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Assert.Equal(["ann", "bea"], a.Rows("SELECT name FROM author ORDER BY name"));
        Steps.AssertEqual(a, b);
    }
}
