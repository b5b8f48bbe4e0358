using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Connections;
using Tidemark.Server.PostgreSql.Verdicts;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>Reads of one space in one transaction.</summary>
internal abstract class PgReader(PgSession session, TypeCatalog types, SpaceId space, SyncModel? model, SpaceState? state) : IStoreSnapshot
{
    public SpaceId Space => space;

    public SyncModel? Model { get; protected set; } = model;

    public SpaceState? State { get; protected set; } = state;

    /// <summary>Never: other programs' writes get their positions in their own commits.</summary>
    public bool HasForeignWrites => false;

    protected PgSession Session => session;

    protected TypeCatalog Types => types;

    /// <summary>Verdicts that were read; of a pack all are.</summary>
    protected VerdictBook Recorded { get; } = new(types.Schema, space);

    public ValueTask<string?> FindRoleAsync(UserId user, CancellationToken cancellationToken) =>
        OneAsync(SharingStatements.RoleOf(types.Schema, space, user), r => r.GetString(0), cancellationToken);

    public async ValueTask<SharedSpace> ReadSharedAsync(CancellationToken cancellationToken)
    {
        var shared = SharedSpace.None;
        await RunAsync(
            SharingStatements.Read(types.Schema, space),
            async (i, reader, token) => shared = await SharingStatements.AddAsync(shared, i, reader, token).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return shared;
    }

    public virtual async ValueTask<bool> KnowsAsync(Mark mark, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mark);
        return string.Equals(await TokenOfAsync(mark.Position, cancellationToken).ConfigureAwait(false), mark.Token, StringComparison.Ordinal);
    }

    public async ValueTask<bool> HasCommitAsync(long position, CancellationToken cancellationToken) =>
        await TokenOfAsync(position, cancellationToken).ConfigureAwait(false) is not null;

    public async ValueTask<long?> OldestCommitAsync(int behind, CancellationToken cancellationToken)
    {
        long? oldest = null;
        await RunAsync(
            [SpaceQueries.OldestCommit(types.Schema, space, behind)],
            async (_, reader, token) => oldest = await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : null,
            cancellationToken).ConfigureAwait(false);
        return oldest;
    }

    public virtual ValueTask<StoredRow?> FindRowAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        var queries = types.Of(type);
        return OneAsync(queries.Find(space, [key]), r => queries.StoredAt(r, 1), cancellationToken);
    }

    public virtual ValueTask<Tombstone?> FindTombstoneAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        var queries = types.Of(type);
        return OneAsync(queries.FindGone(space, [key]), r => queries.TombstoneAt(r, 1), cancellationToken);
    }

    public async ValueTask<RecordedVerdict?> FindVerdictAsync(UserId user, Guid commandId, CancellationToken cancellationToken)
    {
        if (!Recorded.TryFind(user, commandId, out var verdict))
        {
            await ReadAsync([Recorded.Load(user, [commandId])], cancellationToken).ConfigureAwait(false);
            Recorded.TryFind(user, commandId, out verdict);
        }

        return verdict;
    }

    public async ValueTask ReadChangesAsync(ChangesRange range, IChangeSink sink, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(range);
        ArgumentNullException.ThrowIfNull(sink);
        await PgErrors.GuardAsync(async () =>
        {
            await new ChangeStreams(session, types, space, range).RunAsync(sink, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    public async ValueTask<long> CountChangesAsync(ChangesRange range, long countMax, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(range);
        var count = 0L;
        await RunAsync(
            [.. range.Starts.Select(s => types.Of(s.Type).Count(space, s.After, range.Until, countMax))],
            async (_, reader, token) => count += await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0,
            cancellationToken).ConfigureAwait(false);
        return Math.Min(count, countMax);
    }

    public async ValueTask<KeptCounts> CountKeptAsync(Retained retained, CancellationToken cancellationToken)
    {
        var counts = new List<long>();
        await RunAsync(
            [
                VerdictStatements.CountBefore(types.Schema, space, retained.Deletions),
                SpaceQueries.CountBefore(types.Schema + "._tm_commit", space, retained.Commits),
                .. (Model?.Entities ?? []).Select(t => SpaceQueries.CountBefore(types.Of(t).Tables.Gone, space, retained.Deletions)),
            ],
            async (_, reader, token) => counts.Add(await reader.ReadAsync(token).ConfigureAwait(false) ? reader.GetInt64(0) : 0),
            cancellationToken).ConfigureAwait(false);
        return new KeptCounts(counts.Skip(2).Sum(), counts[0], counts[1]);
    }

    public async ValueTask ScanAsync(EntityType type, Action<Row> each, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(each);
        var queries = types.Of(type);
        await RunAsync(
            [TypeQueries.Spaced(queries.Scan, space)],
            async (_, reader, token) =>
            {
                while (await reader.ReadAsync(token).ConfigureAwait(false))
                {
                    each(queries.RowAt(reader, 0));
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    public virtual ValueTask DisposeAsync() => session.DisposeAsync();

    protected async ValueTask<string?> TokenOfAsync(long position, CancellationToken cancellationToken) =>
        await OneAsync(SpaceQueries.Token(types.Schema, space, position), r => r.GetString(0), cancellationToken).ConfigureAwait(false);

    protected ValueTask<bool> RunAsync(IReadOnlyList<NpgsqlBatchCommand> commands, Func<int, NpgsqlDataReader, CancellationToken, Task> read, CancellationToken cancellationToken) =>
        PgErrors.GuardAsync(async () =>
        {
            await session.RunAsync(commands, read, cancellationToken).ConfigureAwait(false);
            return true;
        });

    protected async Task ReadAsync(List<PlannedRead> reads, CancellationToken cancellationToken)
    {
        if (reads.Count > 0)
        {
            await RunAsync(reads.ConvertAll(r => r.Command), (i, reader, token) => reads[i].Read(reader, token), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<T?> OneAsync<T>(NpgsqlBatchCommand command, Func<NpgsqlDataReader, T> at, CancellationToken cancellationToken)
        where T : class
    {
        T? found = null;
        await RunAsync([command], async (_, reader, token) => found = await reader.ReadAsync(token).ConfigureAwait(false) ? at(reader) : null, cancellationToken).ConfigureAwait(false);
        return found;
    }
}

/// <summary>One consistent state: a transaction that sees what was committed before its first statement, which read the head.</summary>
internal sealed class PgSnapshot(PgSession session, TypeCatalog types, SpaceId space, SyncModel? model, SpaceState? state) : PgReader(session, types, space, model, state);
