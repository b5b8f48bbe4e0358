using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>What a page says of itself, besides its changes.</summary>
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
    public static ChangesPage Read(ReadOnlyMemory<byte> utf8, SyncModel model) => Guarded(() => ReadPage(utf8, new ChangeReader(utf8, model)));

    /// <summary>
    /// What a page says of itself. When it stands before the changes, as our server writes it, they are not looked at:
    /// <see cref="CountChanges"/> tells whether the page came whole.
    /// </summary>
    /// <exception cref="WireFormatException">The bytes do not begin as a page.</exception>
    public static ChangesPageTail ReadTail(ReadOnlyMemory<byte> utf8) => Guarded(() =>
    {
        var reader = Opened(utf8.Span);
        using var tail = new CanonicalJsonWriter();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!reader.ValueTextEquals("changes"u8))
            {
                Copy(ref reader, utf8.Span, tail);
                continue;
            }

            if (Finished(tail) is { } first)
            {
                return first;
            }

            reader.Read();
            reader.Skip();
        }

        return Finished(tail) ?? throw new FormatException("it says nothing of itself.");
    });

    /// <summary>How many changes a page has. Every byte is looked at, no value is decoded.</summary>
    /// <exception cref="WireFormatException">The bytes are not a whole page.</exception>
    public static int CountChanges(ReadOnlyMemory<byte> utf8) => Guarded(() =>
    {
        var reader = Opened(utf8.Span);
        int? count = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isChanges = reader.ValueTextEquals("changes"u8);
            reader.Read();
            if (!isChanges)
            {
                reader.Skip();
                continue;
            }

            count = 0;
            while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                reader.Skip();
                count++;
            }
        }

        reader.Read();
        return count ?? throw new FormatException("it has no changes.");
    });

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
        var reader = Opened(utf8.Span);
        List<Change>? changes = null;
        using var tail = new CanonicalJsonWriter();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("changes"u8))
            {
                changes = ReadChanges(ref reader, changeReader);
            }
            else
            {
                Copy(ref reader, utf8.Span, tail);
            }
        }

        // One more read finds what follows the page, which is nothing.
        reader.Read();
        return new ChangesPage(
            changes ?? throw new FormatException("it has no changes."),
            Finished(tail) ?? throw new FormatException("it says nothing of itself."));
    }

    private static T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "The answer is not a page of changes: " + e.Message);
        }
    }

    private static Utf8JsonReader Opened(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? reader : throw new FormatException("an object is wanted.");
    }

    // The member the reader stands on, name and value.
    private static void Copy(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, CanonicalJsonWriter tail)
    {
        tail.WriteByte(tail.Length == 0 ? (byte)'{' : (byte)',');
        tail.WriteString(reader.GetString()!);
        tail.WriteByte((byte)':');
        reader.Read();
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        tail.WriteRaw(utf8[start..(int)reader.BytesConsumed]);
    }

    private static ChangesPageTail? Finished(CanonicalJsonWriter tail)
    {
        if (tail.Length == 0)
        {
            return null;
        }

        tail.WriteByte((byte)'}');
        return JsonSerializer.Deserialize(tail.Written, PageJson.Default.ChangesPageTail);
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
