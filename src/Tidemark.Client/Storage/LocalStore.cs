using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Queries;
using Tidemark.Client.Storage.Reading;
using Tidemark.Client.Storage.Writing;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>An app's SQLite file with capture in place: reading, writing through the queue, and the engine's own connection.</summary>
public sealed class LocalStore : IAsyncDisposable
{
    private readonly SyncEnvironment _environment;
    private readonly SemaphoreSlim _engine = new(1, 1);
    private readonly Lazy<WriteQueue> _writes;
    private readonly Lazy<ReadPool> _reads;
    private readonly TimeSpan _busyTimeout;
    private int _idleRuns;

    private LocalStore(string path, StoreConnection db, SyncModel model, SyncEnvironment environment, StoreOptions options)
    {
        Path = path;
        Model = model;
        _environment = environment;
        _busyTimeout = options.BusyTimeout;
        var context = db.ScalarInt64("SELECT ctx FROM _tm_current");
        options.Handlers.Check(model);
        EngineSession = new StoreSession(db, model, StoreSchema.HomeRemote, context) { Handlers = options.Handlers, Merges = options.Merges };
        User = db.Scalar("SELECT user FROM _tm_context WHERE id = ?1", Value.Integer(context)).AsText;
        DeviceId = new MetaRepository(db).Text(MetaRepository.DeviceId) ?? "";
        Changes = new StoreChanges(path, model, options, environment);
        EngineSession.Committed = Changes.Committed;
        _writes = new Lazy<WriteQueue>(() => OpenQueue(path, options));
        _reads = new Lazy<ReadPool>(() => new ReadPool(
            path,
            () => SqliteFile.Open(path, new OpenOptions { BusyTimeout = options.BusyTimeout, QueryOnly = true, Watch = environment.Statements }),
            scheduler: environment.Scheduler));
    }

    /// <summary>The canonical path.</summary>
    public string Path { get; }

    public SyncModel Model { get; }

    /// <summary>Which installation this is to the server.</summary>
    public string DeviceId { get; }

    /// <summary>Notices what is committed to the file, by whomever.</summary>
    public StoreChanges Changes { get; }

    /// <summary>Whose data this is; empty until the first sync.</summary>
    public string User { get; private set; }

    internal StoreSession EngineSession { get; }

    /// <summary>The user's own space first, then the shared ones that the file holds; with those he has left, whose dead letters are kept.</summary>
    internal IReadOnlyList<StoreSession> SessionsOf(StoreSession home, bool withGone, Func<string, bool>? isReadOnly = null) =>
        !Model.HasSpaces ? [home] : [home, .. Spaces.HeldSpace.ReadAll(home.Db).Where(h => withGone || !h.IsGone).Select(h => new StoreSession(home.Db, home, h.Remote, h.Context) { Space = h.Space, IsReadOnly = isReadOnly?.Invoke(h.Space) == true })];

    /// <summary>Opens a store; a database that was not adopted is refused.</summary>
    /// <exception cref="StoreException">The file is in trouble, from a newer version, or no store.</exception>
    /// <exception cref="SyncException">The tables do not fit the model.</exception>
    public static LocalStore Open(string path, StoreOptions options, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        var file = SqliteFile.CanonicalPath(path);
        // The engine's connection alone moves the WAL into the file: every run, also one that fails, ends with a commit of it.
        var connection = SqliteFile.Open(file, new OpenOptions { BusyTimeout = options.BusyTimeout, ForeignKeys = false, Checkpoints = true, Watch = environment.Statements });
        var db = new StoreConnection(connection) { Gate = FileGate.Of(file) };
        try
        {
            CheckFormat(db, file);
            var model = SyncModelJson.Parse(new MetaRepository(db).Blob(MetaRepository.Model));
            StoreUpgrade.Run(db, model, environment.NowMs);
            var store = new LocalStore(file, db, model, environment, options);
            store.SeedCatalogs(options.Catalogs);
            return store;
        }
        catch (Exception e) when (e is ModelException or InvalidOperationException or FormatException or OverflowException)
        {
            db.Dispose();
            throw new StoreException(StoreTrouble.Damaged, $"{file}: What Tidemark keeps in this file cannot be read: {e.Message} Keep a copy; a new file comes from `tidemark clone`.", e);
        }
        catch
        {
            db.Dispose();
            throw;
        }
    }

    /// <summary>Brings in catalog files where they are newer than what is there.</summary>
    /// <returns>How many rows they have.</returns>
    public long SeedCatalogs(IReadOnlyList<string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        return files.Count == 0 ? 0 : Snapshots.CatalogSeeds.Run(this, files, _environment);
    }

    /// <summary>Is the file a store already?</summary>
    public static bool IsStore(SqliteConnection connection) =>
        connection.Scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_tm_meta'").AsInteger > 0;

    /// <summary>Writes in a transaction that many callers share; durable when the task completes. The work may be run more than once before that, never after.</summary>
    /// <exception cref="StoreException">The file is in trouble; only this write is affected.</exception>
    /// <exception cref="InvalidOperationException">The work left capture switched off; it was rolled back.</exception>
    public Task<T> WriteAsync<T>(Func<SqliteConnection, T> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        return _writes.Value.RunAsync(
            connection =>
            {
                var result = work(connection);
                CheckGuard(connection);
                return result;
            },
            cancellationToken);
    }

    /// <summary>Reads one snapshot; neither waits for the writer nor makes it wait.</summary>
    public Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken = default) => _reads.Value.ReadAsync(read, cancellationToken);

    /// <summary>Sends a dead letter again, as its row is now.</summary>
    public Task<bool> RetryAsync(Guid command, CancellationToken cancellationToken) =>
        WithDeadLetter(command, (actions, stored) => actions.Retry(stored), cancellationToken);

    /// <summary>Takes a dead letter back: the server's state returns, for the rows that wait for it too.</summary>
    public Task<bool> DiscardAsync(Guid command, CancellationToken cancellationToken) =>
        WithDeadLetter(command, (actions, stored) => actions.Discard(stored), cancellationToken);

    /// <summary>
    /// Takes everything back that waits to be sent, dead letters included: each row is again as the server last showed it, and has a record of what it was
    /// (<see cref="ConflictRecord.Discarded"/>), which is kept until it is brought back. All of it, or nothing.
    /// </summary>
    /// <param name="reason">Why, in a sentence; stands in every record.</param>
    /// <param name="cancellationToken">Ends the wait for a run of this process.</param>
    /// <exception cref="SyncException">AlreadyRunning: a run is under way.</exception>
    public Task<DiscardReport> DiscardWaitingAsync(string reason, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        return LockedAsync(EngineTransactionKind.Guarded, s => new WaitingDiscard(s, _environment).Run(reason), cancellationToken);
    }

    /// <summary>Gives a pulled version up that cannot stand here: the file stays without it until the server shows a newer one. A record keeps it (<see cref="ConflictRecord.AsideDiscarded"/>).</summary>
    /// <returns>False: no such row is put aside.</returns>
    /// <exception cref="InvalidOperationException">It waits for an edit of this device: see <see cref="AsideItem.WaitsForOwnEdit"/>.</exception>
    /// <exception cref="SyncException">AlreadyRunning: a run is under way.</exception>
    public Task<bool> DiscardAsideAsync(string type, string key, CancellationToken cancellationToken) =>
        LockedAsync(EngineTransactionKind.None, s => new AsideActions(s, _environment).Discard(type, key), cancellationToken);

    /// <summary>Settles a conflict that waits for a person; of one that is over, brings a row back as a new edit. The next run sends what was decided.</summary>
    /// <returns>False: there is no such conflict, or nothing left to decide.</returns>
    public Task<bool> SettleAsync(long conflict, ConflictSettlement settlement, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settlement);
        return LockedAsync(
            home => SessionsOf(home, withGone: false).Any(s => s.Conflicts.Find(conflict) is { } record && new ConflictActions(s, _environment).Settle(record, settlement)),
            cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Changes.DisposeAsync().ConfigureAwait(false);
        if (_writes.IsValueCreated)
        {
            _writes.Value.Committed -= Changes.Committed;
            await _writes.Value.DisposeAsync().ConfigureAwait(false);
        }

        if (_reads.IsValueCreated)
        {
            await _reads.Value.DisposeAsync().ConfigureAwait(false);
        }

        EngineSession.Db.Dispose();
        _engine.Dispose();
    }

    /// <summary>The engine's connection serves one at a time.</summary>
    internal async Task<T> EngineAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _engine.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _environment.AwayAsync(work).ConfigureAwait(false);
        }
        finally
        {
            _engine.Release();
        }
    }

    /// <summary>Reads with the store's own words on a connection of the pool.</summary>
    internal T OnSession<T>(SqliteConnection connection, Func<StoreSession, T> read)
    {
        using var db = new StoreConnection(connection, ownsConnection: false);
        return read(new StoreSession(db, EngineSession));
    }

    /// <summary>Reads one snapshot here and now, on a connection of its own: the engine's may be in the middle of a run.</summary>
    internal T Look<T>(Func<StoreSession, T> read)
    {
        using var connection = SqliteFile.Open(Path, new OpenOptions { BusyTimeout = _busyTimeout, QueryOnly = true });
        using var db = new StoreConnection(connection, ownsConnection: false);
        db.Execute("BEGIN");
        return read(new StoreSession(db, EngineSession));
    }

    /// <summary>As <see cref="Look"/>, once for each space of the file.</summary>
    internal IReadOnlyList<T> LookAtAll<T>(Func<StoreSession, T> read) => Look(home => SessionsOf(home, withGone: true).Select(read).ToList());

    /// <summary>One write beside a run, whose own connection may be at work.</summary>
    internal void OnConnectionOfItsOwn(Action<StoreConnection> write)
    {
        using var connection = SqliteFile.Open(Path, new OpenOptions { BusyTimeout = _busyTimeout, Durability = Durability.Normal });
        using var db = new StoreConnection(connection, ownsConnection: false) { Gate = FileGate.Of(Path) };
        write(db);
    }

    internal void CountIdleRun() => _idleRuns++;

    internal int TakeIdleRuns() => Interlocked.Exchange(ref _idleRuns, 0);

    /// <summary>Compares the file's schema with the model when it changed since the last look; missing capture is brought back and what it missed is noted.</summary>
    internal void CheckSchema(List<string> warnings, bool always = false) => new SchemaCheck(EngineSession, _environment, () => SessionsOf(EngineSession, withGone: false)).Run(warnings, always);

    /// <summary>The first user to sync owns the file.</summary>
    /// <exception cref="SyncException">It is another one.</exception>
    internal void BindUser(string user)
    {
        if (User.Length == 0)
        {
            // Another process may have synced the file since this one has opened it: who is first is decided in the file.
            using var turn = EngineSession.Db.EnterGate();
            EngineSession.Db.Execute("UPDATE _tm_context SET user = ?2 WHERE id = ?1 AND user = ''", Value.Integer(EngineSession.Context), Value.Text(user));
            User = EngineSession.Db.Scalar("SELECT user FROM _tm_context WHERE id = ?1", Value.Integer(EngineSession.Context)).AsText;
        }

        if (!string.Equals(User, user, StringComparison.Ordinal))
        {
            throw new SyncException(
                SyncErrorCode.WrongUser,
                $"This file holds the data of {User}; the token is of {user}. Nothing was sent or changed. Sign in as {User}, or use another file for {user} (`tidemark clone`).");
        }
    }

    private WriteQueue OpenQueue(string path, StoreOptions options)
    {
        var queue = WriteQueue.Open(
            path,
            () => SqliteFile.Open(path, new OpenOptions { BusyTimeout = options.BusyTimeout, Durability = options.Durability, Watch = _environment.Statements }),
            _environment.Scheduler,
            _environment.Time);
        queue.Committed += Changes.Committed;
        return queue;
    }

    // While a row is in it nothing is captured, for nobody.
    private static void CheckGuard(SqliteConnection connection)
    {
        if (connection.Scalar("SELECT EXISTS(SELECT 1 FROM _tm_guard)").AsInteger != 0)
        {
            throw new InvalidOperationException("There is a row in _tm_guard: what this work wrote would not be synced. It was rolled back. Leave that table to Tidemark; if the row was there before, run `tidemark doctor --repair`.");
        }
    }

    private static void CheckFormat(StoreConnection db, string file)
    {
        if (!IsStore(db.Connection))
        {
            throw new StoreException(StoreTrouble.SchemaMismatch, $"{file}: This database is not a Tidemark store yet. Run `tidemark adopt` on it first.");
        }

        var format = new MetaRepository(db).Integer(MetaRepository.Format);
        if (format > StoreSchema.FormatVersion)
        {
            throw new StoreException(
                StoreTrouble.NewerVersion,
                $"{file}: The file was written by a newer version of Tidemark (format {format}; this one knows {StoreSchema.FormatVersion}). Upgrade this program; nothing was changed.");
        }
    }

    private Task<bool> WithDeadLetter(Guid id, Action<DeadLetterActions, StoredCommand> action, CancellationToken cancellationToken) =>
        LockedAsync(
            home =>
            {
                foreach (var s in SessionsOf(home, withGone: true))
                {
                    if (s.Outbox.Find(id) is { Status: CommandStatus.DeadLetter } command)
                    {
                        s.Refresh();
                        action(new DeadLetterActions(s, _environment), command);
                        return true;
                    }
                }

                return false;
            },
            cancellationToken);

    /// <summary>One transaction on the engine's connection with the run lock held, whose writes are captured as an app's are.</summary>
    internal Task<T> LockedAsync<T>(Func<StoreSession, SyncEnvironment, T> work, CancellationToken cancellationToken) =>
        LockedAsync(EngineTransactionKind.None, s => work(s, _environment), cancellationToken);

    /// <summary>Work of several transactions with the run lock held.</summary>
    internal Task<T> RunLockedAsync<T>(Func<EngineTransaction, Task<T>> work, CancellationToken cancellationToken) =>
        EngineAsync(
            async () =>
            {
                var runLock = new Coordination.RunLock(EngineSession.Db, _environment);
                if (runLock.TryTake() is not { } token)
                {
                    throw new SyncException(SyncErrorCode.AlreadyRunning, $"{runLock.Holder()} is syncing this file; try again when it has ended.", retryable: true);
                }

                try
                {
                    return await work(new EngineTransaction(EngineSession, _environment, token)).ConfigureAwait(false);
                }
                finally
                {
                    Coordination.RunLock.Release(EngineSession.Db, token);
                }
            },
            cancellationToken);

    private Task<T> LockedAsync<T>(Func<StoreSession, T> work, CancellationToken cancellationToken) => LockedAsync(EngineTransactionKind.Guarded, work, cancellationToken);

    private Task<T> LockedAsync<T>(EngineTransactionKind kind, Func<StoreSession, T> work, CancellationToken cancellationToken) =>
        RunLockedAsync(transaction => Task.FromResult(transaction.Run(kind, work)), cancellationToken);
}
