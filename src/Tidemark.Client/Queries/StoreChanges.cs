using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Queries;

/// <summary>
/// The one watcher of a store: notices every commit to its file, of this process at once, of others by SQLite's own counter. It runs while somebody watches;
/// idle, a look is one statement that reads no table.
/// </summary>
public sealed class StoreChanges : IAsyncDisposable
{
    private readonly string _path;
    private readonly SyncEnvironment _environment;
    private readonly StoreOptions _options;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Channel<bool>? _signals;
    private StoreState _state = new(StoreMark.None, 0);
    private SqliteConnection? _connection;
    private RawStatement? _version;
    private long _seenVersion;
    private ITimer? _timer;
    private Task _loop = Task.CompletedTask;
    private int _watchers;
    private bool _closed;

    internal StoreChanges(string path, SyncModel model, StoreOptions options, SyncEnvironment environment)
    {
        _path = path;
        _options = options;
        _environment = environment;
        Tables = model.Entities.ToDictionary(e => e.TableName, e => e.Name, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The synced tables, each with its entity type.</summary>
    internal IReadOnlyDictionary<string, string> Tables { get; }

    internal StoreState State => Volatile.Read(ref _state);

    /// <summary>How often the file was looked at so far.</summary>
    internal long Looks { get; private set; }

    /// <summary>
    /// Yields now, and after every commit to the file by anybody - the store's own writes and runs, other connections, other processes; those that come while the
    /// consumer is busy are one. The value says whether the commit noted changes that wait to be sent. Ends with the store.
    /// </summary>
    public async IAsyncEnumerable<bool> CommitsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var watch = await WatchAsync(cancellationToken).ConfigureAwait(false);
        var seen = State;
        yield return true;
        while (true)
        {
            await seen.Next.WaitAsync(cancellationToken).ConfigureAwait(false);
            var state = State;
            if (state.IsClosed)
            {
                yield break;
            }

            var hasNotes = state.Mark.LastSeq > seen.Mark.LastSeq;
            seen = state;
            yield return hasNotes;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        _closed = true;
        var loop = _loop;
        StopLoop();
        _turn.Release();
        await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var before = State;
        Volatile.Write(ref _state, new StoreState(before.Mark, before.Commits, isClosed: true));
        before.Pass();
        CloseConnection();
    }

    /// <summary>A commit of this process. Returns at once.</summary>
    internal void Committed() => Volatile.Read(ref _signals)?.Writer.TryWrite(true);

    /// <summary>Watches until the watch is disposed. When this returns, the state is that of now.</summary>
    internal async Task<IDisposable> WatchAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (_watchers == 0)
            {
                StopLoop();
                await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Look();
                StartLoop();
            }

            _watchers++;
            return new Watch(this);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void StartLoop()
    {
        // One signal is as good as many: a commit that comes during a look is one more look.
        var signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
        Volatile.Write(ref _signals, signals);
        _timer = _environment.Time.CreateTimer(static s => ((Channel<bool>)s!).Writer.TryWrite(true), signals, _options.LookEvery, _options.LookEvery);
        _loop = LoopAsync(signals);
        signals.Writer.TryWrite(true);
    }

    private void StopLoop()
    {
        _timer?.Dispose();
        _timer = null;
        Volatile.Read(ref _signals)?.Writer.TryComplete();
        Volatile.Write(ref _signals, null);
    }

    private async Task LoopAsync(Channel<bool> signals)
    {
        while (await signals.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            signals.Reader.TryRead(out _);
            try
            {
                Look();
            }
            catch (StoreException)
            {
                CloseConnection(); // Whoever reads the file learns of its trouble; the next look is on a new connection.
            }
        }
    }

    private void Look()
    {
        Looks++;
        if (_connection is null)
        {
            _connection = SqliteFile.Open(_path, new OpenOptions { QueryOnly = true, BusyTimeout = _options.BusyTimeout, Watch = _environment.Statements });
            _version = new RawStatement(_connection, "PRAGMA data_version");
            _seenVersion = -1;
        }

        // Read before the mark: a commit between the two is seen by the next look again, which does no harm.
        var version = Version();
        if (version == _seenVersion)
        {
            return;
        }

        _seenVersion = version;
        var before = State;
        Volatile.Write(ref _state, new StoreState(ReadMark(before.Mark), before.Commits + 1));
        before.Pass();
    }

    private long Version()
    {
        _version!.Step();
        var version = _version.ColumnInt64(0);
        _version.Reset();
        return version;
    }

    private StoreMark ReadMark(StoreMark known)
    {
        var connection = _connection!;
        connection.Run("BEGIN");
        try
        {
            return StoreMark.Read(connection, known);
        }
        finally
        {
            connection.Run("ROLLBACK");
        }
    }

    private void CloseConnection()
    {
        _version?.Dispose();
        _connection?.Dispose();
        _connection = null;
    }

    private void End()
    {
        if (Interlocked.Decrement(ref _watchers) == 0)
        {
            _ = StopWhenUnwatchedAsync();
        }
    }

    private async Task StopWhenUnwatchedAsync()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        if (_watchers == 0 && !_closed)
        {
            StopLoop();
        }

        _turn.Release();
    }

    private sealed class Watch(StoreChanges changes) : IDisposable
    {
        private StoreChanges? _changes = changes;

        public void Dispose() => Interlocked.Exchange(ref _changes, null)?.End();
    }
}
