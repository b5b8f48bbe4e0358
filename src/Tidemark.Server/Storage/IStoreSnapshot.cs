using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>Reads of one space in one consistent state. Not for several threads.</summary>
public interface IStoreSnapshot : IAsyncDisposable
{
    SpaceId Space { get; }

    /// <summary>The model this state is read with; null before the first.</summary>
    SyncModel? Model { get; }

    /// <summary>Null while nothing was ever asked of the space.</summary>
    SpaceState? State { get; }

    /// <summary>Other programs wrote rows that have no position yet.</summary>
    bool HasForeignWrites { get; }

    /// <summary>What the user may do here by membership; null: is no member. Own spaces have no members.</summary>
    ValueTask<string?> FindRoleAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>The space's members and invitations, members by name.</summary>
    ValueTask<SharedSpace> ReadSharedAsync(CancellationToken cancellationToken);

    /// <summary>True when the commit of this mark is in the space's history.</summary>
    ValueTask<bool> KnowsAsync(Mark mark, CancellationToken cancellationToken);

    /// <summary>True when a commit of the space's history, as far as it is remembered, has this position.</summary>
    ValueTask<bool> HasCommitAsync(long position, CancellationToken cancellationToken);

    /// <summary>The position of the oldest commit that is remembered, or of the one behind so many older ones: all since are, too. Null when there is none.</summary>
    ValueTask<long?> OldestCommitAsync(int behind, CancellationToken cancellationToken);

    ValueTask<StoredRow?> FindRowAsync(EntityType type, EntityKey key, CancellationToken cancellationToken);

    ValueTask<Tombstone?> FindTombstoneAsync(EntityType type, EntityKey key, CancellationToken cancellationToken);

    ValueTask<RecordedVerdict?> FindVerdictAsync(UserId user, Guid commandId, CancellationToken cancellationToken);

    /// <summary>Gives the sink all row versions and tombstones behind each type's start and up to the end, by (position, type, key), until it has enough.</summary>
    ValueTask ReadChangesAsync(ChangesRange range, IChangeSink sink, CancellationToken cancellationToken);

    /// <summary>How many changes the range holds; stops counting at <paramref name="countMax"/>.</summary>
    ValueTask<long> CountChangesAsync(ChangesRange range, long countMax, CancellationToken cancellationToken);

    /// <summary>How many tombstones, verdicts and marks have a position below this one. For administration: it counts.</summary>
    ValueTask<KeptCounts> CountKeptAsync(Retained retained, CancellationToken cancellationToken);

    /// <summary>Gives every live row of a type, in no order.</summary>
    ValueTask ScanAsync(EntityType type, Action<Row> each, CancellationToken cancellationToken);
}

/// <summary>Takes changes while a store reads them.</summary>
public interface IChangeSink
{
    /// <returns>False when the sink has enough: this change was not taken and no other is wanted.</returns>
    bool TryAdd(in StoredChange change);

    /// <summary>The same of a row that is only read when somebody looks at it; the change has none.</summary>
    bool TryAdd(in StoredChange change, IUnreadRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return TryAdd(change with { Row = row.Read() });
    }
}
