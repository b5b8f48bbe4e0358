using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>The canonical bytes of JSON: RFC 8785, integers beyond 2^53-1 as strings.</summary>
public static class CanonicalPayload
{
    /// <summary>Equal payloads give equal bytes, whatever their key order or number spelling.</summary>
    /// <exception cref="JsonException">Not JSON, or a member stands twice.</exception>
    public static byte[] Canonicalize(ReadOnlyMemory<byte> utf8)
    {
        using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = 64, AllowDuplicateProperties = false });
        return Canonicalize(document.RootElement);
    }

    public static byte[] Canonicalize(JsonElement element)
    {
        using var writer = new CanonicalJsonWriter();
        Write(writer, element);
        return writer.ToArray();
    }

    /// <exception cref="InvalidOperationException">A string is not valid UTF-8 or has half of a surrogate pair.</exception>
    public static void Write(CanonicalJsonWriter writer, JsonElement element)
    {
        var start = writer.Length;
        if (!SortedJson.TryWrite(writer, JsonMarshal.GetRawUtf8Value(element)))
        {
            writer.Truncate(start);
            WriteSorted(writer, element);
        }
    }

    /// <summary>Lower-case hex SHA-256 over the command ids joined by LF: the fast path of idempotency.</summary>
    public static string SyncOperationId(IEnumerable<Guid> commandIds)
    {
        ArgumentNullException.ThrowIfNull(commandIds);
        using var ids = new CanonicalJsonWriter();
        Span<byte> text = stackalloc byte[36];
        foreach (var id in commandIds)
        {
            if (ids.Length > 0)
            {
                ids.WriteByte((byte)'\n');
            }

            Utf8Formatter.TryFormat(id, text, out _);
            ids.WriteRaw(text);
        }

        return Convert.ToHexStringLower(SHA256.HashData(ids.Written));
    }

    /// <summary>One form for all spellings of a number: integers of 64 bits exactly, everything else as a double.</summary>
    internal static void WriteNumber(CanonicalJsonWriter writer, ReadOnlySpan<byte> token)
    {
        if (Utf8Parser.TryParse(token, out long integer, out var consumed) && consumed == token.Length)
        {
            writer.WriteInteger(integer);
            return;
        }

        var text = Encoding.ASCII.GetString(token);
        var real = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (!double.IsFinite(real))
        {
            throw new InvalidOperationException($"The number {text} is out of range.");
        }

        // Beyond 2^53 every double is whole, and is read again as the integer it was written as.
        if (Math.Abs(real) < 1e19 && (DecimalForm.WholeOf(text) ?? WholeOf(real)) is { } whole && long.TryParse(whole, CultureInfo.InvariantCulture, out integer))
        {
            writer.WriteInteger(integer);
            return;
        }

        writer.WriteDouble(real);
    }

    private static string? WholeOf(double real) =>
        Math.Abs(real) > CanonicalJsonWriter.SafeIntegerMax ? DecimalForm.WholeOf(CanonicalJsonWriter.EcmaScriptNumber(real)) : null;

    private static void WriteSorted(CanonicalJsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(writer, element);
                break;
            case JsonValueKind.Array:
                WriteArray(writer, element);
                break;
            case JsonValueKind.String:
                writer.WriteString(element.GetString()!);
                break;
            case JsonValueKind.Number:
                WriteNumber(writer, JsonMarshal.GetRawUtf8Value(element));
                break;
            case JsonValueKind.True:
                writer.WriteRaw("true"u8);
                break;
            case JsonValueKind.False:
                writer.WriteRaw("false"u8);
                break;
            default:
                writer.WriteRaw("null"u8);
                break;
        }
    }

    private static void WriteObject(CanonicalJsonWriter writer, JsonElement element)
    {
        writer.WriteByte((byte)'{');
        var first = true;
        foreach (var member in element.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal))
        {
            if (!first)
            {
                writer.WriteByte((byte)',');
            }

            first = false;
            writer.WriteString(member.Name);
            writer.WriteByte((byte)':');
            WriteSorted(writer, member.Value);
        }

        writer.WriteByte((byte)'}');
    }

    private static void WriteArray(CanonicalJsonWriter writer, JsonElement element)
    {
        writer.WriteByte((byte)'[');
        var first = true;
        foreach (var item in element.EnumerateArray())
        {
            if (!first)
            {
                writer.WriteByte((byte)',');
            }

            first = false;
            WriteSorted(writer, item);
        }

        writer.WriteByte((byte)']');
    }
}
