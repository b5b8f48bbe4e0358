using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>What follows the changes of a page.</summary>
public sealed record ChangesPageTail
{
    public required string NextCursor { get; init; }

    public IReadOnlyDictionary<string, string> Cursors { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, WireEntityCursor> EntityCursors { get; init; } = new Dictionary<string, WireEntityCursor>(StringComparer.Ordinal);

    /// <summary>The head the first page saw; paging ends there.</summary>
    public long Until { get; init; }

    public bool HasMore { get; init; }

    public long EstimatedRemaining { get; init; }

    public required string Epoch { get; init; }

    /// <summary>The commit at or before <see cref="Until"/> this page was read at.</summary>
    public required Mark Mark { get; init; }
}

/// <summary>One pulled row version, decoded.</summary>
/// <param name="TypeName">The entity type as it came.</param>
/// <param name="Type">Null when this device's model does not know it.</param>
/// <param name="Operation">Create and Update both mean upsert.</param>
/// <param name="Key">The server's key.</param>
/// <param name="Version">The row version.</param>
/// <param name="Origin">Who made it, when the server tells.</param>
/// <param name="Row">The row; null for Delete and Remove.</param>
/// <param name="Fault">Why the change could not be read; then it is put aside raw.</param>
/// <param name="Raw">The change as it came.</param>
public sealed record Change(
    string TypeName,
    EntityType? Type,
    Operation Operation,
    EntityKey Key,
    long Version,
    ChangeOrigin? Origin,
    Row? Row,
    WireFormatException? Fault,
    ReadOnlyMemory<byte> Raw);

/// <summary>A page of changes, decoded.</summary>
public sealed record ChangesPage(IReadOnlyList<Change> Changes, ChangesPageTail Tail)
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    /// <exception cref="WireFormatException">The bytes are not a page (cut off, HTML, other JSON).</exception>
    public static ChangesPage Read(ReadOnlyMemory<byte> utf8, SyncModel model)
    {
        try
        {
            return ReadPage(utf8, model);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "The answer is not a page of changes: " + e.Message);
        }
    }

    /// <summary>Reads one change alone, as it was put aside.</summary>
    public static Change ReadChange(ReadOnlyMemory<byte> utf8, SyncModel model)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        reader.Read();
        return ReadChange(utf8, ref reader, model);
    }

    private static ChangesPage ReadPage(ReadOnlyMemory<byte> utf8, SyncModel model)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new FormatException("an object is wanted.");
        }

        var changes = new List<Change>();
        var seen = false;
        var tail = new List<byte>(512) { (byte)'{' };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("changes"u8))
            {
                seen = true;
                ReadChanges(utf8, ref reader, model, changes);
                continue;
            }

            var name = reader.GetString()!;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (tail.Count > 1)
            {
                tail.Add((byte)',');
            }

            tail.AddRange(Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(name)}\":"));
            tail.AddRange(utf8.Span[start..(int)reader.BytesConsumed]);
        }

        tail.Add((byte)'}');
        if (!seen)
        {
            throw new FormatException("it has no changes.");
        }

        return new ChangesPage(changes, JsonSerializer.Deserialize(tail.ToArray(), PageJson.Default.ChangesPageTail)!);
    }

    private static void ReadChanges(ReadOnlyMemory<byte> utf8, ref Utf8JsonReader reader, SyncModel model, List<Change> changes)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new FormatException("changes must be an array.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            changes.Add(ReadChange(utf8, ref reader, model));
        }
    }

    private static Change ReadChange(ReadOnlyMemory<byte> utf8, ref Utf8JsonReader reader, SyncModel model)
    {
        var start = (int)reader.TokenStartIndex;
        var probe = reader;
        try
        {
            var change = DecodeChange(ref reader, model);
            return change with { Raw = utf8[start..(int)reader.BytesConsumed] };
        }
        catch (Exception e) when (e is WireFormatException or InvalidOperationException or FormatException)
        {
            probe.Skip();
            reader = probe;
            var raw = utf8[start..(int)reader.BytesConsumed];
            var fault = e as WireFormatException ?? new WireFormatException(ErrorCodes.ValidationFailed, e.Message);
            return Outline(raw, model, fault);
        }
    }

    private static Change DecodeChange(ref Utf8JsonReader reader, SyncModel model)
    {
        EntityType? type = null;
        var typeName = "";
        Operation? operation = null;
        EntityKey key = default;
        var version = 0L;
        ChangeOrigin? origin = null;
        Row? row = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("entityType"u8))
            {
                reader.Read();
                typeName = reader.GetString() ?? "";
                type = model.Find(typeName) ?? throw new WireFormatException(ErrorCodes.UnknownType, $"This device's model has no entity type {typeName}.");
            }
            else if (reader.ValueTextEquals("operation"u8))
            {
                reader.Read();
                operation = OperationNames.Find(reader.GetString());
            }
            else if (reader.ValueTextEquals("entityId"u8))
            {
                reader.Read();
                key = WireRow.ReadKey(Known(type), ref reader);
            }
            else if (reader.ValueTextEquals("version"u8))
            {
                reader.Read();
                version = ReadLong(ref reader);
            }
            else if (reader.ValueTextEquals("origin"u8))
            {
                reader.Read();
                origin = JsonSerializer.Deserialize(ref reader, PageJson.Default.ChangeOrigin);
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

        if (operation is null || version <= 0 || key.Count == 0)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "A change needs entityType, operation, entityId and version.");
        }

        return new Change(typeName, type, operation.Value, key, version, origin, row, null, default);
    }

    // What can be told of a change that cannot be decoded: type and version, so that it can be put aside under a name.
    private static Change Outline(ReadOnlyMemory<byte> raw, SyncModel model, WireFormatException fault)
    {
        using var document = JsonDocument.Parse(raw, Options);
        var root = document.RootElement;
        var typeName = root.TryGetProperty("entityType", out var t) && t.ValueKind == JsonValueKind.String ? t.GetString()! : "";
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

        return new Change(typeName, type, Operation.Update, key, version, null, null, fault, raw);
    }

    private static EntityType Known(EntityType? type) => type ?? throw new WireFormatException(ErrorCodes.BadRequest, "entityType must come first in a change.");

    private static long ReadLong(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? long.Parse(reader.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : reader.GetInt64();
}

/// <summary>Writes a page while its rows are read.</summary>
public sealed class ChangesPageWriter : IDisposable
{
    private readonly CanonicalJsonWriter _json = new();

    public ChangesPageWriter() => _json.WriteRaw("{\"changes\":["u8);

    public int Count { get; private set; }

    public int Length => _json.Length;

    public void Add(EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row)
    {
        _json.WriteRaw(Count++ == 0 ? "{\"entityType\":"u8 : ",{\"entityType\":"u8);
        WriteChange(_json, type, operation, key, version, origin, row);
    }

    /// <summary>The bytes of one change alone, as in a page.</summary>
    public static RawJson One(EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row)
    {
        using var json = new CanonicalJsonWriter();
        json.WriteRaw("{\"entityType\":"u8);
        WriteChange(json, type, operation, key, version, origin, row);
        return new RawJson(json.ToArray());
    }

    /// <summary>The whole page; valid until the writer is disposed.</summary>
    public ReadOnlyMemory<byte> Finish(ChangesPageTail tail)
    {
        _json.WriteRaw("],"u8);
        _json.WriteRaw(JsonSerializer.SerializeToUtf8Bytes(tail, PageJson.Default.ChangesPageTail).AsSpan(1));
        return _json.WrittenMemory;
    }

    public void Dispose() => _json.Dispose();

    private static void WriteChange(CanonicalJsonWriter json, EntityType type, Operation operation, EntityKey key, long version, ChangeOrigin? origin, Row? row)
    {
        json.WriteString(type.Name);
        json.WriteRaw(",\"operation\":"u8);
        json.WriteString(OperationNames.NameOf(operation));
        json.WriteRaw(",\"entityId\":"u8);
        json.WriteKey(type, key);
        json.WriteRaw(",\"version\":"u8);
        json.WriteInteger(version);
        json.WriteRaw(",\"changedAt\":"u8);
        json.WriteString(WireTime.OfPosition(version));
        if (origin is not null)
        {
            json.WriteRaw(",\"origin\":"u8);
            json.WriteRaw(JsonSerializer.SerializeToUtf8Bytes(origin, PageJson.Default.ChangeOrigin));
        }

        if (row is not null)
        {
            json.WriteRaw(",\"row\":"u8);
            WireRow.Write(json, row);
        }

        json.WriteByte((byte)'}');
    }
}
