using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>
/// The writes of one request in one space. Rows written here have <see cref="PendingVersion"/> until <see cref="SealAsync"/> gives them their position:
/// rows first, the head last.
/// </summary>
public interface IStoreTransaction : IStoreSnapshot
{
    /// <summary>The version with which rows written in this transaction are read back. Where other programs may commit meanwhile, the position can be a later one.</summary>
    long PendingVersion { get; }

    /// <summary>A savepoint costs nothing, so that every group may have one.</summary>
    bool UndoesForNothing => false;

    /// <summary>Told what will be asked for, a store may read it at once. Nothing depends on it.</summary>
    ValueTask ExpectAsync(StoreExpectation expected, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>The keys of at most <paramref name="countMax"/> live rows whose fields hold these values, compared with the fields' collations. No value may be null.</summary>
    ValueTask<IReadOnlyList<EntityKey>> FindKeysAsync(EntityType type, IReadOnlyList<int> ordinals, ReadOnlyMemory<Value> values, int countMax, CancellationToken cancellationToken);

    /// <summary>Makes or replaces the row of this key; its tombstone goes. Which command made a row is not changed by replacing it.</summary>
    ValueTask UpsertAsync(Row row, RowOrigin origin, CancellationToken cancellationToken);

    /// <summary>Deletes the row, if it is there, and leaves a tombstone that knows which command made the row: the row itself says it, else the former tombstone, else the origin.</summary>
    ValueTask DeleteAsync(EntityType type, EntityKey key, RowOrigin origin, CancellationToken cancellationToken);

    ValueTask<IdCounter> GetIdCounterAsync(EntityType type, CancellationToken cancellationToken);

    ValueTask SetLastIdAsync(EntityType type, long last, CancellationToken cancellationToken);

    /// <summary>The id that a row has which a restore of the server had lost; null when it has not come back.</summary>
    ValueTask<EntityKey?> FindMadeAsync(EntityType type, Guid madeBy, CancellationToken cancellationToken);

    ValueTask PutMadeAsync(EntityType type, Guid madeBy, EntityKey key, CancellationToken cancellationToken);

    /// <summary>The last push of a device's file; null before the first.</summary>
    ValueTask<StorePush?> FindStorePushAsync(UserId user, string storeId, CancellationToken cancellationToken);

    ValueTask PutStorePushAsync(UserId user, string storeId, StorePush push, CancellationToken cancellationToken);

    /// <summary>Records an accepted verdict; part of the transaction of its effect. A version of <see cref="PendingVersion"/> becomes the position.</summary>
    ValueTask PutVerdictAsync(UserId user, RecordedVerdict verdict, CancellationToken cancellationToken);

    ValueTask SavepointAsync(CancellationToken cancellationToken);

    ValueTask ReleaseSavepointAsync(CancellationToken cancellationToken);

    ValueTask RollbackToSavepointAsync(CancellationToken cancellationToken);

    /// <summary>Keys of rows that other programs wrote and that have no position yet, by (type, key).</summary>
    ValueTask<IReadOnlyList<ForeignWrite>> ReadForeignWritesAsync(CancellationToken cancellationToken);

    /// <summary>The note of a foreign write is done with; with a reason it stays, visible to a person, until the row is written again.</summary>
    ValueTask SettleForeignWriteAsync(ForeignWrite write, string? refused, CancellationToken cancellationToken);

    /// <summary>Replaces the space's members and invitations. Alone in its transaction: pushes into the space come before or behind it.</summary>
    ValueTask PutSharedAsync(SharedSpace shared, CancellationToken cancellationToken);

    /// <summary>Forgets tombstones and verdicts below a position and remembers that it did, and commits below another, earlier one.</summary>
    ValueTask CompactAsync(Retained retained, CancellationToken cancellationToken);

    /// <summary>Takes the position: max(head + 1, now, at least) under the head's lock. When nothing was written in any row the head stays.</summary>
    ValueTask<Mark> SealAsync(CancellationToken cancellationToken);

    /// <summary>Durable when it returns.</summary>
    ValueTask CommitAsync(CancellationToken cancellationToken);
}
