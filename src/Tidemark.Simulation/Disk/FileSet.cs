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

    public static long Bytes(string path) => new FileInfo(path).Length;

    public static long WalBytes(string path) => new FileInfo(path + "-wal") is { Exists: true } file ? file.Length : 0;
}
