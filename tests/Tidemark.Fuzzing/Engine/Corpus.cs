using System.Security.Cryptography;
using System.Text;

namespace Tidemark.Fuzzing.Engine;

/// <summary>The inputs that are kept: one small file for each way a target was seen to end.</summary>
public static class Corpus
{
    private const int FilesMax = 36;
    private const int FileBytesMax = 2048;

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<byte[]> Read(string target)
    {
        var folder = FolderOf(target);
        return Directory.Exists(folder) ? [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)] : [];
    }

    /// <summary>Keeps an input unless the target has enough, or it is large.</summary>
    public static void Keep(string target, string shape, byte[] input)
    {
        var folder = Directory.CreateDirectory(FolderOf(target)).FullName;
        var file = Path.Combine(folder, NameOf(shape));
        if (input.Length <= FileBytesMax && !File.Exists(file) && Directory.GetFiles(folder).Length < FilesMax)
        {
            File.WriteAllBytes(file, input);
        }
    }

    /// <summary>Findings are no corpus: they lie among the build's results until they are tests.</summary>
    public static string KeepFinding(string target, Finding finding)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Root, "artifacts", "fuzzing", target)).FullName;
        var file = Path.Combine(folder, NameOf(finding.Key));
        File.WriteAllBytes(file, finding.Input);
        File.WriteAllText(file + ".txt", finding.Message);
        return file;
    }

    private static string FolderOf(string target) => Path.Combine(Root, "tests", "Tidemark.Fuzzing", "Corpus", target);

    private static string NameOf(string shape) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(shape)))[..12];

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Tidemark.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("Not inside of a checkout.");
    }
}
