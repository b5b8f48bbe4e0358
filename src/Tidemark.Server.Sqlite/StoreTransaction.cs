#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>
/// The one write transaction of the file. SQLite has a single writer, so the position is known from the start: nobody else can take one
/// before this commits.
/// </summary>
internal sealed class StoreTransaction : StoreReader, IStoreTransaction
{
    private readonly ServerEnvironment _environment;
    private readonly Action _release;
    private bool _changed;
    private bool _changedBefore;
    private bool _done;
    private readonly Dictionary<TypeTable, bool> _hasGone = [];

    public StoreTransaction(ServerConnection db, SpaceId space, SyncModel? model, ServerEnvironment environment, Position atLeast, Action release)
        : base(db, space, model)
    {
        _environment = environment;
        _release = release;
        db.Execute("INSERT INTO _tm_guard(held) VALUES(1)");
        var state = ReadState() ?? MakeSpace();
        PendingVersion = Math.Max(Math.Max(state.Head.Position + 1, environment.Now().Value), atLeast.Value);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.PositionByClockAlone))
        {
            PendingVersion = environment.Now().Value - (environment.Now().Value % 3 * 60_000_000);
        }
#endif
    }

    public long PendingVersion { get; }

    public ValueTask PutSharedAsync(SharedSpace shared, CancellationToken cancellationToken)
    {
        SharedTables.Write(Db, Space, shared);
        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<EntityKey>> FindKeysAsync(EntityType type, IReadOnlyList<int> ordinals, ReadOnlyMemory<Value> values, int countMax, CancellationToken cancellationToken)
    {
        var table = Db.Table(type);
        var statement = Spaced(table.FindKeys(ordinals));
        statement.Bind(2, countMax);
        for (var i = 0; i < ordinals.Count; i++)
        {
            statement.Bind(3 + i, values.Span[i]);
        }

        var keys = new List<EntityKey>();
        while (statement.Step())
        {
            keys.Add(table.KeyAt(statement));
        }

        statement.Reset();
        return ValueTask.FromResult<IReadOnlyList<EntityKey>>(keys);
    }

    public ValueTask UpsertAsync(Row row, RowOrigin origin, CancellationToken cancellationToken)
    {
        _changed = true;
        var table = Db.Table(row.Type);
        var statement = Spaced(table.Upsert);
        var index = 2;
        foreach (var value in row.Values)
        {
            statement.Bind(index++, value.IsAbsent ? Value.Null : value);
        }

        statement.Bind(index++, PendingVersion);
        BindOrigin(statement, index, origin);
        BindOptionalId(statement, index + 3, origin.MadeBy);
        Run(statement);
        if (HasGone(table))
        {
            Run(Keyed(table.DropGone, row.Key));
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask DeleteAsync(EntityType type, EntityKey key, RowOrigin origin, CancellationToken cancellationToken)
    {
        _changed = true;
        var table = Db.Table(type);
        _hasGone[table] = true;
        var statement = Keyed(table.PutGone, key);
        statement.Bind(key.Count + 2, PendingVersion);
        BindOrigin(statement, key.Count + 3, origin);
        BindOptionalId(statement, key.Count + 6, origin.MadeBy);
        statement.Bind(key.Count + 7, origin.Moved ? 1L : 0L);
        Run(statement);
        Run(Keyed(table.Delete, key));
        return ValueTask.CompletedTask;
    }

    public ValueTask<IdCounter> GetIdCounterAsync(EntityType type, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT last, forgotten FROM _tm_counter WHERE space_id = ?1 AND type = ?2");
        statement.Bind(2, type.Name);
        var counter = statement.Step() ? new IdCounter(statement.ColumnInt64(0), statement.ColumnInt64(1)) : default;
        statement.Reset();
        if (counter == default)
        {
            var highest = Spaced(Db.Table(type).HighestId);
            counter = new IdCounter(highest.Step() ? highest.ColumnInt64(0) : 0, 0);
            highest.Reset();
        }

        return ValueTask.FromResult(counter);
    }

    public ValueTask SetLastIdAsync(EntityType type, long last, CancellationToken cancellationToken)
    {
        var statement = Spaced("INSERT INTO _tm_counter(space_id, type, last, forgotten) VALUES(?1, ?2, ?3, 0) ON CONFLICT(space_id, type) DO UPDATE SET last = max(last, excluded.last)");
        statement.Bind(2, type.Name);
        statement.Bind(3, last);
        Run(statement);
        return ValueTask.CompletedTask;
    }

    public ValueTask<EntityKey?> FindMadeAsync(EntityType type, Guid madeBy, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT id FROM _tm_made WHERE space_id = ?1 AND type = ?2 AND made_by = ?3");
        statement.Bind(2, type.Name);
        BindId(statement, 3, madeBy);
        EntityKey? key = statement.Step() ? new EntityKey([statement.Column(0)]) : null;
        statement.Reset();
        return ValueTask.FromResult(key);
    }

    public ValueTask PutMadeAsync(EntityType type, Guid madeBy, EntityKey key, CancellationToken cancellationToken)
    {
        var statement = Spaced("INSERT OR REPLACE INTO _tm_made(space_id, type, made_by, id) VALUES(?1, ?2, ?3, ?4)");
        statement.Bind(2, type.Name);
        BindId(statement, 3, madeBy);
        statement.Bind(4, key[0]);
        Run(statement);
        return ValueTask.CompletedTask;
    }

    public ValueTask<StorePush?> FindStorePushAsync(UserId user, string storeId, CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT push_seq, operation_id FROM _tm_store WHERE space_id = ?1 AND user_id = ?2 AND store_id = ?3");
        statement.Bind(2, user.Value);
        statement.Bind(3, storeId);
        var push = statement.Step() ? new StorePush(statement.ColumnInt64(0), statement.ColumnText(1)!) : null;
        statement.Reset();
        return ValueTask.FromResult(push);
    }

    public ValueTask PutStorePushAsync(UserId user, string storeId, StorePush push, CancellationToken cancellationToken)
    {
        var statement = Spaced("INSERT OR REPLACE INTO _tm_store(space_id, user_id, store_id, push_seq, operation_id) VALUES(?1, ?2, ?3, ?4, ?5)");
        statement.Bind(2, user.Value);
        statement.Bind(3, storeId);
        statement.Bind(4, push.PushSeq);
        statement.Bind(5, push.SyncOperationId);
        Run(statement);
        return ValueTask.CompletedTask;
    }

    public ValueTask PutVerdictAsync(UserId user, RecordedVerdict verdict, CancellationToken cancellationToken)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.VerdictsUnrecorded))
        {
            return ValueTask.CompletedTask;
        }
#endif
        var statement = Spaced(
            "INSERT OR REPLACE INTO _tm_verdict(space_id, user_id, id, hash, type, client_id, server_id, version, position, row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
        statement.Bind(2, user.Value);
        BindId(statement, 3, verdict.CommandId);
        statement.Bind(4, verdict.Hash);
        statement.Bind(5, verdict.EntityType);
        statement.Bind(6, verdict.ClientId);
        statement.Bind(7, verdict.ServerId);
        statement.Bind(8, verdict.Version);
        statement.Bind(9, PendingVersion);
        statement.Bind(10, verdict.Row);
        Run(statement);
        return ValueTask.CompletedTask;
    }

    public ValueTask SavepointAsync(CancellationToken cancellationToken)
    {
        _changedBefore = _changed;
        return Execute("SAVEPOINT step");
    }

    public ValueTask ReleaseSavepointAsync(CancellationToken cancellationToken) => Execute("RELEASE step");

    public ValueTask RollbackToSavepointAsync(CancellationToken cancellationToken)
    {
        _changed = _changedBefore;
        Db.Execute("ROLLBACK TO step");
        return Execute("RELEASE step");
    }

    public ValueTask<IReadOnlyList<ForeignWrite>> ReadForeignWritesAsync(CancellationToken cancellationToken)
    {
        var statement = Spaced("SELECT DISTINCT type, k0, k1, k2, k3, k4, k5, k6, k7 FROM _tm_foreign WHERE space_id = ?1 AND refused IS NULL");
        var writes = new List<ForeignWrite>();
        while (statement.Step())
        {
            if (Model?.Find(statement.ColumnText(0)!) is { } type)
            {
                var parts = new Value[type.KeyOrdinals.Count];
                for (var i = 0; i < parts.Length; i++)
                {
                    parts[i] = statement.Column(i + 1);
                }

                writes.Add(new ForeignWrite(type, new EntityKey(parts)));
            }
        }

        statement.Reset();
        writes.Sort((a, b) => string.CompareOrdinal(a.Type.Name, b.Type.Name) is var byType && byType != 0 ? byType : a.Key.CompareTo(b.Key));
        return ValueTask.FromResult<IReadOnlyList<ForeignWrite>>(writes);
    }

    public ValueTask SettleForeignWriteAsync(ForeignWrite write, string? refused, CancellationToken cancellationToken)
    {
        var keys = write.Key.Count;
        var match = string.Join(" AND ", Enumerable.Range(0, keys).Select(i => $"k{i} IS ?{i + 4}"));
        var statement = Spaced(refused is null
            ? $"DELETE FROM _tm_foreign WHERE space_id = ?1 AND type = ?2 AND ?3 IS NULL AND {match}"
            : $"UPDATE _tm_foreign SET refused = ?3 WHERE space_id = ?1 AND type = ?2 AND {match}");
        statement.Bind(2, write.Type.Name);
        statement.Bind(3, refused);
        TypeTable.BindKey(statement, 4, write.Key);
        Run(statement);
        return ValueTask.CompletedTask;
    }

    public ValueTask CompactAsync(Retained retained, CancellationToken cancellationToken)
    {
        var before = retained.Deletions;
        foreach (var type in Model?.Entities ?? [])
        {
            var table = Db.Table(type);
            if (type.Identity == IdentityModel.ServerAssigned)
            {
                RememberForgotten(table, before);
            }

            Compact(table.Compact, before);
        }

        Compact("DELETE FROM _tm_verdict WHERE space_id = ?1 AND position < ?2", before);
        Compact("DELETE FROM _tm_commit WHERE space_id = ?1 AND position < (SELECT max(position) FROM _tm_commit WHERE space_id = ?1 AND position < ?2)", retained.Commits);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.DeletionsForgottenEarly))
        {
            return ValueTask.CompletedTask;
        }
#endif
        Compact("UPDATE _tm_space SET compacted = max(compacted, min(?2, head)) WHERE space_id = ?1", before);
        return ValueTask.CompletedTask;
    }

    public ValueTask<Mark> SealAsync(CancellationToken cancellationToken)
    {
        if (!_changed)
        {
            return ValueTask.FromResult(ReadState()!.Head);
        }

        var mark = new Mark(PendingVersion, _environment.NewToken());
        var head = Spaced("UPDATE _tm_space SET head = ?2, token = ?3 WHERE space_id = ?1");
        head.Bind(2, mark.Position);
        head.Bind(3, mark.Token);
        Run(head);
        NoteCommit(mark);
        ReadState();
        return ValueTask.FromResult(mark);
    }

    public ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        Db.Execute("DELETE FROM _tm_guard");
        Db.Execute("COMMIT");
        _done = true;
        return ValueTask.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        try
        {
            if (!_done && !Db.Connection.IsAutocommit())
            {
                Db.Execute("ROLLBACK");
            }
        }
        finally
        {
            _done = true;
            _release();
        }

        return ValueTask.CompletedTask;
    }

    // Most spaces have few deletions: one look spares a statement for every row.
    private bool HasGone(TypeTable table)
    {
        if (!_hasGone.TryGetValue(table, out var has))
        {
            var statement = Spaced(table.AnyGone);
            has = statement.Step();
            statement.Reset();
            _hasGone[table] = has;
        }

        return has;
    }

    private SpaceState MakeSpace()
    {
        var mark = new Mark(0, _environment.NewToken());
        var statement = Spaced("INSERT INTO _tm_space(space_id, epoch, head, token, compacted) VALUES(?1, ?2, 0, ?3, 0)");
        statement.Bind(2, _environment.NewToken());
        statement.Bind(3, mark.Token);
        Run(statement);
        NoteCommit(mark);
        return ReadState()!;
    }

    private void NoteCommit(Mark mark)
    {
        var statement = Spaced("INSERT INTO _tm_commit(space_id, position, token) VALUES(?1, ?2, ?3)");
        statement.Bind(2, mark.Position);
        statement.Bind(3, mark.Token);
        Run(statement);
    }

    private void RememberForgotten(TypeTable table, Position before)
    {
        var highest = Spaced(table.HighestForgotten);
        highest.Bind(2, before.Value);
        var id = highest.Step() ? highest.ColumnInt64(0) : 0;
        highest.Reset();
        if (id > 0)
        {
            var statement = Spaced("INSERT INTO _tm_counter(space_id, type, last, forgotten) VALUES(?1, ?2, ?3, ?3) ON CONFLICT(space_id, type) DO UPDATE SET last = max(last, excluded.last), forgotten = max(forgotten, excluded.forgotten)");
            statement.Bind(2, table.Type.Name);
            statement.Bind(3, id);
            Run(statement);
        }
    }

    private void Compact(string sql, Position before)
    {
        var statement = Spaced(sql);
        statement.Bind(2, before.Value);
        Run(statement);
    }

    private ValueTask Execute(string sql)
    {
        Db.Execute(sql);
        return ValueTask.CompletedTask;
    }

    private static void BindOrigin(RawStatement statement, int index, RowOrigin origin)
    {
        statement.Bind(index, origin.Device);
        BindOptionalId(statement, index + 1, origin.Command);

        if (origin.Offered is { } offered)
        {
            statement.Bind(index + 2, offered);
        }
        else
        {
            statement.BindNull(index + 2);
        }
    }

    private static void BindOptionalId(RawStatement statement, int index, Guid? id)
    {
        if (id is { } known)
        {
            BindId(statement, index, known);
        }
        else
        {
            statement.BindNull(index);
        }
    }

    private static void Run(RawStatement statement)
    {
        try
        {
            statement.Step();
        }
        finally
        {
            statement.Reset();
        }
    }
}
