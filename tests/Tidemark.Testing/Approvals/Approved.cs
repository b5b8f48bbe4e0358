using Xunit;

namespace Tidemark.Testing.Approvals;

/// <summary>Text files that a test compares and, when TIDEMARK_APPROVE is set to 1, writes anew.</summary>
public static class Approved
{
    /// <param name="path">From the root of the checkout.</param>
    /// <param name="actual">What the file must hold.</param>
    public static void Same(string path, string actual)
    {
        var file = Path.Combine(Root(), path);
        if (Environment.GetEnvironmentVariable("TIDEMARK_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, actual);
        }

        var expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (expected == actual)
        {
            return;
        }

        var gone = expected.Split('\n').Except(actual.Split('\n'), StringComparer.Ordinal).Select(l => "- " + l);
        var come = actual.Split('\n').Except(expected.Split('\n'), StringComparer.Ordinal).Select(l => "+ " + l);
        Assert.Fail($"{path} is stale. When the change is meant, run these tests once with TIDEMARK_APPROVE=1.\n{string.Join('\n', gone.Concat(come))}");
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Tidemark.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests do not run inside of a checkout.");
    }
}
