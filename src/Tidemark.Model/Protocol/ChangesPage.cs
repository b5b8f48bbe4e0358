using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>What follows the changes of a page.</summary>
public sealed record ChangesPageTail
{
    public required string NextCursor { get; init; }

    public IReadOnlyDictionary<string, string> Cursors { get => field ?? new Dictionary<string, string>(StringComparer.Ordinal); init; }

    public IReadOnlyDictionary<string, WireEntityCursor> EntityCursors { get => field ?? new Dictionary<string, WireEntityCursor>(StringComparer.Ordinal); init; }

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
    /// <summary>A single change that cannot be read is part of the page, with its fault.</summary>
    /// <exception cref="WireFormatException">The bytes are not a page (cut off, HTML, other JSON).</exception>
    public static ChangesPage Read(ReadOnlyMemory<byte> utf8, SyncModel model)
    {
        try
        {
            return ReadPage(utf8, new ChangeReader(utf8, model));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "The answer is not a page of changes: " + e.Message);
        }
    }

    /// <summary>Reads one change alone, as it was put aside.</summary>
    /// <exception cref="JsonException">The bytes are not JSON.</exception>
    public static Change ReadChange(ReadOnlyMemory<byte> utf8, SyncModel model)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        reader.Read();
        return new ChangeReader(utf8, model).Read(ref reader);
    }

    private static ChangesPage ReadPage(ReadOnlyMemory<byte> utf8, ChangeReader changeReader)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new FormatException("an object is wanted.");
        }

        List<Change>? changes = null;
        using var tail = new CanonicalJsonWriter();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("changes"u8))
            {
                changes = ReadChanges(ref reader, changeReader);
                continue;
            }

            tail.WriteByte(tail.Length == 0 ? (byte)'{' : (byte)',');
            tail.WriteString(reader.GetString()!);
            tail.WriteByte((byte)':');
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            tail.WriteRaw(utf8.Span[start..(int)reader.BytesConsumed]);
        }

        // One more read finds what follows the page, which is nothing.
        reader.Read();
        tail.WriteRaw(tail.Length == 0 ? "{}"u8 : "}"u8);
        return new ChangesPage(
            changes ?? throw new FormatException("it has no changes."),
            JsonSerializer.Deserialize(tail.Written, PageJson.Default.ChangesPageTail)!);
    }

    private static List<Change> ReadChanges(ref Utf8JsonReader reader, ChangeReader changeReader)
    {
        var changes = new List<Change>();
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            throw new FormatException("changes must be an array.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            changes.Add(changeReader.Read(ref reader));
        }

        return reader.TokenType == JsonTokenType.EndArray ? changes : throw new FormatException("a change must be an object.");
    }
}
