using System.Collections.Concurrent;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>The embedded storage: one SQLite file, one writer connection, pooled readers.</summary>
public sealed class SqliteServerStore : IServerStore, IAccessStore
{
    private const int ReadersMax = 16;
    private readonly string _path;
    private readonly ServerEnvironment _environment;
    private readonly ServerConnection _writer;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly ConcurrentBag<ServerConnection> _readers = [];
    private volatile SyncModel? _model;
    private int _disposed;

    private readonly IStatementWatch? _watch;

    private SqliteServerStore(string path, ServerConnection writer, ServerEnvironment environment, IStatementWatch? watch)
    {
        _watch = watch;
        _path = path;
        _writer = writer;
        _environment = environment;
    }

    /// <summary>Opens the file, or makes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="environment">Time and randomness.</param>
    /// <param name="watch">Sees every statement. Default: nobody.</param>
    /// <exception cref="StoreException">The file is in trouble, or from a newer version.</exception>
    public static SqliteServerStore Open(string path, ServerEnvironment environment, IStatementWatch? watch = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var file = SqliteFile.CanonicalPath(path);
        var writer = new ServerConnection(SqliteFile.Open(file, new OpenOptions { CreateIfMissing = true, ForeignKeys = false, Checkpoints = true, Watch = watch }));
        try
        {
            SetUp(writer);
            ServerUpgrade.Run(writer, file, () => ReadModel(writer));
            return new SqliteServerStore(file, writer, environment, watch) { _model = ReadModel(writer) };
        }
        catch (ModelException e)
        {
            writer.Dispose();
            throw new StoreException(StoreTrouble.Damaged, $"{file}: The model in this file cannot be read: {e.Message} Restore the file from a backup.", e);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    public ValueTask<SyncModel?> GetModelAsync(CancellationToken cancellationToken) => ValueTask.FromResult(_model);

    public async ValueTask PutModelAsync(SyncModel model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Guarded(() =>
            {
                InTransaction(() => ModelTables.Apply(_writer, _model, model));
                return true;
            });
            _model = model;
        }
        finally
        {
            _writing.Release();
        }
    }

    public ValueTask<long> CountRowsAsync(EntityType type, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(type);
        return ValueTask.FromResult(Guarded(() =>
        {
            var db = TakeReader();
            var count = db.Connection.Scalar(db.Table(type).CountAll).AsInteger;
            _readers.Add(db);
            return count;
        }));
    }

    public async ValueTask<byte[]> KeepSecretAsync(string name, byte[] proposed, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Guarded(() =>
            {
                _writer.Connection.Run("INSERT OR IGNORE INTO _tm_meta(key, value) VALUES(?1, ?2)", Value.Text("secret:" + name), Value.Blob(proposed));
                return _writer.Connection.Scalar("SELECT value FROM _tm_meta WHERE key = ?1", Value.Text("secret:" + name)).AsBlob;
            });
        }
        finally
        {
            _writing.Release();
        }
    }

    public ValueTask<IReadOnlyList<byte[]>> ReadSecretsAsync(string prefix, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<byte[]>>(Guarded(() =>
        {
            var db = TakeReader();
            var secrets = db.Connection.Query("SELECT value FROM _tm_meta WHERE substr(key, 1, length(?1)) = ?1", Value.Text("secret:" + prefix)).ConvertAll(r => r[0].AsBlob);
            GiveBack(db);
            return secrets;
        }));
    }

    public ValueTask<IReadOnlyList<SpaceId>> GetSpacesAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<SpaceId>>(Guarded(() =>
        {
            var db = TakeReader();
            var spaces = db.Connection.Query("SELECT space_id FROM _tm_space ORDER BY space_id").Select(r => new SpaceId(r[0].AsText)).ToList();
            _readers.Add(db);
            return spaces;
        }));
    }

    public ValueTask<IReadOnlyList<Membership>> ReadMembershipsAsync(UserId user, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<Membership>>(Guarded(() =>
        {
            var db = TakeReader();
            var memberships = SharedTables.MembershipsOf(db, user);
            GiveBack(db);
            return memberships;
        }));
    }

    public ValueTask<IReadOnlyList<StoredLease>> ReadLeasesAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<StoredLease>>(Guarded(() =>
        {
            var db = TakeReader();
            var book = LeaseTable.Read(db);
            GiveBack(db);
            return book;
        }));
    }

    public async ValueTask<T> ChangeLeasesAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Guarded(() =>
            {
                var result = default(T)!;
                InTransaction(() =>
                {
                    var before = LeaseTable.Read(_writer);
                    (var book, result) = change(before);
                    LeaseTable.Write(_writer, before, book);
                });
                return result;
            });
        }
        finally
        {
            _writing.Release();
        }
    }

    public ValueTask<IReadOnlyList<AccessEntry>> ReadAccessAsync(SpaceId space, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<AccessEntry>>(Guarded(() =>
        {
            var db = TakeReader();
            var book = AccessTable.Read(db, space);
            GiveBack(db);
            return book;
        }));
    }

    public async ValueTask<T> ChangeAccessAsync<T>(SpaceId space, Func<IReadOnlyList<AccessEntry>, (IReadOnlyList<AccessEntry> Book, T Result)> change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Guarded(() =>
            {
                var result = default(T)!;
                InTransaction(() =>
                {
                    var before = AccessTable.Read(_writer, space);
                    (var book, result) = change(before);
                    AccessTable.Write(_writer, space, before, book);
                });
                return result;
            });
        }
        finally
        {
            _writing.Release();
        }
    }

    public ValueTask<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>> ReadAccessOfKindAsync(string kind, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>>(Guarded(() =>
        {
            var db = TakeReader();
            var lines = AccessTable.ReadKind(db, kind);
            GiveBack(db);
            return lines;
        }));
    }

    public ValueTask<IReadOnlyList<SpaceId>> GetAccessSpacesAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<SpaceId>>(Guarded(() =>
        {
            var db = TakeReader();
            var spaces = AccessTable.Spaces(db);
            GiveBack(db);
            return spaces;
        }));
    }

    public ValueTask<IStoreSnapshot> ReadAsync(SpaceId space, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Guarded<IStoreSnapshot>(() =>
        {
            var db = TakeReader();
            db.Execute("BEGIN");
            var snapshot = new StoreSnapshot(db, space, _model, GiveBack);
            _ = snapshot.State; // The head is read first.
            return snapshot;
        }));
    }

    public async ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Guarded(() =>
            {
                _writer.Execute("BEGIN IMMEDIATE");
                try
                {
                    return new StoreTransaction(_writer, space, _model, _environment, atLeast, () => _writing.Release());
                }
                catch
                {
                    RollBack();
                    throw;
                }
            });
        }
        catch
        {
            _writing.Release();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _writing.WaitAsync().ConfigureAwait(false);
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _writer.Dispose();
        _writing.Dispose();
    }

    private static void SetUp(ServerConnection writer)
    {
        if (IsSetUp(writer))
        {
            return;
        }

        writer.Execute("BEGIN IMMEDIATE");
        if (!IsSetUp(writer)) // Another process may have been first.
        {
            foreach (var statement in ServerSchema.CreateStatements)
            {
                writer.Connection.Run(statement);
            }

            writer.Connection.Run("INSERT INTO _tm_meta(key, value) VALUES('server_format', ?1)", Value.Integer(ServerSchema.FormatVersion));
        }

        writer.Execute("COMMIT");
    }

    private static bool IsSetUp(ServerConnection writer) =>
        writer.Connection.Scalar("SELECT count(*) FROM sqlite_master WHERE name = '_tm_meta'").AsInteger != 0;

    private static SyncModel? ReadModel(ServerConnection db) =>
        db.Connection.Scalar("SELECT value FROM _tm_meta WHERE key = 'model'") is { Kind: ValueKind.Blob } model ? SyncModelJson.Parse(model.AsBlob) : null;

    private void InTransaction(Action work)
    {
        _writer.Execute("BEGIN IMMEDIATE");
        try
        {
            work();
            _writer.Execute("COMMIT");
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    // SQLite itself has done it where the disk is full.
    private void RollBack()
    {
        if (!_writer.Connection.IsAutocommit())
        {
            _writer.Execute("ROLLBACK");
        }
    }

    private ServerConnection TakeReader() =>
        _readers.TryTake(out var reader) ? reader : new ServerConnection(SqliteFile.Open(_path, new OpenOptions { ForeignKeys = false, QueryOnly = true, Watch = _watch }));

    private void GiveBack(ServerConnection reader)
    {
        if (_readers.Count < ReadersMax)
        {
            _readers.Add(reader);
        }
        else
        {
            reader.Dispose();
        }
    }

    /// <summary>What trouble of the file is to whoever asks.</summary>
    internal static ServerException TroubleOf(StoreException trouble) => new(Problems.Describe(ErrorCodes.Unavailable, "The server's storage cannot answer now."), trouble) { Cause = trouble.Message };

    private static T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (StoreException e)
        {
            throw TroubleOf(e);
        }
    }
}
