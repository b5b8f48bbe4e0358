using Microsoft.Data.Sqlite;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Runs;

/// <summary>A device in a world of its own: the real client on a file that is copied where a kill leaves it.</summary>
internal abstract class WorldDevice(WorldRun run, string name, string folder) : IDisposable
{
    private static readonly TimeSpan RunTimeMax = TimeSpan.FromHours(6);
    private int _files;

    public string Name => name;

    public LocalStore Store { get; protected set; } = null!;

    /// <summary>Of its file.</summary>
    protected string FilePath { get; private set; } = "";

    protected VirtualClock Clock { get; set; } = null!;

    protected DiskWatch Watch { get; set; } = null!;

    protected DataSyncService Service { get; set; } = null!;

    /// <summary>What the app does, in one transaction of its own.</summary>
    public void Write(string sql, params ReadOnlySpan<Value> values)
    {
        using var db = App();
        db.Run(sql, values);
    }

    /// <summary>Several statements in one transaction.</summary>
    public void WriteAll(IEnumerable<string> statements)
    {
        using var db = App();
        db.Run("BEGIN IMMEDIATE");
        foreach (var sql in statements)
        {
            db.Run(sql);
        }

        db.Run("COMMIT");
    }

    public List<Value[]> Read(string sql)
    {
        using var db = App();
        return db.Query(sql);
    }

    /// <summary>One run; null when the process was killed in its middle.</summary>
    public SyncReport? Sync()
    {
        try
        {
            var task = Service.SyncAsync(SyncMode.Full, "simulation");
            if (!run.Scheduler.RunUntil(() => task.IsCompleted, run.Scheduler.Now + RunTimeMax.Ticks, static () => { }))
            {
                throw new SimulatorException($"{Name}: a run does not end.");
            }

            var report = task.GetAwaiter().GetResult();
            Watch.NoCrash();
            return report;
        }
        catch (SimulatedCrashException)
        {
            run.Met("kill");
            Restart();
            return null;
        }
    }

    /// <summary>The process ends before the n-th statement from now.</summary>
    public void KillIn(int statements) => Watch.CrashIn(statements, KeepFile);

    /// <summary>The app is started anew.</summary>
    public void Restart()
    {
        Close();
        Open();
    }

    public void Dispose() => Close();

    /// <summary>What a kill leaves: the process that was killed goes on with the former file.</summary>
    protected void KeepFile()
    {
        var former = FilePath;
        FilePath = NextPath();
        if (former.Length > 0)
        {
            FileSet.Copy(former, FilePath);
        }
    }

    protected abstract void Open();

    /// <summary>What the service has used, when it is gone.</summary>
    protected virtual void CloseRemotes()
    {
    }

    private void Close()
    {
        Clock.Ended = true;
        Service.Dispose();
        CloseRemotes();
        if (!Watch.Ended)
        {
            Store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        Watch.CloseAll();
    }

    private SqliteConnection App()
    {
        var db = SqliteFile.Open(FilePath, new OpenOptions());
        SqlClock.Install(db, Clock);
        return db;
    }

    private string NextPath() => Path.Combine(folder, FormattableString.Invariant($"{Name}-{++_files}.db"));
}
