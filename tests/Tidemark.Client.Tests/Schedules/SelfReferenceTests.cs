using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A row that refers to itself keeps doing so when the server gives it another id.</summary>
public sealed class SelfReferenceTests
{
    [Theory]
    [Trait("req", "MOD-02")]
    [Trait("req", "MOD-03")]
    [InlineData("")]
    [InlineData(" NOT NULL")]
    public async Task A_row_that_is_its_own_parent_is_not_put_below_the_row_that_has_its_number(string required)
    {
        await using var world = await World.StartAsync();
        var schema = $"CREATE TABLE folder(id INTEGER PRIMARY KEY, name TEXT, top INTEGER{required} REFERENCES folder(id) DEFERRABLE INITIALLY DEFERRED)";
        var a = world.Adopt("a", schema);
        var b = world.Adopt("b", schema);
        a.Sql("INSERT INTO folder VALUES(1, 'of a', 1)");
        b.Sql("INSERT INTO folder VALUES(1, 'of b', 1)");
        await Steps.UntilQuietAsync(a, b);

        Assert.Equal(["of a|of a", "of b|of b"], a.Rows("SELECT f.name, t.name FROM folder f JOIN folder t ON t.id = f.top ORDER BY 1"));
        Steps.AssertEqual(a, b);
    }
}
