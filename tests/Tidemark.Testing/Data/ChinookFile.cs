using Xunit;

namespace Tidemark.Testing;

/// <summary>A database that nobody here wrote: 11 tables, 15,607 rows, integer and composite keys, a self reference.</summary>
public static class ChinookFile
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
            const string message = $"chinook.sqlite is missing: set {Variable} or put it in ../shared/data beside the repository.";
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
            var beside = Path.Combine(folder.FullName, "../shared/data/chinook.sqlite");
            if (File.Exists(Path.Combine(folder.FullName, "Tidemark.slnx")))
            {
                return File.Exists(beside) ? Path.GetFullPath(beside) : null;
            }
        }

        return null;
    }
}
