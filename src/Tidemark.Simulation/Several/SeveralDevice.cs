using System.Globalization;
using System.Text.Json.Nodes;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Runs;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Several;

/// <summary>One device with several remotes.</summary>
internal sealed class SeveralDevice : WorldDevice
{
    private readonly SeveralRun _run;
    private readonly Dice _dice;
    private readonly TimeSpan _skew;
    private int _processes;

    public SeveralDevice(SeveralRun run, string name, SyncModel model, IReadOnlyList<ProgrammableRemote> sees, TimeSpan skew, string folder, Dice dice)
        : base(run, name, folder)
    {
        (_run, Sees, _skew, _dice) = (run, sees, skew, dice);
        KeepFile();
        Adopter.CreateEmpty(FilePath, model, MakeEnvironment());
        Open();
    }

    /// <summary>The remotes that it syncs with, in its order.</summary>
    public IReadOnlyList<ProgrammableRemote> Sees { get; }

    public SeveralRemotes Remotes { get; private set; } = null!;

    /// <summary>Has the engine taken up all that was edited?</summary>
    public bool HasTakenUp => !Store.EngineSession.Outbox.HasWork();

    private EntityType Type => Store.Model.Get("note");

    /// <summary>The process ends now, in the middle of a call of a remote.</summary>
    public void Kill()
    {
        KeepFile();
        Watch.End();
        throw new SimulatedCrashException();
    }

    public Value Scalar(string sql) => Read(sql)[0][0];

    public bool Has(string key) => Scalar($"SELECT count(*) FROM note WHERE id = '{key}'").AsInteger != 0;

    public IReadOnlyList<string> Rows() => [.. Read("SELECT id, title, body, secret, n, tags FROM note ORDER BY id").Select(r => string.Join('|', r.Select(v => v.ToString())))];

    /// <summary>What remotes are to show of the rows, by row and field.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string?>> Plain() => Read("SELECT id, title, body FROM note").ToDictionary(
        r => $"note\"{r[0].AsText}\"", IReadOnlyDictionary<string, string?> (r) => new Dictionary<string, string?>(StringComparer.Ordinal) { ["title"] = r[1].IsNull ? null : r[1].AsText, ["body"] = r[2].IsNull ? null : r[2].AsText }, StringComparer.Ordinal);

    /// <summary>The rows as they are joined, stamps and all.</summary>
    public IReadOnlyList<string> States() => [.. Joined().Select(r => Convert.ToHexString(RowStateJson.Write(r)))];

    /// <summary>Has the remote ever told it whose data it holds?</summary>
    public bool Knows(ProgrammableRemote remote) => Remotes.Read().Single(r => r.Name == remote.Name).User is not null;

    /// <summary>The person starts anew with whoever is signed in at the remote now.</summary>
    public void StartAnewWith(ProgrammableRemote remote) => Remotes.ResetAsync(remote.Name).GetAwaiter().GetResult();

    public void GiveKeys(KeyRing ring) => Remotes.AddKeysAsync(ring, null, MakeEnvironment()).GetAwaiter().GetResult();

    /// <summary>Is there a record of a conflict of the row that has this value, or of its deletion?</summary>
    public bool HasRecord(string key, string field, string written) => new StoreInspector(Store).Conflicts(int.MaxValue, onlyOpen: false)
        .Any(c => c.Key == $"\"{key}\"" && (c.IsServerDeleted || (c.Local is { } row && row[Type.OrdinalOf(field)] is { Kind: ValueKind.Text } value && value.AsText.Contains(written, StringComparison.Ordinal))));

    public StampsSeen Stamps()
    {
        var fields = new SortedDictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var row in Joined())
        {
            foreach (var name in SeveralTruth.Words)
            {
                var field = row.Fields[Type.OrdinalOf(name)];
                if (field.IsKnown)
                {
                    fields[$"{row.Key}.{name}"] = (field.Stamp.ToString(), field.Value.ToString());
                }
            }
        }

        return new StampsSeen(Name, fields);
    }

    /// <summary>How far it is with a remote; null: from the start, or in the middle of a listing, or with data that are no more.</summary>
    public ReachSeen? ReachOf(ProgrammableRemote remote)
    {
        var db = Store.EngineSession.Db;
        var backend = new BackendRepository(db).Find(remote.Name)!;
        if (PositionOf(remote, backend.Token) is not { } fetched)
        {
            return null;
        }

        var known = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (row, version) in db.Query(
            "SELECT type || key, max(CAST(version AS INTEGER)) FROM (SELECT type, key, version FROM _tm_shadow WHERE backend = ?1 UNION ALL SELECT type, key, version FROM _tm_quarantine WHERE backend = ?1 UNION ALL SELECT type, key, version FROM _tm_pulled WHERE backend = ?1) GROUP BY 1",
            s => (s.ColumnText(0)!, s.ColumnInt64(1)), Value.Integer(backend.Id)))
        {
            known[row] = version;
        }

        var unread = db.Query("SELECT CAST(version AS INTEGER) FROM _tm_quarantine WHERE backend = ?1 AND page >= 0", s => s.ColumnInt64(0), Value.Integer(backend.Id));
        return new ReachSeen(Name, remote.Name, fetched, PositionOf(remote, new QuarantineRepository(db).SafeToken(backend)) ?? -1, remote.Versions(), known, unread);
    }

    /// <summary>What it takes for the stamps that a remote shows, of rows of which it knows the version that is there, and what the remote shows.</summary>
    public ShadowsSeen ShadowsOf(ProgrammableRemote remote)
    {
        var session = Store.EngineSession;
        var (backend, book, versions, rows) = (new BackendRepository(session.Db).Find(remote.Name)!, new JoinBook(session), remote.Versions(), remote.Rows());
        var fields = new SortedDictionary<string, (string? Known, string? Shown)>(StringComparer.Ordinal);
        foreach (var key in book.ShadowKeys(backend.Id).Where(k => k.Type == Type.Name).Select(k => k.Key))
        {
            if (book.ReadShadow(backend.Id, Type, StoreSession.KeyFrom(Type, key)) is { IsMissing: false } shadow && versions.TryGetValue(Type.Name + key, out var version) && shadow.Version == version.ToString(CultureInfo.InvariantCulture))
            {
                var stamps = JsonNode.Parse(JsonNode.Parse(rows[Type.Name + key])![RemoteModel.StampsField]!.GetValue<string>())!;
                foreach (var name in SeveralTruth.Words)
                {
                    fields[$"{key}.{name}"] = (shadow.Fields[Type.OrdinalOf(name)] is { IsThere: true } field ? field.Stamp.ToString() : null, stamps[name]?[0]?.GetValue<string>());
                }
            }
        }

        return new ShadowsSeen(Name, remote.Name, fields);
    }

    /// <summary>Does it hold what that remote shows of a row in quarantine?</summary>
    public bool IsUnread(ProgrammableRemote remote, string type, string key) =>
        Read("SELECT b.name, q.type, q.key FROM _tm_quarantine AS q JOIN _tm_backend AS b ON b.id = q.backend").Exists(q => q[0].AsText == remote.Name && q[1].AsText == type && q[2].AsText == key);

    private static long? PositionOf(ProgrammableRemote remote, string? token) =>
        token?.Split(':') is { Length: 2 } parts && parts[0] == remote.Epoch.ToString(CultureInfo.InvariantCulture) ? long.Parse(parts[1], CultureInfo.InvariantCulture) : null;

    private List<JoinedRow> Joined() => new JoinBook(Store.EngineSession).ReadAllOf(Type);

    private SyncEnvironment MakeEnvironment()
    {
        Clock ??= NewClock();
        Watch ??= new DiskWatch(Clock);
        var (random, name) = (_dice.Fork(), $"sim/{Name}/{_processes}");
        return new SyncEnvironment
        {
            Time = Clock,
            Random = random.Fill,
            Transport = static () => throw new SimulatorException("These remotes are in memory."),
            ProcessName = name,
            IsAlive = other => other == name,
            Scheduler = InlineTasks.Instance,
            Statements = Watch,
        };
    }

    private VirtualClock NewClock() => new(_run.Scheduler, () => _run.Ahead + _skew);

    protected override void Open()
    {
        _processes++;
        Clock = NewClock();
        Watch = new DiskWatch(Clock);
        var environment = MakeEnvironment();
        Store = LocalStore.Open(FilePath, new StoreOptions { BusyTimeout = TimeSpan.Zero }, environment);
        Remotes = new SeveralRemotes(Store);
        if (!Remotes.IsInUse)
        {
            foreach (var remote in Sees)
            {
                Remotes.AddAsync(remote.Name, "memory:" + remote.Name).GetAwaiter().GetResult();
            }
        }

        var options = new SyncOptions { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 }, Automatic = { FollowsHints = false } };
        Service = new DataSyncService(Store, [.. Sees.Select(r => new NamedRemote(r.Name, r))], options, environment);
    }
}
