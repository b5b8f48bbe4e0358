using System.IO.Compression;
using System.Text;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple;

/// <summary>
/// An Apple Health export: the zip as the phone makes it, the folder it unpacks to, or its export.xml. Files are found by what they begin with, because
/// their names are in the phone's language. Nothing is unpacked to disk.
/// </summary>
public sealed class AppleHealthExport : IDisposable
{
    private const int SniffBytes = 64 * 1024;
    private readonly ZipArchive? _zip;
    private readonly FileStream? _file;
    private readonly ExportLimits _limits;
    private readonly Func<Stream> _openXml;
    private readonly List<(string Name, Func<Stream> Open)> _ecgs = [];
    private readonly Dictionary<string, (Func<Stream> Open, long BytesMax)> _routes = new(StringComparer.OrdinalIgnoreCase);

    private AppleHealthExport(ZipArchive? zip, FileStream? file, ExportLimits limits, Func<Stream> openXml, long xmlBytes, string fingerprint)
    {
        _zip = zip;
        _file = file;
        _limits = limits;
        _openXml = openXml;
        XmlBytes = xmlBytes;
        Fingerprint = fingerprint;
    }

    /// <summary>Bytes of export.xml.</summary>
    public long XmlBytes { get; }

    /// <summary>Says whether two paths hold the same export, well enough to go on with a half-read one.</summary>
    public string Fingerprint { get; }

    public IReadOnlyList<string> EcgNames => [.. _ecgs.Select(e => e.Name)];

    /// <exception cref="HealthExportException">It is none, or breaks a limit.</exception>
    public static AppleHealthExport Open(string path, ExportLimits? limits = null)
    {
        limits ??= new ExportLimits();
        if (Directory.Exists(path))
        {
            return OpenFolder(path, limits);
        }

        var file = OpenFile(path);
        try
        {
            Span<byte> magic = stackalloc byte[4];
            var isZip = file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.StartsWith("PK"u8);
            file.Position = 0;
            if (isZip)
            {
                return OpenZip(file, path, limits);
            }

            using (file)
            {
                return IsExport(file)
                    ? new AppleHealthExport(null, null, limits, () => OpenFile(path), file.Length, $"{Path.GetFileName(path)}:{file.Length}")
                    : throw new HealthExportException($"{path} is no Apple Health export: neither a zip nor an XML file with HealthData near its beginning.");
            }
        }
        catch (InvalidDataException e)
        {
            file.Dispose();
            throw new HealthExportException($"{path} is a damaged zip: {e.Message} Copy it from the phone again.", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>export.xml from its beginning, never more than the limits allow.</summary>
    public Stream OpenXml() => new BoundedStream(_openXml(), "export.xml", _limits.XmlBytesMax, _zip is null ? long.MaxValue : Math.Max(1 << 20, CompressedBytes * _limits.InflationMax));

    /// <summary>The text of an ECG file; null when it is larger than any real one.</summary>
    public string? ReadEcg(string name)
    {
        var (_, open) = _ecgs.Find(e => e.Name == name);
        using var text = ReadWhole(open, _limits.EcgBytesMax);
        return text is null ? null : Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    /// <summary>The file that a route's path names, by its last part: the folders before it are in the phone's language.</summary>
    public bool HasRoute(string path) => _routes.ContainsKey(LastOf(path));

    /// <summary>The bytes of a route's file; null when it is damaged, or larger than any real one.</summary>
    public byte[]? ReadRoute(string path)
    {
        var (open, bytesMax) = _routes[LastOf(path)];
        try
        {
            using var bytes = ReadWhole(open, bytesMax);
            return bytes?.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _zip?.Dispose();
        _file?.Dispose();
    }

    private long CompressedBytes { get; init; }

    private static AppleHealthExport OpenZip(FileStream file, string path, ExportLimits limits)
    {
        var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true, Encoding.UTF8);
        if (zip.Entries.Count > limits.EntriesMax)
        {
            throw new HealthExportException($"{path} has {zip.Entries.Count} entries; at most {limits.EntriesMax} are read.");
        }

        // Names only choose what is looked into; no path of an archive ever becomes a path on disk.
        var candidates = zip.Entries.Where(e => !e.FullName.StartsWith("__MACOSX", StringComparison.OrdinalIgnoreCase) && !e.Name.StartsWith("._", StringComparison.Ordinal));
        var xml = candidates.Where(e => e.Name.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)).OrderByDescending(e => e.Length).FirstOrDefault(e => Sniff(e, IsExport))
            ?? throw new HealthExportException($"{path} holds no file that begins like an Apple Health export (HealthData).");
        var export = new AppleHealthExport(zip, file, limits, xml.Open, xml.Length, $"{xml.Length}:{xml.Crc32:x8}") { CompressedBytes = xml.CompressedLength };
        foreach (var entry in candidates.Where(e => e.Name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            if (Sniff(entry, EcgFile.LooksLikeOne))
            {
                export._ecgs.Add((entry.FullName, entry.Open));
            }
        }

        foreach (var entry in candidates.Where(e => IsRoute(e.Name)).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            export._routes.TryAdd(LastOf(entry.FullName), (entry.Open, Math.Min(limits.RouteBytesMax, Math.Max(1 << 20, entry.CompressedLength * limits.InflationMax))));
        }

        return export;
    }

    private static AppleHealthExport OpenFolder(string path, ExportLimits limits)
    {
        var files = Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).Take(limits.EntriesMax)
            .Where(f => !Path.GetFileName(f).StartsWith("._", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        var xml = files.Where(f => f.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)).OrderByDescending(f => new FileInfo(f).Length).FirstOrDefault(f => SniffFile(f, IsExport))
            ?? throw new HealthExportException($"{path} holds no file that begins like an Apple Health export (HealthData).");
        var length = new FileInfo(xml).Length;
        var export = new AppleHealthExport(null, null, limits, () => OpenFile(xml), length, $"{Path.GetFileName(xml)}:{length}");
        foreach (var file in files.Where(f => f.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) && SniffFile(f, EcgFile.LooksLikeOne)))
        {
            export._ecgs.Add((Path.GetRelativePath(path, file), () => OpenFile(file)));
        }

        foreach (var file in files.Where(IsRoute))
        {
            export._routes.TryAdd(Path.GetFileName(file), (() => OpenFile(file), limits.RouteBytesMax));
        }

        return export;
    }

    private static MemoryStream? ReadWhole(Func<Stream> open, long bytesMax)
    {
        using var stream = open();
        var bytes = new MemoryStream();
        var buffer = new byte[81_920];
        while (stream.Read(buffer) is var read and > 0)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > bytesMax)
            {
                bytes.Dispose();
                return null;
            }
        }

        return bytes;
    }

    private static bool IsRoute(string name) => name.EndsWith(".gpx", StringComparison.OrdinalIgnoreCase);

    private static string LastOf(string path) => path[(path.LastIndexOfAny(['/', '\\']) + 1)..];

    private static bool Sniff(ZipArchiveEntry entry, Func<Stream, bool> isOne)
    {
        using var stream = entry.Open();
        return isOne(stream);
    }

    private static bool SniffFile(string path, Func<Stream, bool> isOne)
    {
        using var stream = OpenFile(path);
        return isOne(stream);
    }

    private static bool IsExport(Stream stream)
    {
        var head = new byte[SniffBytes];
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return head.AsSpan(0, length).IndexOf("<HealthData"u8) >= 0;
    }

    private static FileStream OpenFile(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
}
