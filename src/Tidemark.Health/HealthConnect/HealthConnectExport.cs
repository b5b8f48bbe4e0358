using System.IO.Compression;
using System.Text;
using Microsoft.Data.Sqlite;
using Tidemark.Health.Importing;
using Tidemark.Sqlite;

namespace Tidemark.Health.HealthConnect;

/// <summary>
/// A Health Connect export: the zip as the phone makes it, or the SQLite database inside. SQLite reads files alone, so a zipped database is unpacked into a private
/// folder of the system's temporary ones, which is gone when this is disposed.
/// </summary>
public sealed class HealthConnectExport : IDisposable
{
    private static readonly byte[] Magic = Encoding.ASCII.GetBytes("SQLite format 3\0");
    private readonly DirectoryInfo? _unpacked;
    private readonly SqliteConnection? _connection;

    private HealthConnectExport(string path, ExportLimits limits)
    {
        var database = path;
        try
        {
            if (!IsDatabase(path))
            {
                _unpacked = Directory.CreateTempSubdirectory("tidemark-");
                database = Path.Combine(_unpacked.FullName, "export.db");
                Unpack(path, database, limits);
            }

            DatabaseBytes = new FileInfo(database).Length;

            // Whoever made the file does not get to run anything: tables are read, by statements of this program, and nothing in the schema is trusted.
            _connection = SqliteFile.Open(database, new OpenOptions { ReadOnly = true, ForeignKeys = false, QueryOnly = true });
            _connection.Run("PRAGMA trusted_schema=OFF");
            _connection.Run("PRAGMA cell_size_check=ON");
            Tables = ExportTable.In(_connection);
        }
        catch (Exception e)
        {
            Dispose();
            if (e is StoreException or InvalidDataException)
            {
                throw new HealthExportException($"{path} is damaged: {e.Message} Copy it from the phone again.", e);
            }

            throw;
        }

        if (Tables.Count == 0)
        {
            Dispose();
            throw new HealthExportException($"{path} holds a database, but none of Health Connect's: it has no table of records.");
        }
    }

    /// <summary>Bytes of the database.</summary>
    public long DatabaseBytes { get; }

    internal SqliteConnection Connection => _connection!;

    /// <summary>Every table of records, by name.</summary>
    internal IReadOnlyDictionary<string, ExportTable> Tables { get; }

    /// <summary>Whether a path looks like one: a database, or a zip with one in it. What is wrong with it, <see cref="Open"/> says.</summary>
    public static bool IsOne(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        if (IsDatabase(path))
        {
            return true;
        }

        try
        {
            using var file = OpenFile(path);
            using var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true, Encoding.UTF8);
            return DatabaseIn(zip) is not null;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    /// <exception cref="HealthExportException">It is none, or breaks a limit.</exception>
    public static HealthConnectExport Open(string path, ExportLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new HealthConnectExport(path, limits ?? new ExportLimits());
    }

    public void Dispose()
    {
        _connection?.Dispose();
        if (_unpacked is not null && Directory.Exists(_unpacked.FullName))
        {
            _unpacked.Delete(recursive: true);
        }
    }

    // Names only choose what is looked into; no path of an archive ever becomes a path on disk.
    private static void Unpack(string path, string database, ExportLimits limits)
    {
        using var file = OpenFile(path);
        using var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true, Encoding.UTF8);
        if (zip.Entries.Count > limits.EntriesMax)
        {
            throw new HealthExportException($"{path} has {zip.Entries.Count} entries; at most {limits.EntriesMax} are read.");
        }

        var entry = DatabaseIn(zip) ?? throw new HealthExportException($"{path} holds no SQLite database, as a Health Connect export does.");
        using var stream = new BoundedStream(entry.Open(), entry.Name, limits.DatabaseBytesMax, Math.Max(1 << 20, entry.CompressedLength * limits.InflationMax));
        using var unpacked = new FileStream(database, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        stream.CopyTo(unpacked);
    }

    private static ZipArchiveEntry? DatabaseIn(ZipArchive zip) => zip.Entries
        .Where(e => e.Length > Magic.Length && !e.FullName.StartsWith("__MACOSX", StringComparison.OrdinalIgnoreCase))
        .OrderByDescending(e => e.Length)
        .FirstOrDefault(static e =>
        {
            using var stream = e.Open();
            return BeginsAsDatabase(stream);
        });

    // Closed before SQLite opens the file. An export is no file that this process has open as its store.
    private static bool IsDatabase(string path)
    {
        using var file = OpenFile(path);
        return BeginsAsDatabase(file);
    }

    private static bool BeginsAsDatabase(Stream stream)
    {
        Span<byte> head = stackalloc byte[Magic.Length];
        return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.SequenceEqual(Magic);
    }

    private static FileStream OpenFile(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
}
