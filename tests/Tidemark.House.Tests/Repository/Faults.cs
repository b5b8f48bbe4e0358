namespace Tidemark.House.Tests.Repository;

internal static class Faults
{
    /// <summary>Fails with every fault on a line of its own.</summary>
    public static void None(IEnumerable<string> faults, string rule)
    {
        var all = faults.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        Assert.True(all.Count == 0, $"{rule}\n{string.Join('\n', all)}");
    }
}
