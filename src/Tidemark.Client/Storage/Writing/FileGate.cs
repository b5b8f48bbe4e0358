namespace Tidemark.Client.Storage.Writing;

/// <summary>
/// Who of this process writes a file now: the app's queue, or a run of the engine. Both take it around a transaction that one thread begins and ends,
/// never across a wait for the network, so that neither waits at SQLite's lock, which is asked in steps and may be given to anybody.
/// </summary>
internal sealed class FileGate
{
    // Then SQLite's own lock decides, with its own limit: a work that waits for the one that holds the gate must not wait for ever.
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);
    private static readonly Lock Registry = new();
    private static readonly Dictionary<string, WeakReference<FileGate>> Gates = new(
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);

    private readonly Lock _lock = new();

    /// <summary>The one gate of a file in this process.</summary>
    /// <param name="file">Its canonical path.</param>
    public static FileGate Of(string file)
    {
        lock (Registry)
        {
            if (Gates.TryGetValue(file, out var known) && known.TryGetTarget(out var gate))
            {
                return gate;
            }

            foreach (var gone in Gates.Where(g => !g.Value.TryGetTarget(out _)).Select(g => g.Key).ToArray())
            {
                Gates.Remove(gone);
            }

            gate = new FileGate();
            Gates[file] = new WeakReference<FileGate>(gate);
            return gate;
        }
    }

    /// <summary>Waits for its turn; the thread that disposes what is returned is the one that got it.</summary>
    public Turn Enter() => new(_lock.TryEnter(WaitMax) ? _lock : null);

    internal readonly struct Turn(Lock? held) : IDisposable
    {
        public void Dispose() => held?.Exit();
    }
}
