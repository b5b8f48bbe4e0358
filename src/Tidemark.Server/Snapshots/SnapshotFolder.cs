using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Snapshots;

/// <summary>The files of snapshots and what is told of each, beside it. A file is written under another name and moved when it is whole; nobody opens it as a database afterwards.</summary>
internal sealed class SnapshotFolder(string path)
{
    private const int KeptMax = 2;
    private const string About = ".json";
    private const string Data = ".db";
    private const string New = ".new";

    /// <summary>The newest one of a space; null: none.</summary>
    public (SnapshotManifest Manifest, string Path)? Find(SpaceId space)
    {
        foreach (var about in Abouts(space))
        {
            var file = about[..^About.Length] + Data;
            if (Read(about) is { } manifest && new FileInfo(file) is { Exists: true } data && data.Length == manifest.Bytes)
            {
                return (manifest, file);
            }
        }

        return null;
    }

    /// <summary>Where a new one is written.</summary>
    public string NewPath(SpaceId space)
    {
        Directory.CreateDirectory(path);
        var file = Path.Combine(path, NameOf(space) + New);
        File.Delete(file);
        return file;
    }

    /// <summary>It is whole: keeps it, and forgets all but the newest ones.</summary>
    public (SnapshotManifest Manifest, string Path) Keep(SpaceId space, string written, SnapshotManifest manifest)
    {
        var name = Path.Combine(path, $"{NameOf(space)}-{manifest.Mark!.Position:d19}");
        var whole = manifest with { Bytes = new FileInfo(written).Length, ETag = $"{manifest.Mark.Position}-{manifest.Mark.Token[..8]}-{manifest.ModelHash![..8]}" };
        File.Move(written, name + Data, overwrite: true);
        File.WriteAllBytes(name + New, JsonSerializer.SerializeToUtf8Bytes(whole, WireJson.Default.SnapshotManifest));
        File.Move(name + New, name + About, overwrite: true);
        foreach (var old in Abouts(space).Skip(KeptMax))
        {
            File.Delete(old);
            File.Delete(old[..^About.Length] + Data); // Whoever reads it now reads on.
        }

        return (whole, name + Data);
    }

    /// <summary>What may be told of a trouble with a space's files: not whose they are.</summary>
    public static string WithoutNames(string message, SpaceId space) => message.Replace(NameOf(space), "...", StringComparison.Ordinal);

    // A machine that lost its power may have left half of it.
    private static SnapshotManifest? Read(string about)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(about), WireJson.Default.SnapshotManifest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private string[] Abouts(SpaceId space) => Directory.Exists(path) ? [.. Directory.GetFiles(path, NameOf(space) + "-*" + About).OrderDescending(StringComparer.Ordinal)] : [];

    private static string NameOf(SpaceId space) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(space.Value)))[..32];
}
