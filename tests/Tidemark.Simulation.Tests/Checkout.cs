namespace Tidemark.Simulation.Tests;

/// <summary>The sources that these tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Tidemark.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("No Tidemark.slnx above the tests.");
        }

        return folder.FullName;
    }
}
