using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>What a command or a change does to a row.</summary>
public enum Operation
{
    Create,
    Update,
    Delete,

    /// <summary>A key change: the server renames the row and cascades.</summary>
    Rekey,

    /// <summary>A row that a restored server may have lost.</summary>
    Offer,

    /// <summary>Only in changes: no longer visible here, not deleted.</summary>
    Remove,
}

/// <summary>The spelling of operations on the wire.</summary>
public static class OperationNames
{
    public static string NameOf(Operation operation) => operation switch
    {
        Operation.Create => "CREATE",
        Operation.Update => "UPDATE",
        Operation.Delete => "DELETE",
        Operation.Rekey => "REKEY",
        Operation.Offer => "OFFER",
        _ => "REMOVE",
    };

    public static Operation? Find(string? name) => name switch
    {
        "CREATE" => Operation.Create,
        "UPDATE" => Operation.Update,
        "DELETE" => Operation.Delete,
        "REKEY" => Operation.Rekey,
        "OFFER" => Operation.Offer,
        "REMOVE" => Operation.Remove,
        _ => null,
    };
}

/// <summary>What goes over the wire for one row; gets exactly one verdict.</summary>
public sealed record PushCommand
{
    /// <summary>Of a command that refers to no other.</summary>
    public static IReadOnlyDictionary<string, Guid> NoRefs { get; } = new Dictionary<string, Guid>(StringComparer.Ordinal);

    public required Guid Id { get; init; }

    public required EntityType Type { get; init; }

    public required Operation Operation { get; init; }

    /// <summary>The key as the device knows it. Parts named in <see cref="Refs"/> are placeholders.</summary>
    public required EntityKey EntityId { get; init; }

    /// <summary>The new key of a REKEY; of a DELETE the row it was merged into, which what refers to the deleted row refers to from now on.</summary>
    public EntityKey? NewEntityId { get; init; }

    /// <summary>The row version the edit was made on. With a CREATE: the version of the tombstone it restores.</summary>
    public long? BaseVersion { get; init; }

    /// <summary>With an OFFER whose version came of an earlier OFFER: the version its content had before the first restore.</summary>
    public long? ContentVersion { get; init; }

    /// <summary>Of an OFFER: the version of what is offered.</summary>
    public long? LostVersion => ContentVersion ?? BaseVersion;

    /// <summary>Instead of a base version: the command of the same batch this one follows on the same row.</summary>
    public Guid? After { get; init; }

    /// <summary>CREATE and OFFER: the row; UPDATE and REKEY: the changed fields; DELETE: null.</summary>
    public Row? Payload { get; init; }

    /// <summary>Fields whose value is the id that another command's row gets.</summary>
    public IReadOnlyDictionary<string, Guid> Refs { get; init; } = NoRefs;

    /// <summary>Commands of one group take effect together or not at all; they stand together in a batch.</summary>
    public string? Group { get; init; }

    public DateTimeOffset OccurredAt { get; init; }

    /// <summary>The canonical bytes: what is frozen, sent and hashed.</summary>
    /// <param name="payloadUtf8">The payload's canonical bytes, when they are at hand.</param>
    public byte[] ToUtf8(byte[]? payloadUtf8 = null)
    {
        using var writer = new CanonicalJsonWriter();
        if (After is { } after)
        {
            Member(writer, "{\"after\":"u8).WriteString(after.ToString("D"));
        }

        if (BaseVersion is { } baseVersion)
        {
            Member(writer, After is null ? "{\"baseVersion\":"u8 : ",\"baseVersion\":"u8).WriteInteger(baseVersion);
        }

        if (ContentVersion is { } contentVersion)
        {
            Member(writer, After is null && BaseVersion is null ? "{\"contentVersion\":"u8 : ",\"contentVersion\":"u8).WriteInteger(contentVersion);
        }

        Member(writer, After is null && BaseVersion is null && ContentVersion is null ? "{\"entityId\":"u8 : ",\"entityId\":"u8).WriteKey(Type, EntityId);
        Member(writer, ",\"entityType\":"u8).WriteString(Type.Name);
        if (Group is { } group)
        {
            Member(writer, ",\"group\":"u8).WriteString(group);
        }

        Member(writer, ",\"id\":"u8).WriteString(Id.ToString("D"));
        if (NewEntityId is { } newEntityId)
        {
            Member(writer, ",\"newEntityId\":"u8).WriteKey(Type, newEntityId);
        }

        Member(writer, ",\"occurredAt\":"u8).WriteString(WireTime.ToText(OccurredAt));
        Member(writer, ",\"operation\":"u8).WriteString(OperationNames.NameOf(Operation));
        if (payloadUtf8 is not null)
        {
            Member(writer, ",\"payload\":"u8).WriteRaw(payloadUtf8);
        }
        else if (Payload is { } payload)
        {
            WireRow.Write(Member(writer, ",\"payload\":"u8), payload);
        }

        WriteRefs(writer);
        writer.WriteByte((byte)'}');
        return writer.ToArray();
    }

    /// <summary>Reads a command of a known model.</summary>
    /// <exception cref="WireFormatException">With the code of the failed verdict.</exception>
    public static PushCommand Parse(SyncModel model, JsonElement element) => Parse(model, PushMembers.Of(element));

    internal static PushCommand Parse(SyncModel model, in PushMembers members)
    {
        var typeName = Text(members.EntityType, "entityType") ?? throw Bad("entityType is missing.");
        var type = model.Find(typeName) ?? throw new WireFormatException(ErrorCodes.UnknownType, $"There is no entity type {typeName}.");
        var operation = OperationNames.Find(Text(members.Operation, "operation"));
        if (operation is null or Operation.Remove)
        {
            throw Bad("operation must be CREATE, UPDATE, DELETE, REKEY or OFFER.");
        }

        return new PushCommand
        {
            Id = ParseId(members),
            Type = type,
            Operation = operation.Value,
            EntityId = IsThere(members.EntityId) ? WireRow.ReadKey(type, members.EntityId) : throw Bad("entityId is missing."),
            NewEntityId = IsThere(members.NewEntityId) ? WireRow.ReadKey(type, members.NewEntityId) : null,
            BaseVersion = Integer(members.BaseVersion, "baseVersion"),
            ContentVersion = Integer(members.ContentVersion, "contentVersion"),
            After = IsThere(members.After) ? ReadId(members.After, "after") : null,
            Payload = IsValue(members.Payload) ? WireRow.Read(type, members.Payload) : null,
            Refs = ParseRefs(type, members.Refs),
            Group = Text(members.Group, "group"),
            OccurredAt = Text(members.OccurredAt, "occurredAt") is { } at ? Time(at) : default,
        };
    }

    /// <summary>The id alone, so that a command that cannot be read still gets its verdict.</summary>
    internal static Guid ParseId(in PushMembers members) => IsThere(members.Id) ? ReadId(members.Id, "id") : throw Bad("id is missing.");

    private static CanonicalJsonWriter Member(CanonicalJsonWriter writer, ReadOnlySpan<byte> name)
    {
        writer.WriteRaw(name);
        return writer;
    }

    private void WriteRefs(CanonicalJsonWriter writer)
    {
        if (Refs.Count == 0)
        {
            return;
        }

        writer.WriteRaw(",\"refs\":"u8);
        var separator = (byte)'{';
        foreach (var (field, command) in Refs.OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            writer.WriteByte(separator);
            separator = (byte)',';
            writer.WriteString(field);
            writer.WriteByte((byte)':');
            writer.WriteString(command.ToString("D"));
        }

        writer.WriteByte((byte)'}');
    }

    private static IReadOnlyDictionary<string, Guid> ParseRefs(EntityType type, JsonElement members)
    {
        if (!IsValue(members))
        {
            return NoRefs;
        }

        var refs = new Dictionary<string, Guid>(StringComparer.Ordinal);

        if (members.ValueKind != JsonValueKind.Object)
        {
            throw Bad("refs must be an object of field names and command ids.");
        }

        foreach (var member in members.EnumerateObject())
        {
            if (type.FindOrdinal(member.Name) < 0)
            {
                throw new WireFormatException(ErrorCodes.UnknownField, $"{type.Name} has no field {member.Name}.", member.Name);
            }

            refs[member.Name] = ReadId(member.Value, "refs." + member.Name);
        }

        return refs;
    }

    private static bool IsThere(JsonElement member) => member.ValueKind != JsonValueKind.Undefined;

    private static bool IsValue(JsonElement member) => member.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    private static string? Text(JsonElement member, string name) =>
        !IsValue(member) ? null : member.ValueKind == JsonValueKind.String ? member.GetString() : throw Bad(name + " must be a string.");

    private static long? Integer(JsonElement member, string name)
    {
        if (!IsValue(member))
        {
            return null;
        }

        if (member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var number))
        {
            return number;
        }

        return member.ValueKind == JsonValueKind.String && long.TryParse(member.GetString(), System.Globalization.CultureInfo.InvariantCulture, out number)
            ? number
            : throw Bad(name + " must be an integer.");
    }

    private static Guid ReadId(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.String && value.TryGetGuid(out var id) ? id : throw Bad(name + " must be a UUID.");

    private static DateTimeOffset Time(string text)
    {
        try
        {
            return WireTime.Parse(text);
        }
        catch (FormatException e)
        {
            throw Bad("occurredAt: " + e.Message);
        }
    }

    private static WireFormatException Bad(string message) => new(ErrorCodes.BadRequest, message);
}
