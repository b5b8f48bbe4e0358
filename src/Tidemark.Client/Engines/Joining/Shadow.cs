using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>What a remote showed in one field.</summary>
/// <param name="Stamp">Of the edit.</param>
/// <param name="Digest">Of the plain value.</param>
/// <param name="Wire">Of the value as it lies there, encrypted or not.</param>
/// <param name="Key">The key it is encrypted under; null: it is not.</param>
internal readonly record struct ShadowField(Stamp Stamp, ulong Digest, ulong Wire, Guid? Key)
{
    public bool IsThere { get; init; } = true;

    /// <summary>Of what stands beside the value (<see cref="StampedValue.Parts"/>); 0: nothing does.</summary>
    public ulong Parts { get; init; }

    /// <summary>The value, of fields in which the edits of several writers count together: what somebody has changed who knows no stamps follows from it.</summary>
    public string? Shown { get; init; }
}

/// <summary>A row exactly as a remote last showed it. Replaced, never joined.</summary>
internal sealed class Shadow
{
    /// <summary>The remote's word for this state of the row; null where it has none. The precondition of the next write.</summary>
    public required string? Version { get; init; }

    /// <summary>In field order.</summary>
    public required ShadowField[] Fields { get; init; }

    public required bool IsDeleted { get; init; }

    public required Stamp DeletionStamp { get; init; }

    /// <summary>Of what writers of deletions had seen (<see cref="StampedValue.Parts"/>); 0: nothing is told of that.</summary>
    public ulong DeletionParts { get; init; }

    /// <summary>There is no such row at the remote: it was never made, or deleted for good.</summary>
    public bool IsMissing { get; init; }

    /// <summary>Somebody wrote there who knows no stamps: they are to be written behind him, once.</summary>
    public bool IsUnstamped { get; init; }

    /// <summary>There is no room for stamps: what counts is which values stand there, whatever their stamps are here.</summary>
    public bool IsStampless { get; init; }

    /// <summary>Members of the row there that this device's model does not know, as a JSON object.</summary>
    public byte[]? Extra { get; init; }

    /// <summary>The stamps of those members, which go back with the others.</summary>
    public Dictionary<string, FieldStamp> OtherStamps { get; init; } = [];

    /// <summary>The newest stamp in it.</summary>
    public Stamp Newest => Fields.Aggregate(DeletionStamp, (newest, f) => f.Stamp > newest ? f.Stamp : newest);

    /// <summary>The row's deletion by somebody who knows no stamps, and had seen what was shown here: a later edit elsewhere survives that.</summary>
    public StampedValue DeletedByOther(Model.Entities.EntityType type) => new(Value.Integer(1), Newest.Successor(Stamp.Foreign), DeletionStamp)
    {
        Parts = JoinedRow.Seen(type, Fields.Where(f => f.IsThere).Select(f => JoinedRow.Mark(f.Stamp, f.Parts)).Concat(OtherStamps.Values.Select(s => s.Stamp.ToString()))),
    };

    /// <summary>The remote has no such row.</summary>
    public static Shadow Missing(int fields) =>
        new() { Version = null, Fields = new ShadowField[fields], IsDeleted = true, DeletionStamp = default, IsMissing = true };

    /// <summary>The remote has the row in that version, and nothing in it that counts.</summary>
    public static Shadow Nothing(int fields, string? version) =>
        new() { Version = version, Fields = new ShadowField[fields], IsDeleted = false, DeletionStamp = default };

    /// <summary>The same, with the version that the remote has given it.</summary>
    public Shadow At(string? version) => new()
    {
        Version = version, Fields = Fields, IsDeleted = IsDeleted, DeletionStamp = DeletionStamp, DeletionParts = DeletionParts, IsMissing = IsMissing, IsUnstamped = IsUnstamped, IsStampless = IsStampless, Extra = Extra, OtherStamps = OtherStamps,
    };

    /// <summary>Which fields of the row the remote has not. The joined row has everything the remote showed, so a difference is something it lacks.</summary>
    public IEnumerable<int> Behind(JoinedRow row)
    {
        for (var i = 0; i < Fields.Length; i++)
        {
            if (row.Fields[i] is { IsKnown: true } field && (IsMissing || !Fields[i].IsThere || Fields[i].Digest != DigestOf(row, i)
                || (!IsStampless && (Fields[i].Stamp != field.Stamp || Fields[i].Parts != PartsOf(row.Type.Fields[i], field)))))
            {
                yield return i;
            }
        }
    }

    /// <summary>Is there anything the remote lacks? Derived each time; nothing remembers that a row "needs sync".</summary>
    /// <param name="row">The joined row.</param>
    /// <param name="shadow">What the remote showed; null: nothing yet.</param>
    /// <param name="currentKey">The key that encrypted fields are to be under; null: no matter.</param>
    public static bool IsOwed(JoinedRow row, Shadow? shadow, Guid? currentKey = null)
    {
        if (shadow is null)
        {
            return true;
        }

        if (shadow.IsMissing)
        {
            return !row.IsDeleted;
        }

        return shadow.IsUnstamped || shadow.IsDeleted != row.IsDeleted || shadow.Behind(row).Any()
            || (!shadow.IsStampless && (shadow.DeletionStamp != row.Deletion.Stamp || shadow.DeletionParts != HashOf(row.Deletion.Parts)))
            || (currentKey is { } key && shadow.Fields.Any(f => f.Key is { } under && under != key));
    }

    /// <summary>Of what stands beside a value, where the edits of several writers count together.</summary>
    public static ulong PartsOf(Model.Entities.Field field, in StampedValue value) => FieldJoin.IsCollective(field) ? HashOf(value.Parts) : 0;

    public static ulong HashOf(string? parts) =>
        parts is null ? 0 : System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(parts)));

    public static ulong DigestOf(JoinedRow row, int ordinal) => DigestOf(row.Type.Fields[ordinal], row.Fields[ordinal].Value);

    public static ulong DigestOf(Model.Entities.Field field, Value value) => System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(JoinedRow.HashOf(field, value));
}
