namespace Tidemark.EndToEnd.Tests.Chinook;

/// <summary>A database that nobody here wrote: 11 tables, 15,607 rows, integer and composite keys, a self reference.</summary>
internal static class ChinookFile
{
    public const int Tables = 11;
    public const int Rows = 15_607;

    private const string Variable = "TIDEMARK_CHINOOK";

    /// <summary>Copies the file; skips the test where there is none, except in CI, where that is a failure.</summary>
    public static string CopyTo(string path)
    {
        var source = Find();
        if (source is null)
        {
            const string message = $"chinook.sqlite is missing: set {Variable} or bring tests/fixtures/chinook.sqlite back.";
            Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), message);
            Assert.Skip(message);
        }

        File.Copy(source, path);
        File.SetAttributes(path, File.GetAttributes(path) & ~FileAttributes.ReadOnly);
        return path;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return File.Exists(named) ? named : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var fixture = Path.Combine(folder.FullName, "tests/fixtures/chinook.sqlite");
            if (File.Exists(fixture))
            {
                return fixture;
            }
        }

        return null;
    }
}
