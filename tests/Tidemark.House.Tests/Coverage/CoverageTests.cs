using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Coverage;

public sealed class CoverageTests
{
    [Fact]
    public void Every_requirement_of_the_current_scope_has_a_test()
    {
        Console.WriteLine("coverage: tests per requirement: " + string.Join(", ", Requirements.Catalogue
            .Where(Requirements.Tests.ContainsKey)
            .Select(id => $"{id} {Requirements.Tests[id]}")));
        Console.WriteLine($"coverage: {Requirements.Scope.Count(Requirements.Tests.ContainsKey)} of {Requirements.Scope.Count} in scope, "
            + $"{Requirements.Catalogue.Count(Requirements.Tests.ContainsKey)} of {Requirements.Catalogue.Count} in all, have a test");
        Faults.None(Requirements.Scope.Where(id => !Requirements.Tests.ContainsKey(id)), "In scope.txt and without a test:");
    }

    [Fact]
    public void Tests_and_scope_name_only_requirements_that_exist()
    {
        Assert.NotEmpty(Requirements.Catalogue);
        Faults.None(Requirements.Tests.Keys.Concat(Requirements.Scope).Except(Requirements.Catalogue, StringComparer.Ordinal), "Not in docs/internals/requirements.md:");
        Faults.None(Requirements.Catalogue.GroupBy(id => id, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key), "More than once in docs/internals/requirements.md:");
    }
}
