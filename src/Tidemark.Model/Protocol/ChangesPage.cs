using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>What a page says of itself, besides its changes.</summary>
public sealed record ChangesPageTail : System.Text.Json.Serialization.IJsonOnDeserialized
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

    void System.Text.Json.Serialization.IJsonOnDeserialized.OnDeserialized() => NoNulls.In(EntityCursors.Values, "entityCursors");
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
    ReadOnlyMemory<byte> Raw)
{
    /// <summary>The CREATE that got the row its id from the server; null where the key names the row.</summary>
    public Guid? MadeBy { get; init; }

    /// <summary>Of a row that was offered after a restore: the version its content had before.</summary>
    public long? ContentVersion { get; init; }
}

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

            if (FinishedBefore(tail) is { } first)
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
            if (!isChanges)
            {
                _ = reader.GetString();
                reader.Read();
                reader.Skip();
                continue;
            }

            count = OpenedChanges(ref reader, count is null);
            while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                reader.Skip();
                count++;
            }

            ClosedChanges(ref reader);
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
        ChangesPageTail? before = null;
        using var tail = new CanonicalJsonWriter();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("changes"u8))
            {
                before ??= FinishedBefore(tail);
                changes = ReadChanges(ref reader, changeReader, changes is null);
            }
            else if (before is null)
            {
                Copy(ref reader, utf8.Span, tail);
            }
            else
            {
                _ = reader.GetString();
                reader.Read();
                reader.Skip();
            }
        }

        // One more read finds what follows the page, which is nothing.
        reader.Read();
        return new ChangesPage(
            changes ?? throw new FormatException("it has no changes."),
            before ?? Finished(tail) ?? throw new FormatException("it says nothing of itself."));
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

    // What stands before the changes counts when it is whole, whatever follows them; the three ways to read a page agree on that.
    private static ChangesPageTail? FinishedBefore(CanonicalJsonWriter tail)
    {
        var length = tail.Length;
        try
        {
            return Finished(tail);
        }
        catch (JsonException)
        {
            tail.Truncate(length);
            return null;
        }
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

    private static List<Change> ReadChanges(ref Utf8JsonReader reader, ChangeReader changeReader, bool isFirst)
    {
        var changes = new List<Change>(OpenedChanges(ref reader, isFirst));
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            changes.Add(changeReader.Read(ref reader));
        }

        ClosedChanges(ref reader);
        return changes;
    }

    private static int OpenedChanges(ref Utf8JsonReader reader, bool isFirst)
    {
        if (!isFirst)
        {
            throw new FormatException("changes stands in it twice.");
        }

        return reader.Read() && reader.TokenType == JsonTokenType.StartArray ? 0 : throw new FormatException("changes must be an array.");
    }

    private static void ClosedChanges(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw new FormatException("a change must be an object.");
        }
    }
}
