using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A row is made here below a parent that somebody else has deleted meanwhile.</summary>
public sealed class DeletedParentTests
{
    [Theory]
    [Trait("req", "PUSH-07")]
    [Trait("req", "PUSH-02")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_refused_child_brings_its_parent_back_in_the_same_run(bool isDeletedAgain)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("DELETE FROM author");
        await b.SyncAsync();
        a.Sql("INSERT INTO book VALUES(1, 1, 'made below a deleted author', NULL)");
        if (isDeletedAgain)
        {
            a.Sql("DELETE FROM book");
        }

        await a.SyncAsync();
        var report = await a.SyncAsync();
        Assert.Equal(0, report.Pending);
        Assert.Equal(0, report.DeadLetters);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(isDeletedAgain ? [] : ["1|made below a deleted author"], b.Rows("SELECT id, title FROM book"));
        Assert.Equal(isDeletedAgain ? [] : ["1|ann"], b.Rows("SELECT id, name FROM author"));
        Steps.AssertEqual(a, b);
    }
}
