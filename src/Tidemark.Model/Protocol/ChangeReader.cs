using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>Decodes the changes of one page. What stands in every change, type and device, is remembered from one to the next.</summary>
internal sealed class ChangeReader(ReadOnlyMemory<byte> utf8, SyncModel model)
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    private EntityType? _lastType;
    private string? _lastDevice;

    /// <summary>The reader stands on the start of the change and is left on its end, also when the change has a fault.</summary>
    /// <exception cref="JsonException">Not JSON: what follows cannot be read either.</exception>
    public Change Read(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        var probe = reader;
        try
        {
            return Decode(ref reader, start);
        }
        catch (Exception e) when (e is WireFormatException or InvalidOperationException or FormatException or JsonException)
        {
            probe.Skip();
            reader = probe;
            var fault = e as WireFormatException ?? new WireFormatException(ErrorCodes.ValidationFailed, e.Message);
            return Outline(utf8[start..(int)reader.BytesConsumed], fault);
        }
    }

    private Change Decode(ref Utf8JsonReader reader, int start)
    {
        EntityType? type = null;
        Operation? operation = null;
        EntityKey key = default;
        var version = 0L;
        Guid? madeBy = null;
        long? contentVersion = null;
        ChangeOrigin? origin = null;
        Row? row = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("entityType"u8))
            {
                reader.Read();
                type = ReadType(ref reader);
            }
            else if (reader.ValueTextEquals("operation"u8))
            {
                reader.Read();
                operation = OperationOf(ref reader);
            }
            else if (reader.ValueTextEquals("entityId"u8))
            {
                reader.Read();
                key = WireRow.ReadKey(Known(type), ref reader);
            }
            else if (reader.ValueTextEquals("version"u8))
            {
                reader.Read();
                version = VersionOf(ref reader);
            }
            else if (reader.ValueTextEquals("madeBy"u8))
            {
                reader.Read();
                madeBy = reader.TokenType == JsonTokenType.Null ? null : reader.GetGuid();
            }
            else if (reader.ValueTextEquals("contentVersion"u8))
            {
                reader.Read();
                contentVersion = reader.TokenType == JsonTokenType.Null ? null : VersionOf(ref reader);
            }
            else if (reader.ValueTextEquals("origin"u8))
            {
                reader.Read();
                origin = ReadOrigin(ref reader);
            }
            else if (reader.ValueTextEquals("row"u8))
            {
                reader.Read();
                row = reader.TokenType == JsonTokenType.Null ? null : WireRow.Read(Known(type), ref reader, ignoreUnknown: true);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        Check(operation, key, version, row);
        return new Change(type!.Name, type, operation!.Value, key, version, origin, row, null, utf8[start..(int)reader.BytesConsumed]) { MadeBy = madeBy, ContentVersion = contentVersion };
    }

    private static void Check(Operation? operation, EntityKey key, long version, Row? row)
    {
        if (operation is null || version <= 0 || key.Count == 0)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "A change needs entityType, operation (CREATE, UPDATE, DELETE, REMOVE), entityId and version.");
        }

        if (operation is Operation.Create or Operation.Update && (row is null || row.Key != key))
        {
            throw new WireFormatException(ErrorCodes.BadRequest, row is null ? "A change that is no deletion needs its row." : $"The row has the key {row.Key}, the change {key}.");
        }
    }

    private EntityType ReadType(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "entityType must be a string.");
        }

        if (_lastType is { } last && reader.ValueTextEquals(last.Index.TypeName))
        {
            return last;
        }

        var name = reader.GetString() ?? "";
        return _lastType = model.Find(name) ?? throw new WireFormatException(ErrorCodes.UnknownType, $"This device's model has no entity type {name}.");
    }

    private ChangeOrigin? ReadOrigin(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return reader.TokenType == JsonTokenType.Null ? null : throw new WireFormatException(ErrorCodes.BadRequest, "origin must be an object.");
        }

        string? device = null;
        Guid? command = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isDevice = reader.ValueTextEquals("deviceId"u8);
            var isCommand = reader.ValueTextEquals("commandId"u8);
            reader.Read();
            if (isDevice && reader.TokenType == JsonTokenType.String)
            {
                device = _lastDevice is { } last && reader.ValueTextEquals(last) ? last : _lastDevice = reader.GetString();
            }
            else if (isCommand && reader.TokenType == JsonTokenType.String)
            {
                command = reader.GetGuid();
            }
            else
            {
                reader.Skip();
            }
        }

        return new ChangeOrigin(device, command);
    }

    private static Operation? OperationOf(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("CREATE"u8))
        {
            return Operation.Create;
        }

        if (reader.ValueTextEquals("UPDATE"u8))
        {
            return Operation.Update;
        }

        if (reader.ValueTextEquals("DELETE"u8))
        {
            return Operation.Delete;
        }

        return reader.ValueTextEquals("REMOVE"u8) ? Operation.Remove : null;
    }

    private static long VersionOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number))
        {
            return number;
        }

        // An object or array must not be gone into: its members would be taken for the change's own.
        return reader.TokenType == JsonTokenType.String && long.TryParse(reader.GetString(), System.Globalization.CultureInfo.InvariantCulture, out number)
            ? number
            : throw new WireFormatException(ErrorCodes.BadRequest, "version must be an integer.");
    }

    // What can be told of a change that cannot be decoded: type and version, so that it can be put aside under a name.
    private Change Outline(ReadOnlyMemory<byte> raw, WireFormatException fault)
    {
        using var document = JsonDocument.Parse(raw, Options);
        var root = document.RootElement;
        var typeName = root.TryGetProperty("entityType", out var t) ? TextOrEmpty(t) : "";
        var version = root.TryGetProperty("version", out var v) && v.ValueKind == JsonValueKind.Number && v.TryGetInt64(out var n) ? n : 0;
        var type = model.Find(typeName);
        EntityKey key = default;
        try
        {
            key = type is not null && root.TryGetProperty("entityId", out var id) ? WireRow.ReadKey(type, id) : default;
        }
        catch (WireFormatException)
        {
            // The key itself is the fault: the change is put aside without one.
        }

        return new Change(typeName, type, OperationIn(root), key, version, null, null, fault, raw);
    }

    private static Operation OperationIn(JsonElement root) =>
        root.TryGetProperty("operation", out var o) && OperationNames.Find(TextOrEmpty(o)) is { } operation ? operation : Operation.Update;

    private static string TextOrEmpty(JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString()! : "";
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair: no name of anything.
            return "";
        }
    }

    private static EntityType Known(EntityType? type) => type ?? throw new WireFormatException(ErrorCodes.BadRequest, "entityType must come first in a change.");
}
