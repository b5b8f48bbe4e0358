using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>The state of a space.</summary>
/// <param name="Epoch">Its incarnation.</param>
/// <param name="Head">The last commit.</param>
/// <param name="CompactedTo">Tombstones and verdicts below this position may be gone.</param>
public sealed record SpaceState(string Epoch, Mark Head, Position CompactedTo);

/// <summary>Who made the last change of a row, and which command made the row.</summary>
/// <param name="Device">Null for other programs.</param>
/// <param name="Command">Null for other programs.</param>
/// <param name="Offered">The lost version, when the change was an OFFER after a restore.</param>
/// <param name="MadeBy">The CREATE that got the row its id from the server; it names the row in every history of the space. Null where the key does. Kept from the row's first write on.</param>
/// <param name="Moved">Of a deletion: the row goes on under another key, so its tombstone names no maker.</param>
public readonly record struct RowOrigin(string? Device, Guid? Command, long? Offered = null, Guid? MadeBy = null, bool Moved = false);

/// <summary>A live row.</summary>
public sealed record StoredRow(Row Row, long Version, RowOrigin Origin);

/// <summary>A remembered deletion.</summary>
public sealed record Tombstone(EntityKey Key, long Version, RowOrigin Origin);

/// <summary>A row version or tombstone as a store reads it; the row is null for a tombstone.</summary>
public readonly record struct StoredChange(EntityType Type, EntityKey Key, Row? Row, long Version, RowOrigin Origin);

/// <summary>The last id given and the last one whose tombstone was forgotten; ids up to that count as used.</summary>
public readonly record struct IdCounter(long Last, long Forgotten);

/// <summary>The last push of a device's file.</summary>
public sealed record StorePush(long PushSeq, string SyncOperationId);

/// <summary>A row another program wrote.</summary>
public sealed record ForeignWrite(EntityType Type, EntityKey Key);

/// <summary>An accepted verdict as it is kept.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="Hash">SHA-256 of its canonical bytes.</param>
/// <param name="EntityType">The type's name.</param>
/// <param name="ClientId">The key as the device sent it, in wire form.</param>
/// <param name="ServerId">The key the row has, in wire form.</param>
/// <param name="Version">The row version it led to.</param>
/// <param name="Row">The row's wire form, when it differs from what was sent.</param>
public sealed record RecordedVerdict(Guid CommandId, byte[] Hash, string EntityType, byte[] ClientId, byte[] ServerId, long Version, byte[]? Row);

/// <summary>Behind which row a type's changes start. Without a key: behind all rows of the position.</summary>
public readonly record struct ChangePlace(long Position, EntityKey? Key);

/// <summary>The changes of some types up to a position.</summary>
/// <param name="Starts">By type name, in ordinal order.</param>
/// <param name="Until">The last position.</param>
/// <param name="CountMax">About how many will be taken; null: unknown.</param>
public sealed record ChangesRange(IReadOnlyList<(EntityType Type, ChangePlace After)> Starts, long Until, int? CountMax = null);
