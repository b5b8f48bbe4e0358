using System.Runtime.InteropServices;
using SQLitePCL;

namespace Tidemark.Hosting;

/// <summary>
/// Makes this process use the system's SQLite library. Compiled into hosts and tests; the libraries leave the choice
/// of native SQLite to the app.
/// </summary>
internal static class SystemSqlite
{
    // The newest name first: Debian, then macOS, then Windows' own.
    private static readonly string[] Candidates = ["libsqlite3.so.0", "libsqlite3.dylib", "winsqlite3", "libsqlite3", "sqlite3"];
    private const int ConfigMemStatus = 9;
    private static readonly Lock Gate = new();
    private static bool _used;

    /// <summary>May be called any number of times, from any thread, before the first connection is opened.</summary>
    public static void Use()
    {
        lock (Gate)
        {
            if (_used)
            {
                return;
            }

            NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, (name, assembly, path) =>
                string.Equals(name, "e_sqlite3", StringComparison.Ordinal) ? Load() : IntPtr.Zero);
            raw.SetProvider(new SQLite3Provider_e_sqlite3());
            _ = raw.sqlite3_config(ConfigMemStatus, 0); // Nobody reads the statistics, and a lock around every allocation pays for them.
            _used = true;
        }
    }

    private static IntPtr Load()
    {
        // TIDEMARK_SQLITE names another build of the library, for instance one without the WAL reset bug.
        var chosen = Environment.GetEnvironmentVariable("TIDEMARK_SQLITE");
        if (!string.IsNullOrEmpty(chosen))
        {
            return NativeLibrary.Load(chosen);
        }

        foreach (var candidate in Candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
            {
                return handle;
            }
        }

        throw new DllNotFoundException("SQLite's library was not found. Install it (Debian: apt-get install libsqlite3-0) or name it in TIDEMARK_SQLITE.");
    }
}
