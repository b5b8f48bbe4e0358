using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Inspection;

/// <summary>A value that its field cannot have is refused before it is sent; the row can be taken back like any other.</summary>
public sealed class UnfitDeadLetterTests
{
    [Theory]
    [Trait("req", "PUSH-07")]
    [InlineData("UPDATE note SET title = CAST(x'ff' AS TEXT)", new[] { "n|title" })]
    [InlineData("INSERT INTO note VALUES('m', CAST(x'ff' AS TEXT), NULL, NULL)", new[] { "n|title" })]
    public async Task A_row_whose_value_does_not_fit_can_be_discarded(string edit, string[] left)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql(edit);
        await a.SyncAsync();
        await a.Store.DiscardAsync(Assert.Single(new StoreInspector(a.Store).DeadLetters()).Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(left, a.Rows("SELECT id, title FROM note"));
        Steps.AssertEqual(a, b);
    }
}
