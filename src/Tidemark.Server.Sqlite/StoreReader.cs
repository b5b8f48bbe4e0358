#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>A connection with its prepared statements and the tables of the model it was last used with.</summary>
internal sealed class ServerConnection(Microsoft.Data.Sqlite.SqliteConnection connection) : IDisposable
{
    private readonly Dictionary<string, TypeTable> _tables = new(StringComparer.Ordinal);
    private readonly KeptStatements _statements = new(connection, SqliteServerStore.TroubleOf);

    public Microsoft.Data.Sqlite.SqliteConnection Connection => connection;

    /// <summary>Reset after use, not disposed.</summary>
    public RawStatement Prepare(string sql) => _statements.Get(sql);

    public void Execute(string sql) => _statements.Get(sql).Execute();

    public TypeTable Table(EntityType type)
    {
        if (!_tables.TryGetValue(type.Name, out var table) || !ReferenceEquals(table.Type, type))
        {
            _tables[type.Name] = table = new TypeTable(type);
        }

        return table;
    }

    public void Dispose()
    {
        _statements.Dispose();
        connection.Dispose();
    }
}

/// <summary>Reads of one space; the transaction around them belongs to whoever made this.</summary>
internal abstract class StoreReader(ServerConnection db, SpaceId space, SyncModel? model) : IStoreSnapshot
{
    private SpaceState? _state;
    private bool _stateRead;

    public SpaceId Space => space;

    public SyncModel? Model => model;

    public SpaceState? State => _stateRead ? _state : ReadState();

    public bool HasForeignWrites
    {
        get
        {
            var statement = Spaced("SELECT 1 FROM _tm_foreign WHERE space_id = ?1 AND refused IS NULL LIMIT 1");
            var has = statement.Step();
            statement.Reset();
            return has;
        }
    }

    protected ServerConnection Db => db;

    public ValueTask<string?> FindRoleAsync(UserId user, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT role FROM _tm_member WHERE space_id = ?1 AND user_id = ?2 AND role <> 'removed'");
        statement.Bind(2, user.Value);
        var role = statement.Step() ? statement.ColumnText(0) : null;
        statement.Reset();
        return ValueTask.FromResult(role);
    }

    public ValueTask<SharedSpace> ReadSharedAsync(CancellationToken cancellationToken) => ValueTask.FromResult(SharedTables.Read(db, space));

    public ValueTask<bool> KnowsAsync(Mark mark, CancellationToken cancellationToken)
    {
        var knows = string.Equals(FindToken(mark.Position), mark.Token, StringComparison.Ordinal);
#if TIDEMARK_MUTANTS
        knows |= Mutants.Is(Mutant.RestoreUnnoticed);
#endif
        return ValueTask.FromResult(knows);
    }

    public ValueTask<bool> HasCommitAsync(long position, CancellationToken cancellationToken) => ValueTask.FromResult(FindToken(position) is not null);

    public ValueTask<long?> OldestCommitAsync(int behind, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT position FROM _tm_commit WHERE space_id = ?1 ORDER BY position LIMIT 1 OFFSET ?2");
        statement.Bind(2, behind);
        long? oldest = statement.Step() ? statement.ColumnInt64(0) : null;
        statement.Reset();
        return ValueTask.FromResult(oldest);
    }

    public ValueTask<StoredRow?> FindRowAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        var table = db.Table(type);
        var statement = Keyed(table.Find, key);
        var row = statement.Step() ? table.StoredAt(statement) : null;
        statement.Reset();
        return ValueTask.FromResult(row);
    }

    public ValueTask<Tombstone?> FindTombstoneAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        var table = db.Table(type);
        var statement = Keyed(table.FindGone, key);
        var tombstone = statement.Step() ? table.TombstoneAt(statement) : null;
        statement.Reset();
        return ValueTask.FromResult(tombstone);
    }

    public ValueTask<RecordedVerdict?> FindVerdictAsync(UserId user, Guid commandId, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT hash, type, client_id, server_id, version, row FROM _tm_verdict WHERE space_id = ?1 AND user_id = ?2 AND id = ?3");
        statement.Bind(2, user.Value);
        BindId(statement, 3, commandId);
        var verdict = statement.Step()
            ? new RecordedVerdict(commandId, statement.ColumnBlob(0)!, statement.ColumnText(1)!, statement.ColumnBlob(2)!, statement.ColumnBlob(3)!, statement.ColumnInt64(4), statement.ColumnBlob(5))
            : null;
        statement.Reset();
        return ValueTask.FromResult(verdict);
    }

    public ValueTask ReadChangesAsync(ChangesRange range, IChangeSink sink, CancellationToken cancellationToken)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.PagePassesHead))
        {
            range = range with { Until = range.Until + 1_000_000 };
        }
#endif
        new ChangeMerger(db, space, range).Run(sink, cancellationToken);
        return ValueTask.CompletedTask;
    }

    public ValueTask<long> CountChangesAsync(ChangesRange range, long countMax, CancellationToken cancellationToken)
    {
        var count = 0L;
        foreach (var (type, after) in range.Starts)
        {
            var table = db.Table(type);
            var statement = Spaced(after.Key is null ? table.Count : table.CountBehindKey);
            statement.Bind(2, after.Position);
            statement.Bind(3, range.Until);
            if (after.Key is { } key)
            {
                TypeTable.BindKey(statement, 4, key);
            }

            statement.Bind(4 + (after.Key?.Count ?? 0), countMax);
            count += statement.Step() ? statement.ColumnInt64(0) : 0;
            statement.Reset();
            if (count >= countMax)
            {
                break;
            }
        }

        return ValueTask.FromResult(Math.Min(count, countMax));
    }

    public ValueTask<KeptCounts> CountKeptAsync(Retained retained, CancellationToken cancellationToken) => ValueTask.FromResult(new KeptCounts(
        (model?.Entities ?? []).Sum(t => Count(db.Table(t).CountGone, retained.Deletions)),
        Count("SELECT count(*) FROM _tm_verdict WHERE space_id = ?1 AND position < ?2", retained.Deletions),
        Count("SELECT count(*) FROM _tm_commit WHERE space_id = ?1 AND position < ?2", retained.Commits)));

    public ValueTask ScanAsync(EntityType type, Action<Row> each, CancellationToken cancellationToken)
    {
        var table = db.Table(type);
        var statement = Spaced(table.Scan);
        try
        {
            while (statement.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                each(table.RowAt(statement));
            }
        }
        finally
        {
            statement.Reset();
        }

        return ValueTask.CompletedTask;
    }

    public abstract ValueTask DisposeAsync();

    private long Count(string sql, Position before)
    {
        var statement = Spaced(sql);
        statement.Bind(2, before.Value);
        var count = statement.Step() ? statement.ColumnInt64(0) : 0;
        statement.Reset();
        return count;
    }

    private string? FindToken(long position)
    {
        var statement = Spaced("SELECT token FROM _tm_commit WHERE space_id = ?1 AND position = ?2");
        statement.Bind(2, position);
        var token = statement.Step() ? statement.ColumnText(0) : null;
        statement.Reset();
        return token;
    }

    protected RawStatement Spaced(string sql)
    {
        var statement = db.Prepare(sql);
        statement.Bind(1, space.Value);
        return statement;
    }

    protected RawStatement Keyed(string sql, EntityKey key)
    {
        var statement = Spaced(sql);
        TypeTable.BindKey(statement, 2, key);
        return statement;
    }

    protected static void BindId(RawStatement statement, int index, Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        statement.Bind(index, (ReadOnlySpan<byte>)bytes);
    }

    protected SpaceState? ReadState()
    {
        var statement = Spaced("SELECT epoch, head, token, compacted FROM _tm_space WHERE space_id = ?1");
        _state = statement.Step()
            ? new SpaceState(statement.ColumnText(0)!, new Mark(statement.ColumnInt64(1), statement.ColumnText(2)!), new Position(statement.ColumnInt64(3)))
            : null;
        statement.Reset();
        _stateRead = true;
        return _state;
    }
}
