using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Floor;

/// <summary>A floor server that holds the rows, and a device for each measurement.</summary>
internal sealed class FloorSide : IAsyncDisposable
{
    /// <summary>Rows per page, as Tidemark's client asks for them.</summary>
    public const int PageRows = 5000;

    /// <summary>Rows per push, as Tidemark's client sends them.</summary>
    public const int BatchRows = 1000;

    private readonly Scratch _scratch;
    private readonly FloorServer _server;
    private readonly int _rows;
    private FloorClient? _synced;
    private int _nextNew;
    private int _nextChanged;

    private FloorSide(Scratch scratch, FloorServer server, int rows)
    {
        _scratch = scratch;
        _server = server;
        _rows = rows;
        _nextNew = rows;
    }

    public static async Task<FloorSide> StartAsync(Scratch scratch, int rows)
    {
        var server = await FloorServer.StartAsync(scratch.File("floor-server.db"));
        for (var first = 0; first < rows; first += BatchRows)
        {
            server.Put(BenchRow.Range(first, Math.Min(BatchRows, rows - first)));
        }

        return new FloorSide(scratch, server, rows);
    }

    /// <summary>Milliseconds of a first pull into an empty file.</summary>
    public async Task<double> PullAllAsync(CancellationToken cancel)
    {
        var path = _scratch.File("floor-new.db");
        double time;
        using (var device = new FloorClient(path, _server.Address))
        {
            time = await SideBySide.TimeAsync(() => device.PullAsync(PageRows, cancel));
            if (device.Rows < _rows)
            {
                throw new InvalidOperationException($"The floor pulled {device.Rows} rows of {_rows}.");
            }
        }

        Scratch.Delete(path);
        return time;
    }

    /// <summary>Milliseconds of the push of new rows; writing them is not measured.</summary>
    public async Task<double> PushAsync(int rows, CancellationToken cancel)
    {
        var path = _scratch.File("floor-push.db");
        double time;
        using (var device = new FloorClient(path, _server.Address))
        {
            device.Write(BenchRow.Range(_nextNew, rows));
            _nextNew += rows;
            time = await SideBySide.TimeAsync(() => device.PushAsync(BatchRows, cancel));
        }

        Scratch.Delete(path);
        return time;
    }

    /// <summary>Milliseconds to pull rows that somebody else changed.</summary>
    public async Task<double> PullChangedAsync(int rows, CancellationToken cancel)
    {
        var device = await SyncedAsync(cancel);
        _server.Put(BenchRow.Range(_nextChanged, rows).Select(r => r.Edited()));
        _nextChanged = (_nextChanged + rows) % _rows;
        return await SideBySide.TimeAsync(() => device.PullAsync(PageRows, cancel));
    }

    public async Task<double> PullNothingAsync(CancellationToken cancel)
    {
        var device = await SyncedAsync(cancel);
        return await SideBySide.TimeAsync(() => device.PullAsync(PageRows, cancel));
    }

    public async ValueTask DisposeAsync()
    {
        _synced?.Dispose();
        await _server.DisposeAsync();
    }

    private async Task<FloorClient> SyncedAsync(CancellationToken cancel)
    {
        _synced ??= new FloorClient(_scratch.File("floor-synced.db"), _server.Address);
        await _synced.PullAsync(PageRows, cancel);
        return _synced;
    }
}
