using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Chinook;

public sealed class RandomEditorTests
{
    [Theory]
    [InlineData(Manners.Polite)]
    [InlineData(Manners.Rude)]
    [Trait("req", "OPS-10")]
    internal async Task Edits_of_one_seed_are_the_same_and_keep_the_file_healthy(Manners manners)
    {
        using var workspace = new Workspace();
        var left = ChinookFile.CopyTo(workspace.PathOf("left.db"));
        var right = ChinookFile.CopyTo(workspace.PathOf("right.db"));
        foreach (var database in new[] { left, right })
        {
            await new RandomEditor(7, "a", 0, manners).EditAsync(database, 400);
        }

        await TableComparison.AssertHealthyAsync(left);
        await TableComparison.AssertEqualAsync(left, right);
        Assert.InRange((await SqliteShell.LinesAsync(left, RandomEditor.MarkersQuery("a"))).Count, 50, 400);
    }
}
