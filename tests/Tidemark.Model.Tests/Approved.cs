using System.Runtime.CompilerServices;
using Xunit;

namespace Tidemark.Model.Tests;

/// <summary>Text files that a test compares and, when TIDEMARK_APPROVE is set to 1, writes anew.</summary>
internal static class Approved
{
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

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
