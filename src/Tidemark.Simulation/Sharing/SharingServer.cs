using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Sqlite;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Sharing;

/// <summary>The server of those who share: real decisions on a real file, which can be killed and set back to a backup.</summary>
internal sealed class SharingServer : IDisposable
{
    private readonly SharingRun _run;
    private readonly string _folder;
    private readonly Dice _random;
    private readonly List<string> _backups = [];
    private readonly Dice? _tears;
    private int _files;
    private VirtualClock _clock = null!;
    private DiskWatch _watch = null!;
    private SyncServer _server = null!;
    private ServerFront _front = null!;

    public SharingServer(SharingRun run, string folder, Dice random)
    {
        (_run, _folder, _random) = (run, folder, random);
        _tears = run.HasCatalog ? random.Fork() : null;
        Path = NextPath();
        Start();
    }

    public string Path { get; private set; }

    private string Snapshots => System.IO.Path.Combine(_folder, "snapshots");

    public bool HasBackup => _backups.Count > 0;

    /// <summary>What the server answers; null when it is killed over it. It is back at once.</summary>
    public WireReply? Handle(WireRequest request)
    {
        try
        {
            return _front.Handle(request);
        }
        catch (SimulatedCrashException)
        {
            _run.Met("server-crash");
            _run.Say("server", "is killed and back");
            Stop();
            TearSnapshot();
            Start();
            return null;
        }
    }

    public T Ask<T>(string user, Func<SyncServer, Caller, Task<T>> ask, bool isAdministrator = false)
    {
        _watch.NoCrash();
        return ask(_server, new Caller(new UserId(user), isAdministrator)).GetAwaiter().GetResult();
    }

    /// <summary>From now on the server's writes meet this trouble with that chance, those of snapshot files too.</summary>
    public void Trouble(StoreTrouble trouble, double chance, Dice dice) => _watch.Trouble(trouble, chance, dice);

    public void NoTrouble() => _watch.NoTrouble();

    /// <summary>The process ends before the n-th statement from now.</summary>
    public void CrashIn(long statements) => _watch.CrashIn(statements, () =>
    {
        var next = NextPath();
        FileSet.Copy(Path, next);
        Path = next;
    });

    public void NoCrash() => _watch.NoCrash();

    public void Backup()
    {
        var backup = NextPath();
        FileSet.Copy(Path, backup);
        _backups.Add(backup);
    }

    /// <summary>Back to one of the last three backups; what was committed since is gone.</summary>
    public void Restore(int which)
    {
        Stop();
        Path = NextPath();
        FileSet.Copy(_backups[^(1 + (which % Math.Min(3, _backups.Count)))], Path);
        Start();
    }

    public List<(string Space, string Id, string Line)> Rows()
    {
        using var db = SqliteFile.Open(Path, new OpenOptions { QueryOnly = true });
        return db.Query("SELECT name FROM sqlite_schema WHERE name = 'item'").Count == 0 ? []
            : db.Query($"SELECT space_id, id, line FROM ({_run.Lines("space_id")})").ConvertAll(r => (r[0].AsText, r[1].AsText, r[2].AsText));
    }

    /// <summary>Who is a member of which shared space, or with no role was one.</summary>
    public List<(string Space, string User, string? Role)> Members()
    {
        using var db = SqliteFile.Open(Path, new OpenOptions { QueryOnly = true });
        return db.Query("SELECT space_id, user_id, nullif(role, 'removed') FROM _tm_member ORDER BY 1, 2")
            .ConvertAll(r => (r[0].AsText, r[1].AsText, r[2].IsNull ? null : r[2].AsText))
            .FindAll(m => !m.Item1.StartsWith(SpaceNames.OwnPrefix, StringComparison.Ordinal) && !SpaceNames.IsCatalog(m.Item1));
    }

    public void Dispose() => Stop();

    private void Start()
    {
        _clock = new VirtualClock(_run.Scheduler, static () => TimeSpan.Zero);
        _watch = new DiskWatch(_clock);
        var environment = new ServerEnvironment
        {
            Time = _clock,
            RandomBytes = count =>
            {
                var bytes = new byte[count];
                _random.Fill(bytes);
                return bytes;
            },
        };
        _server = _run.HasCatalog
            ? new SyncServer(SqliteServerStore.Open(Path, environment, _watch), environment, new ServerOptions { Dev = true, SnapshotFolder = Snapshots, SnapshotRowsMin = 3, SnapshotChangesMax = 4 }, snapshots: new SqliteSnapshotWriter(_watch))
            : new SyncServer(SqliteServerStore.Open(Path, environment, _watch), environment, new ServerOptions { Dev = true });
        _front = new ServerFront(_server, text => _run.Violate("server", text));
    }

    // The machine may have lost its power, and with it the end of the file that was written last.
    private void TearSnapshot()
    {
        if (_tears is { } dice && dice.Chance(0.3) && FileSet.CutNewest(Snapshots, dice.Pick([".db", ".json"]), dice.Below(100)))
        {
            _run.Met("snapshot-torn");
        }
    }

    private void Stop()
    {
        _clock.Ended = true;
        _server.Dispose();
        _watch.CloseAll();
    }

    private string NextPath() => System.IO.Path.Combine(_folder, FormattableString.Invariant($"server-{++_files}.db"));
}
