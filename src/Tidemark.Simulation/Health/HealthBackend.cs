using System.Security.Cryptography;
using Tidemark.Client.Errors;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Blobs;
using Tidemark.Server.Health;
using Tidemark.Server.Leases;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>The real server's decisions on files: samples in one that is copied where a kill leaves it, blobs, the app's rows, and leases, of which there is one.</summary>
internal sealed class HealthBackend : IDisposable
{
    private static readonly Caller Person = new(new UserId(HealthRows.User), IsAdministrator: false);
    private static readonly Caller Somebody = new(new UserId("bob"), IsAdministrator: false);
    private readonly HealthRun _run;
    private readonly string _folder;
    private readonly Dice _dice;
    private readonly ServerEnvironment _environment;
    private readonly SqliteServerStore _rows;
    private readonly SyncServer _sync;
    private readonly BlobServer _blobs;
    private readonly ServerFront _front;
    private readonly string _rowsPath;
    private DiskWatch _watch = null!;
    private HealthServer _server = null!;
    private int _files;

    public HealthBackend(HealthRun run, string folder, Dice dice)
    {
        (_run, _folder, _dice) = (run, folder, dice);
        var random = dice.Fork();
        _environment = new ServerEnvironment
        {
            Time = new VirtualClock(run.Scheduler, static () => TimeSpan.Zero),
            RandomBytes = count =>
            {
                var bytes = new byte[count];
                random.Fill(bytes);
                return bytes;
            },
        };
        LeaseSamples = dice.Pick([0, 150, 300]);
        _rowsPath = Path.Combine(folder, "rows.db");
        _rows = SqliteServerStore.Open(_rowsPath, _environment);
        _sync = new SyncServer(_rows, _environment, new ServerOptions { Dev = true, Leases = new LeaseOptions { Samples = LeaseSamples, LeasesMax = 1, TimeMs = 2 * 3_600_000 } });
        _blobs = new BlobServer(new FileBlobs(Path.Combine(folder, "blobs")), new BlobOptions(), _environment);
        _front = new ServerFront(_sync, text => run.Violate("server", text));
        Samples = NextPath();
        Start();
    }

    /// <summary>The file with the samples.</summary>
    public string Samples { get; private set; }

    /// <summary>A batch of more carries a lease; 0: none does.</summary>
    public int LeaseSamples { get; }

    /// <summary>The next batch is killed before one of the server's statements.</summary>
    public bool IsDoomed { get; set; }

    public HealthBatchResponse Upsert(byte[] batch, string? lease)
    {
        if (IsDoomed)
        {
            IsDoomed = false;
            var next = NextPath();
            _watch.CrashIn(_dice.Skewed(_dice.Pick([30, 600])), () => FileSet.Copy(Samples, Samples = next));
        }

        try
        {
            var response = Answered(() => _server.UpsertAsync(Person with { Lease = lease }, batch, CancellationToken.None));
            _watch.NoCrash();
            return response;
        }
        catch (SimulatedCrashException)
        {
            _run.Say("server", "is killed");
            _run.Met("server killed");
            _watch.CloseAll();
            Start();
            throw new SyncException(SyncErrorCode.NetworkError, "The connection broke.", retryable: true);
        }
    }

    public HealthDigests Digests(string type) => Answered(() => _server.GetDigestsAsync(Person, new HealthQuery(type, 0, long.MaxValue / 2), CancellationToken.None));

    public LeaseResponse AskLease(LeaseRequest request) => Answered(() => _sync.AskLeaseAsync(Person, request, CancellationToken.None));

    public LeaseResponse RenewLease(string id) => Answered(() => _sync.RenewLeaseAsync(Person, id, CancellationToken.None));

    public LeaseReleased ReleaseLease(string id) => Answered(() => _sync.ReleaseLeaseAsync(Person, id, CancellationToken.None));

    /// <summary>What syncing of the app's rows is answered.</summary>
    public WireReply Handle(WireRequest request) => _front.Handle(request);

    /// <summary>The app's rows, when any phone has brought their model.</summary>
    public IReadOnlyList<WorkoutRow> Rows()
    {
        using var db = SqliteFile.Open(_rowsPath, new OpenOptions { QueryOnly = true });
        return db.Query("SELECT 1 FROM sqlite_schema WHERE name = 'events'").Count == 0 ? [] : HealthRows.Read(db);
    }

    /// <summary>Bulk work of somebody else is under way.</summary>
    public void HoldLease()
    {
        try
        {
            _sync.AskLeaseAsync(Somebody, new LeaseRequest { DeviceId = "tablet" }, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (ServerException)
        {
            // A phone has it.
        }
    }

    /// <summary>The digest of what is there under that name; null: nothing.</summary>
    public string? BlobOf(string sha256)
    {
        using var bytes = _blobs.OpenAsync(Person, sha256, CancellationToken.None).GetAwaiter().GetResult();
        return bytes is null ? null : Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    public string CreateBlob(string sha256, long length) => Answered(() => Task.FromResult(_blobs.Create(Person, length, sha256))).Id;

    public long? BlobOffset(string upload) => Answered(() => _blobs.FindUploadAsync(Person, upload, CancellationToken.None))?.Offset;

    public long? AppendBlob(string id, long offset, byte[] piece)
    {
        if (Answered(() => _blobs.FindUploadAsync(Person, id, CancellationToken.None)) is not { } upload || upload.Offset != offset)
        {
            return BlobOffset(id);
        }

        using var body = new MemoryStream(piece);
        return Answered(() => _blobs.AppendAsync(Person, upload, body, checksum: null, CancellationToken.None)) switch
        {
            BlobAppend.Complete => upload.Length,
            BlobAppend.Kept => offset + piece.Length,
            _ => null,
        };
    }

    public void Dispose()
    {
        _watch.CloseAll();
        _sync.Dispose();
        _rows.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    // As the wire says it.
    private static T Answered<T>(Func<Task<T>> ask)
    {
        try
        {
            return ask().GetAwaiter().GetResult();
        }
        catch (ServerException e)
        {
            var code = e.Problem.Code switch
            {
                ErrorCodes.LeaseDenied => SyncErrorCode.RateLimited,
                ErrorCodes.LeaseLost => SyncErrorCode.LeaseLost,
                _ => SyncErrorCode.ServerUnavailable,
            };
            throw new SyncException(code, e.Problem.Detail ?? e.Problem.Code, e.Problem.Retryable) { WireCode = e.Problem.Code, RetryAfter = e.Problem.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null };
        }
    }

    private void Start()
    {
        _watch = new DiskWatch(new VirtualClock(_run.Scheduler, static () => TimeSpan.Zero));
        _server = new HealthServer(SqliteHealthStore.Open(Samples, _watch), _environment, _sync);
    }

    private string NextPath() => Path.Combine(_folder, FormattableString.Invariant($"health-{++_files}.db"));
}
