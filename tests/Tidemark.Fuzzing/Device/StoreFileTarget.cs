using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Server;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Fuzzing.Device;

/// <summary>
/// A synced device file with bytes flipped, pages zeroed, moved or cut off, or another file's WAL. It opens and the doctor finds
/// nothing and every row is there; or the doctor, or a typed exception, says what is wrong. Rows never go silently.
/// </summary>
public sealed class StoreFileTarget : IFuzzTarget
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;
    private readonly byte[] _file;
    private readonly byte[] _wal;
    private readonly List<string> _rows;

    public StoreFileTarget()
    {
        var path = Path.Combine(_folder, "template.db");
        DeviceFile.Make(path, Offline());
        Sync(path);
        using (var connection = SqliteFile.Open(path, new OpenOptions { Checkpoints = true }))
        {
            connection.Run("PRAGMA wal_checkpoint(TRUNCATE)");
        }

        _file = File.ReadAllBytes(path);
        _rows = DeviceFile.Dump(path);
        _wal = WalOfAnother();
    }

    public string Name => "store-file";

    public IReadOnlyList<byte[]> Seeds { get; } = [[], .. Enumerable.Range(0, 10).Select(i => Damage.Make(new FuzzDice(i)))];

    public byte[]? Make(FuzzDice dice) => Damage.Make(dice);

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => Damage.Vary(input, other, dice);

    public string Run(byte[] input)
    {
        var path = Path.Combine(_folder, "run.db");
        foreach (var old in Directory.GetFiles(_folder, "run.db*"))
        {
            File.Delete(old);
        }

        var (file, wal) = Damage.Apply(input, _file, _wal);
        File.WriteAllBytes(path, file);
        if (wal is not null)
        {
            File.WriteAllBytes(path + "-wal", wal);
        }

        try
        {
            return Examine(path);
        }
        catch (StoreException e)
        {
            return "store " + e.Trouble;
        }
        catch (Exception e) when (e is SyncException or ModelException)
        {
            return Shapes.Of(e);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Examine(string path)
    {
        var environment = Offline();
        var store = LocalStore.Open(path, new StoreOptions(), environment);
        try
        {
            var report = new StoreDoctor(store, environment).ExamineAsync(repair: false, default).GetAwaiter().GetResult();
            var findings = report.Findings.Where(f => f.Code != FindingCodes.LibraryOld).Select(f => f.Code).Distinct().Order(StringComparer.Ordinal).ToList();
            if (findings.Count == 0 && !DeviceFile.Dump(path).SequenceEqual(_rows))
            {
                throw new FindingException("The doctor finds nothing and rows are not as they were.");
            }

            _ = new StoreInspector(store).Status();
            _ = new StoreInspector(store).Outbox(100);
            using var remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1/"), _ => Task.FromResult("ann"), environment);
            using var service = new DataSyncService(store, remote, new SyncOptions { LockWait = TimeSpan.Zero }, environment);
            var run = service.SyncAsync(SyncMode.Full, "fuzz").GetAwaiter().GetResult();
            return string.Join(' ', findings) + " " + run.Error?.Code;
        }
        finally
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static SyncEnvironment Offline() => DeviceFile.Environment((_, _) => throw new HttpRequestException("offline"));

    private static void Sync(string path)
    {
        FuzzServer? server = null;
        var environment = DeviceFile.Environment((request, body) => Answers.Ask(server!.Sync, "ann", request, body));
        var store = LocalStore.Open(path, new StoreOptions(), environment);
        try
        {
            server = new FuzzServer(store.Model);
            using var remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1/"), _ => Task.FromResult("ann"), environment);
            using var service = new DataSyncService(store, remote, new SyncOptions(), environment);
            for (var i = 0; i < 3; i++)
            {
                if (service.SyncAsync(SyncMode.Full, "fuzz").GetAwaiter().GetResult().Error is { } error)
                {
                    throw error;
                }
            }
        }
        finally
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            server?.Dispose();
        }
    }

    private byte[] WalOfAnother()
    {
        var path = Path.Combine(_folder, "other.db");
        using var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true });
        connection.Run("CREATE TABLE t(a)");
        connection.Run("INSERT INTO t VALUES(zeroblob(9000))");
        using var stream = new FileStream(path + "-wal", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
