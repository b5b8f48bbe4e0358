using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Connections;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>
/// The push transaction of a space. It holds the space's turn from the start, so that pushes come one after the other; rows are locked when they are written, all at
/// the end, and the head last: other programs lock in the same order. A row that was written meanwhile has another version than the one read, and everything is done again.
/// </summary>
internal sealed class PgTransaction : PgReader, IStoreTransaction
{
    private readonly RowBook _rows;
    private readonly SpaceBook _book;
    private readonly ServerEnvironment _environment;
    private readonly IDisposable _turn;
    private readonly Dictionary<long, string?> _tokens = [];
    private readonly Stack<Action> _undo = [];
    private List<RowEntry> _planned = [];
    private bool _disposed;

    public PgTransaction(PgSession session, TypeCatalog types, SpaceId space, ServerEnvironment environment, IDisposable turn)
        : base(session, types, space, null, null)
    {
        _rows = new RowBook(types, space);
        _book = new SpaceBook(types.Schema, space);
        _environment = environment;
        _turn = turn;
    }

    public long PendingVersion { get; private set; }

    public bool UndoesForNothing => true;

    /// <summary>The turn is held, and this is what the space and the model are.</summary>
    public void Begin(SyncModel? model, SpaceState state, Position atLeast)
    {
        Model = model;
        State = state;
        PendingVersion = Math.Max(Math.Max(state.Head.Position + 1, _environment.Now().Value), atLeast.Value);
    }

    public async ValueTask ExpectAsync(StoreExpectation expected, CancellationToken cancellationToken)
    {
        await ReadAsync(Plan(expected), cancellationToken).ConfigureAwait(false);
        await ReadPlannedAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What reads all of it, but for rows that were hoped to be new and may not be: those are read by <see cref="ReadPlannedAsync"/>.</summary>
    public List<PlannedRead> Plan(StoreExpectation expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        var reads = new List<PlannedRead>();
        if (expected.User is { } user)
        {
            reads.Add(Recorded.Load(user, expected.Commands));
            if (expected.StoreId is { } store)
            {
                reads.Add(_book.LoadPush(user, store));
            }
        }

        if (expected.Floor is { } floor)
        {
            reads.Add(LoadToken(floor.Position));
        }

        reads.AddRange(expected.Made.GroupBy(m => m.Type).Select(g => _book.LoadMade(g.Key, [.. g.Select(m => m.MadeBy)])));
        reads.AddRange(expected.Counters.Where(t => _book.FindCounter(t) is null).SelectMany(t => _book.LoadCounter(Types.Of(t))));
        _planned = _rows.Unloaded(expected.Rows);
        reads.AddRange(_rows.LoadOrProbe(_planned, expected.Met));
        reads.AddRange(expected.Holders.SelectMany(h => _rows.LoadHolders(h.Key.Type, h.Value.Ordinals, h.Value.Sets)));
        return reads;
    }

    public async ValueTask ReadPlannedAsync(CancellationToken cancellationToken)
    {
        var planned = _planned;
        _planned = [];
        await ReadAsync([.. _rows.Load(planned)], cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask<bool> KnowsAsync(Mark mark, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mark);
        if (!_tokens.TryGetValue(mark.Position, out var token))
        {
            await ReadAsync([LoadToken(mark.Position)], cancellationToken).ConfigureAwait(false);
            token = _tokens[mark.Position];
        }

        return string.Equals(token, mark.Token, StringComparison.Ordinal);
    }

    public override async ValueTask<StoredRow?> FindRowAsync(EntityType type, EntityKey key, CancellationToken cancellationToken) =>
        (await LoadedAsync(type, key, cancellationToken).ConfigureAwait(false)).Row;

    public override async ValueTask<Tombstone?> FindTombstoneAsync(EntityType type, EntityKey key, CancellationToken cancellationToken) =>
        (await LoadedAsync(type, key, cancellationToken).ConfigureAwait(false)).Gone;

    public async ValueTask<IReadOnlyList<EntityKey>> FindKeysAsync(EntityType type, IReadOnlyList<int> ordinals, ReadOnlyMemory<Value> values, int countMax, CancellationToken cancellationToken)
    {
        var fields = ordinals as int[] ?? [.. ordinals];
        await ReadAsync([.. _rows.LoadHolders(type, fields, [new EntityKey(values.ToArray())])], cancellationToken).ConfigureAwait(false);
        var keys = _rows.FindHolders(type, fields, values.Span);
        return keys.Count <= countMax ? keys : keys.GetRange(0, countMax);
    }

    public async ValueTask UpsertAsync(Row row, RowOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(row);
        _rows.Upsert(await LoadedAsync(row.Type, row.Key, cancellationToken).ConfigureAwait(false), row, PendingVersion, origin);
    }

    public async ValueTask DeleteAsync(EntityType type, EntityKey key, RowOrigin origin, CancellationToken cancellationToken) =>
        _rows.Delete(await LoadedAsync(type, key, cancellationToken).ConfigureAwait(false), key, PendingVersion, origin);

    public async ValueTask<IdCounter> GetIdCounterAsync(EntityType type, CancellationToken cancellationToken)
    {
        var entry = await CounterAsync(type, cancellationToken).ConfigureAwait(false);
        return entry.Recorded ?? new IdCounter(Math.Max(entry.Highest, _rows.HighestWritten(type)), 0);
    }

    public async ValueTask SetLastIdAsync(EntityType type, long last, CancellationToken cancellationToken)
    {
        await CounterAsync(type, cancellationToken).ConfigureAwait(false);
        _book.SetLast(type, last);
    }

    public async ValueTask<EntityKey?> FindMadeAsync(EntityType type, Guid madeBy, CancellationToken cancellationToken)
    {
        if (!_book.TryMade(type, madeBy, out var key))
        {
            await ReadAsync([_book.LoadMade(type, [madeBy])], cancellationToken).ConfigureAwait(false);
            _book.TryMade(type, madeBy, out key);
        }

        return key;
    }

    public ValueTask PutMadeAsync(EntityType type, Guid madeBy, EntityKey key, CancellationToken cancellationToken)
    {
        _book.Put(type, madeBy, key);
        return ValueTask.CompletedTask;
    }

    public async ValueTask<StorePush?> FindStorePushAsync(UserId user, string storeId, CancellationToken cancellationToken)
    {
        if (!_book.TryPush(user, storeId, out var push))
        {
            await ReadAsync([_book.LoadPush(user, storeId)], cancellationToken).ConfigureAwait(false);
            _book.TryPush(user, storeId, out push);
        }

        return push;
    }

    public ValueTask PutStorePushAsync(UserId user, string storeId, StorePush push, CancellationToken cancellationToken)
    {
        _book.Put(user, storeId, push);
        return ValueTask.CompletedTask;
    }

    public ValueTask PutVerdictAsync(UserId user, RecordedVerdict verdict, CancellationToken cancellationToken)
    {
        Recorded.Put(user, verdict);
        return ValueTask.CompletedTask;
    }

    public async ValueTask PutSharedAsync(SharedSpace shared, CancellationToken cancellationToken) =>
        await RunAsync(SharingStatements.Write(Types.Schema, Space, shared), (_, _, _) => Task.CompletedTask, cancellationToken).ConfigureAwait(false);

    public ValueTask SavepointAsync(CancellationToken cancellationToken)
    {
        _undo.Clear();
        _rows.Undo = _book.Undo = Recorded.Undo = _undo;
        return ValueTask.CompletedTask;
    }

    public ValueTask ReleaseSavepointAsync(CancellationToken cancellationToken)
    {
        _rows.Undo = _book.Undo = Recorded.Undo = null;

        // Written while the next groups are decided on. PostgreSQL puts rows of a COPY aside until it has a thousand, so it is several that keep it busy, not one.
        if (Session.IsFree)
        {
            SendNew(cancellationToken);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask RollbackToSavepointAsync(CancellationToken cancellationToken)
    {
        _rows.Undo = _book.Undo = Recorded.Undo = null;
        while (_undo.TryPop(out var step))
        {
            step();
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<ForeignWrite>> ReadForeignWritesAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<ForeignWrite>>([]);

    public ValueTask SettleForeignWriteAsync(ForeignWrite write, string? refused, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async ValueTask CompactAsync(Retained retained, CancellationToken cancellationToken)
    {
        var commands = new List<NpgsqlBatchCommand>();
        foreach (var type in Model?.Entities ?? [])
        {
            commands.AddRange(SpaceStatements.Compact(Types.Of(type), Space, retained.Deletions));
        }

        commands.AddRange(SpaceStatements.Compact(Types.Schema, Space, retained));
        await RunAsync(commands, (_, _, _) => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        _book.ForgetCounters();
    }

    public async ValueTask<Mark> SealAsync(CancellationToken cancellationToken)
    {
        var mark = new Mark(PendingVersion, _environment.NewToken());
        await ReadAsync([.. Recorded.LoadUnseen()], cancellationToken).ConfigureAwait(false);
        var isOvertaken = await WriteAsync(mark, again: false, cancellationToken).ConfigureAwait(false);
        if (isOvertaken)
        {
            // Another program has committed in this space since, with a later position. The head is ours now; what is written gets the next one.
            var head = 0L;
            await RunAsync([SpaceStatements.LockHead(Types.Schema, Space)], async (_, reader, token) => head = await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0, cancellationToken).ConfigureAwait(false);
            mark = mark with { Position = Math.Max(Math.Max(head + 1, _environment.Now().Value), PendingVersion) };
            await WriteAsync(mark, again: true, cancellationToken).ConfigureAwait(false);
        }

        return State!.Head;
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        await PgErrors.GuardCommitAsync(() => Session.CommitAsync(cancellationToken)).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    public override async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            try
            {
                await base.DisposeAsync().ConfigureAwait(false);
            }
            finally
            {
                _turn.Dispose();
            }
        }
    }

    // True when the head has passed the position already; nothing but the rows is in order then.
    private async Task<bool> WriteAsync(Mark mark, bool again, CancellationToken cancellationToken)
    {
        while (!again && SendNew(cancellationToken))
        {
            continue;
        }

        var rows = _rows.Dirty.SelectMany(d => RowStatements.Write(d.Type, Space, d.Entries, mark.Position, again)).ToList();
        var commands = rows.ConvertAll(r => r.Command);
        commands.AddRange(Recorded.Write(PendingVersion, mark.Position));
        commands.AddRange(_book.Write());
        var head = commands.Count;
        if (_rows.HasChanged)
        {
            commands.AddRange(SpaceStatements.TakePosition(Types.Schema, Space, mark));
        }
        else
        {
            commands.Add(SpaceQueries.State(Types.Schema, Space));
        }

        var isTaken = !_rows.HasChanged;
        var met = new Dictionary<int, long>();
        await RunAsync(
            commands,
            async (i, reader, token) =>
            {
                if (i < rows.Count)
                {
                    met[i] = await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0;
                }
                else if (i == head && await SpaceQueries.StateAtAsync(reader, token).ConfigureAwait(false) is { } state)
                {
                    State = state;
                    isTaken = true;
                }
            },
            cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Rows is { } wanted && met.GetValueOrDefault(i, (long)rows[i].Command.Rows) != wanted)
            {
                throw new TransientStoreException("Another program has written a row of this push meanwhile.");
            }
        }

        return !isTaken;
    }

    private bool SendNew(CancellationToken cancellationToken)
    {
        if (_rows.TakeNew(RowCopy.RowsMin) is not { } part)
        {
            return false;
        }

        Session.StartCopy(RowCopy.Sql(part.Type), RowCopy.Parts(part.Type, Space, part.Rows, PendingVersion), cancellationToken);
        return true;
    }

    private async ValueTask<RowEntry> LoadedAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        var entry = _rows.Entry(type, key);
        if (!entry.IsLoaded)
        {
            await ReadAsync([.. _rows.Load([entry])], cancellationToken).ConfigureAwait(false);
        }

        return entry;
    }

    private async ValueTask<CounterEntry> CounterAsync(EntityType type, CancellationToken cancellationToken)
    {
        if (_book.FindCounter(type) is null)
        {
            await ReadAsync([.. _book.LoadCounter(Types.Of(type))], cancellationToken).ConfigureAwait(false);
        }

        return _book.FindCounter(type)!;
    }

    private PlannedRead LoadToken(long position) => new(
        SpaceQueries.Token(Types.Schema, Space, position),
        async (reader, token) => _tokens[position] = await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetString(0) : null);
}
