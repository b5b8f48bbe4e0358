namespace Tidemark.Client.Environment;

/// <summary>Tells of writes in a database file's folder, by the operating system. The file itself is not opened: that would drop SQLite's locks when it is closed.</summary>
internal sealed class FolderWatch : IDisposable
{
    private readonly FileSystemWatcher _watcher;

    private FolderWatch(string file, Action changed)
    {
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(file)!, Path.GetFileName(file) + "*") { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.FileName };
        _watcher.Changed += (_, _) => changed();
        _watcher.Created += (_, _) => changed();
        _watcher.Renamed += (_, _) => changed();
        _watcher.Error += (_, _) => changed();
        _watcher.EnableRaisingEvents = true;
    }

    /// <returns>Null where the folder cannot be watched: no such service, or no more watches left.</returns>
    public static IDisposable? Start(string file, Action changed)
    {
        try
        {
            return new FolderWatch(file, changed);
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose() => _watcher.Dispose();
}
