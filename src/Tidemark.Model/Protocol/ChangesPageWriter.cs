using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>Writes a page while its rows are read.</summary>
public sealed class ChangesPageWriter : IDisposable
{
    private readonly CanonicalJsonWriter _json = new();

    public int Count { get; private set; }

    public int Length => _json.Length;

    public void Add(EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row, Guid? madeBy = null, long? contentVersion = null)
    {
        _json.WriteRaw(Count++ == 0 ? "{\"entityType\":"u8 : ",{\"entityType\":"u8);
        WriteChange(_json, type, operation, key, version, origin, row, madeBy, contentVersion);
    }

    /// <summary>A row as it lies in its store.</summary>
    public void Add(EntityType type, EntityKey key, long version, ChangeOrigin? origin, IUnreadRow row, Guid? madeBy, long? contentVersion)
    {
        _json.WriteRaw(Count++ == 0 ? "{\"entityType\":"u8 : ",{\"entityType\":"u8);
        WriteHead(_json, type, Operation.Update, key, version, origin, madeBy, contentVersion);
        _json.WriteRaw(",\"row\":"u8);
        WireRow.WriteSendable(_json, type, row);
        _json.WriteByte((byte)'}');
    }

    /// <summary>The bytes of one change alone, as in a page.</summary>
    public static RawJson One(EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row, Guid? madeBy = null, long? contentVersion = null)
    {
        using var json = new CanonicalJsonWriter();
        json.WriteRaw("{\"entityType\":"u8);
        WriteChange(json, type, operation, key, version, origin, row, madeBy, contentVersion);
        return new RawJson(json.ToArray());
    }

    /// <summary>
    /// The whole page, valid until this is disposed. What it says of itself stands first, so that the next page can be asked for before
    /// this one's changes are looked at.
    /// </summary>
    public ReadOnlyMemory<byte> Finish(ChangesPageTail tail)
    {
        ReadOnlySpan<byte> self = JsonSerializer.SerializeToUtf8Bytes(tail, PageJson.Default.ChangesPageTail);
        var opening = ",\"changes\":["u8;
        var front = _json.InsertFront(self.Length - 1 + opening.Length);
        self[..^1].CopyTo(front);
        opening.CopyTo(front[(self.Length - 1)..]);
        _json.WriteRaw("]}"u8);
        return _json.WrittenMemory;
    }

    public void Dispose() => _json.Dispose();

    private static void WriteChange(CanonicalJsonWriter json, EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row, Guid? madeBy, long? contentVersion)
    {
        WriteHead(json, type, operation, key, version, origin, madeBy, contentVersion);
        if (row is not null)
        {
            json.WriteRaw(",\"row\":"u8);
            WireRow.WriteSendable(json, row);
        }

        json.WriteByte((byte)'}');
    }

    private static void WriteHead(CanonicalJsonWriter json, EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Guid? madeBy, long? contentVersion)
    {
        json.WriteUtf8String(type.Index.TypeName);
        json.WriteRaw(",\"operation\":"u8);
        json.WriteString(OperationNames.NameOf(operation));
        json.WriteRaw(",\"entityId\":"u8);
        json.WriteKey(type, key);
        json.WriteRaw(",\"version\":"u8);
        json.WriteInteger(version);
        json.WriteRaw(",\"changedAt\":"u8);
        WireTime.WritePosition(json, version);
        if (madeBy is { } made)
        {
            json.WriteRaw(",\"madeBy\":"u8);
            json.WriteGuid(made);
        }

        if (contentVersion is { } content)
        {
            json.WriteRaw(",\"contentVersion\":"u8);
            json.WriteInteger(content);
        }

        if (origin is not null)
        {
            WriteOrigin(json, origin);
        }
    }

    // By hand: every row has an origin of its own.
    private static void WriteOrigin(CanonicalJsonWriter json, ChangeOrigin origin)
    {
        json.WriteRaw(",\"origin\":{"u8);
        if (origin.DeviceId is { } device)
        {
            json.WriteRaw("\"deviceId\":"u8);
            json.WriteString(device);
        }

        if (origin.CommandId is { } command)
        {
            json.WriteRaw(origin.DeviceId is null ? "\"commandId\":"u8 : ",\"commandId\":"u8);
            json.WriteGuid(command);
        }

        json.WriteByte((byte)'}');
    }
}
