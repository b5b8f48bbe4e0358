namespace Tidemark.Simulation.Disk;

/// <summary>
/// A database as it lies on a simulated disk: the file and its write-ahead log. It is copied with plain reads, which no
/// program may do to a database that others have open; here nobody else has, and SQLite's locks within one process do
/// not hang on file descriptors.
/// </summary>
internal static class FileSet
{
    /// <summary>The state a killed process would leave behind at this moment.</summary>
    public static void Copy(string from, string to)
    {
        Delete(to);
        File.Copy(from, to);
        if (File.Exists(from + "-wal"))
        {
            File.Copy(from + "-wal", to + "-wal");
        }
    }

    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(path + "-wal");
        File.Delete(path + "-shm");
    }

    /// <summary>A database that was written and closed, and that nobody opens where it is.</summary>
    public static byte[] ReadClosed(string path) => File.ReadAllBytes(path);

    /// <summary>What a machine that lost its power may leave of the newest file of a folder: its first part.</summary>
    /// <returns>False: there is none.</returns>
    public static bool CutNewest(string folder, string ending, int share)
    {
        if (!Directory.Exists(folder) || Directory.GetFiles(folder, "*" + ending).Order(StringComparer.Ordinal).LastOrDefault() is not { } newest)
        {
            return false;
        }

        using var file = File.OpenWrite(newest);
        file.SetLength(file.Length * share / 100);
        return true;
    }

    public static long Bytes(string path) => new FileInfo(path).Length;

    public static long WalBytes(string path) => new FileInfo(path + "-wal") is { Exists: true } file ? file.Length : 0;
}
