using System.Text.Json;
using System.Text.Unicode;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>
/// The canonical form in one pass over JSON whose members are sorted already, as every Tidemark writes it. Gives up where that
/// cannot be told from the bytes; then the slow way sorts.
/// </summary>
internal static class SortedJson
{
    private const int DepthMax = 128;

    public static bool TryWrite(CanonicalJsonWriter writer, ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = DepthMax });
        return !reader.Read() || TryWrite(writer, utf8, ref reader);
    }

    /// <summary>The same for one value among others; the reader stands on its start and is left on its end.</summary>
    /// <param name="writer">Takes the canonical form.</param>
    /// <param name="utf8">All that the reader reads.</param>
    /// <param name="reader">Of a depth that is not above 128.</param>
    public static bool TryWrite(CanonicalJsonWriter writer, ReadOnlySpan<byte> utf8, ref Utf8JsonReader reader)
    {
        Span<Range> lastNames = stackalloc Range[DepthMax + 1];
        var depth = reader.CurrentDepth;
        var comma = false;
        do
        {
            if (comma && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
            {
                writer.WriteByte((byte)',');
            }

            comma = true;
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    writer.WriteByte(reader.TokenType == JsonTokenType.StartObject ? (byte)'{' : (byte)'[');
                    lastNames[reader.CurrentDepth + 1] = default;
                    comma = false;
                    break;
                case JsonTokenType.EndObject:
                    writer.WriteByte((byte)'}');
                    break;
                case JsonTokenType.EndArray:
                    writer.WriteByte((byte)']');
                    break;
                case JsonTokenType.PropertyName:
                    var start = (int)reader.TokenStartIndex + 1;
                    if (!IsNext(ref reader, utf8[lastNames[reader.CurrentDepth]]))
                    {
                        return false;
                    }

                    lastNames[reader.CurrentDepth] = start..(start + reader.ValueSpan.Length);
                    WriteQuoted(writer, reader.ValueSpan);
                    writer.WriteByte((byte)':');
                    comma = false;
                    break;
                default:
                    WriteScalar(writer, ref reader);
                    break;
            }
        }
        while ((reader.CurrentDepth > depth || reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) && reader.Read());

        return true;
    }

    // Names are sorted by UTF-16 code units; up to U+D7FF the order of UTF-8 bytes is the same.
    private static bool IsNext(ref Utf8JsonReader reader, ReadOnlySpan<byte> last) =>
        !reader.ValueIsEscaped
        && !reader.ValueSpan.ContainsAnyInRange((byte)0xED, (byte)0xFF)
        && (last.Length == 0 || last.SequenceCompareTo(reader.ValueSpan) < 0);

    private static void WriteScalar(CanonicalJsonWriter writer, ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String when !reader.ValueIsEscaped:
                WriteQuoted(writer, reader.ValueSpan);
                break;
            case JsonTokenType.String:
                writer.WriteString(reader.GetString()!);
                break;
            case JsonTokenType.Number:
                CanonicalPayload.WriteNumber(writer, reader.ValueSpan);
                break;
            default:
                writer.WriteRaw(reader.ValueSpan);
                break;
        }
    }

    // What stands in JSON without an escape needs none in the canonical form either.
    private static void WriteQuoted(CanonicalJsonWriter writer, ReadOnlySpan<byte> unescaped)
    {
        if (!Utf8.IsValid(unescaped))
        {
            throw new InvalidOperationException("A string is not valid UTF-8.");
        }

        writer.WriteByte((byte)'"');
        writer.WriteRaw(unescaped);
        writer.WriteByte((byte)'"');
    }
}
