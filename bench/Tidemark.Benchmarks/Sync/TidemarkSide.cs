using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Floor;
using Tidemark.Benchmarks.LocalWrites;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Benchmarks.Sync;

/// <summary>The same measurements as <see cref="FloorSide"/>, with the real client and the real server. All rows come from a first device that pushed them.</summary>
internal sealed class TidemarkSide : IAsyncDisposable
{
    private readonly Scratch _scratch;
    private readonly TidemarkBackend _backend;
    private readonly TidemarkDevice _origin;
    private readonly int _rows;
    private TidemarkDevice? _synced;
    private int _nextNew;
    private int _nextChanged;

    private TidemarkSide(Scratch scratch, TidemarkBackend backend, TidemarkDevice origin, int rows)
    {
        _scratch = scratch;
        _backend = backend;
        _origin = origin;
        _rows = rows;
        _nextNew = rows;
    }

    public static async Task<TidemarkSide> StartAsync(Scratch scratch, int rows, CancellationToken cancel)
    {
        var backend = await TidemarkBackend.StartAsync(scratch.Folder("server"));
        var origin = new TidemarkDevice(scratch.File("origin.db"), backend.Address, backend.Token);
        BenchTable.Insert(origin.App, BenchRow.Range(0, rows));
        await origin.SyncAsync(SyncMode.Full, cancel);
        return new TidemarkSide(scratch, backend, origin, rows);
    }

    public async Task<double> PullAllAsync(CancellationToken cancel)
    {
        var path = _scratch.File("new.db");
        double time;
        await using (var device = new TidemarkDevice(path, _backend.Address, _backend.Token))
        {
            time = await SideBySide.TimeAsync(() => device.SyncAsync(SyncMode.Full, cancel));
            Expect("pulled", _rows, device.Rows);
        }

        Scratch.Delete(path);
        return time;
    }

    public async Task<double> PushAsync(int rows, CancellationToken cancel)
    {
        var path = _scratch.File("push.db");
        CapturedFile.Create(path, 0);
        double time;
        await using (var device = new TidemarkDevice(path, _backend.Address, _backend.Token))
        {
            await device.SyncAsync(SyncMode.PushOnly, cancel);
            BenchTable.Insert(device.App, BenchRow.Range(_nextNew, rows));
            _nextNew += rows;
            SyncReport? report = null;
            time = await SideBySide.TimeAsync(async () => report = await device.SyncAsync(SyncMode.PushOnly, cancel));
            Expect("pushed", rows, report!.Push.Accepted);
        }

        Scratch.Delete(path);
        return time;
    }

    /// <summary>Milliseconds of a whole run that finds rows another device changed.</summary>
    public async Task<double> PullChangedAsync(int rows, CancellationToken cancel)
    {
        var device = await SyncedAsync(cancel);
        _origin.Edit(NextChanged(rows));
        await _origin.SyncAsync(SyncMode.Full, cancel);
        SyncReport? report = null;
        var time = await SideBySide.TimeAsync(async () => report = await device.SyncAsync(SyncMode.Full, cancel));
        Expect("pulled", rows, report!.Pull.Applied);
        return time;
    }

    /// <summary>Milliseconds of a run that sends rows changed here and, being a whole run, asks for the changes of others.</summary>
    public async Task<double> PushChangedAsync(int rows, CancellationToken cancel)
    {
        var device = await SyncedAsync(cancel);
        device.Edit(NextChanged(rows));
        SyncReport? report = null;
        var time = await SideBySide.TimeAsync(async () => report = await device.SyncAsync(SyncMode.Full, cancel));
        Expect("pushed", rows, report!.Push.Accepted);
        return time;
    }

    public async Task<(double Ms, int Requests, int Writes)> RunIdleAsync(CancellationToken cancel)
    {
        var device = await SyncedAsync(cancel);
        using var other = new BareDatabase(_syncedPath);
        var version = other.Scalar("PRAGMA data_version");
        var wal = new FileInfo(_syncedPath + "-wal");
        var (length, written) = (wal.Length, wal.LastWriteTimeUtc);
        var requests = device.Requests;
        var time = await SideBySide.TimeAsync(() => device.SyncAsync(SyncMode.Full, cancel));
        wal.Refresh();
        var writes = other.Scalar("PRAGMA data_version") != version || wal.Length != length || wal.LastWriteTimeUtc != written ? 1 : 0;
        return (time, device.Requests - requests, writes);
    }

    public async ValueTask DisposeAsync()
    {
        if (_synced is not null)
        {
            await _synced.DisposeAsync();
        }

        await _origin.DisposeAsync();
        await _backend.DisposeAsync();
    }

    private string _syncedPath = "";

    private async Task<TidemarkDevice> SyncedAsync(CancellationToken cancel)
    {
        if (_synced is null)
        {
            _syncedPath = _scratch.File("synced.db");
            _synced = new TidemarkDevice(_syncedPath, _backend.Address, _backend.Token);
        }

        await _synced.SyncAsync(SyncMode.Full, cancel);
        return _synced;
    }

    private IEnumerable<BenchRow> NextChanged(int rows)
    {
        var first = _nextChanged;
        _nextChanged = (_nextChanged + rows) % _rows;
        return BenchRow.Range(first, rows).Select(r => r.Edited());
    }

    private static void Expect(string what, long wanted, long had)
    {
        if (had < wanted)
        {
            throw new InvalidOperationException($"Tidemark {what} {had} rows of {wanted}.");
        }
    }
}
