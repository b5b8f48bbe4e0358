namespace Tidemark.Benchmarks.Running;

/// <summary>A folder of its own that is gone with the benchmark. It lies where TIDEMARK_BENCH_DIR says, else in the temporary folder: durability FULL means nothing on a file system in memory.</summary>
internal sealed class Scratch : IDisposable
{
    private int _next;

    public Scratch()
    {
        var parent = Environment.GetEnvironmentVariable("TIDEMARK_BENCH_DIR") ?? Path.GetTempPath();
        Root = Path.Combine(parent, "tidemark-bench-" + Guid.NewGuid().ToString("N")[..8]);
        Directory.CreateDirectory(Root);
    }

    public string Root { get; }

    /// <summary>A path that nothing has used yet.</summary>
    public string File(string name) => Path.Combine(Root, $"{++_next}-{name}");

    public string Folder(string name) => Directory.CreateDirectory(File(name)).FullName;

    /// <summary>A copy of a database that no connection has open.</summary>
    public string CopyOf(string database)
    {
        var copy = File(Path.GetFileName(database));
        System.IO.File.Copy(database, copy);
        return copy;
    }

    /// <summary>Removes a database with its companions.</summary>
    public static void Delete(string database)
    {
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            System.IO.File.Delete(database + suffix);
        }
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
