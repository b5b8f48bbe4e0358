using System.Diagnostics;

namespace Tidemark.House.Tests.Repository;

/// <summary>The files of this repository, named by their path from its root, with forward slashes.</summary>
internal static class Checkout
{
    private static readonly string[] NotOurs = [".git", "bin", "obj", "artifacts", "node_modules", ".cache", "TestResults", "BenchmarkDotNet.Artifacts"];

    public static string Root { get; } = FindRoot();

    /// <summary>What git tracks or would track; without git, every file outside of build folders.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. (GitFiles() ?? FolderFiles()).Where(IsOurs).Where(f => File.Exists(PathOf(f))).Order(StringComparer.Ordinal)];

    public static IReadOnlyList<string> CSharpFiles { get; } = [.. Files.Where(f => f.EndsWith(".cs", StringComparison.Ordinal))];

    public static string PathOf(string file) => Path.Combine(Root, file);

    public static string Read(string file) => File.ReadAllText(PathOf(file));

    public static bool Has(string file) => File.Exists(PathOf(file));

    /// <summary>"src/Tidemark.Client/Engines/X.cs" -> "Tidemark.Client".</summary>
    public static string ProjectOf(string file) => file.Split('/') is [_, var project, ..] ? project : string.Empty;

    private static bool IsOurs(string file) => !file.Split('/').Intersect(NotOurs, StringComparer.Ordinal).Any();

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Tidemark.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Tidemark.slnx above {AppContext.BaseDirectory}.");
    }

    private static string[]? GitFiles()
    {
        var start = new ProcessStartInfo("git", ["-c", "safe.directory=*", "-c", "core.quotePath=off", "ls-files", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = Root,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var git = Process.Start(start);
            var output = git!.StandardOutput.ReadToEnd();
            git.WaitForExit();
            var files = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return git.ExitCode == 0 && files.Length > 0 ? files : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no git here
        }
    }

    private static IEnumerable<string> FolderFiles() =>
        Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'));
}
