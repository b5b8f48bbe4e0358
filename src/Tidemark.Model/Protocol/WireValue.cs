using System.Globalization;
using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>One value read from the wire into its canonical form.</summary>
internal static class WireValue
{
    public static Value Read(Field field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return Value.Null;
        }

        return field.Type switch
        {
            FieldType.Integer => Value.Integer(ReadInteger(ref reader)),
            FieldType.Real => Value.Real(ReadReal(ref reader)),
            FieldType.Text => Value.Text(ReadText(ref reader)),
            FieldType.Blob => Value.Blob(ReadBlob(ref reader)),
            FieldType.Boolean => Value.Integer(ReadBoolean(ref reader)),
            FieldType.Uuid => Value.Text(ReadUuid(ref reader).ToString("D")),
            FieldType.Timestamp => Value.Text(WireTime.Canonical(ReadText(ref reader))),
            FieldType.Decimal => Value.Text(ReadDecimal(ref reader)),
            FieldType.Json => Value.Text(ReadJson(ref reader)),
            _ => ReadExact(ref reader),
        };
    }

    private static Value ReadExact(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return Value.Text(ReadText(ref reader));
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var integer) && IsIntegral(ref reader) ? Value.Integer(integer) : Value.Real(Finite(reader.GetDouble()));
            case JsonTokenType.StartObject:
                return ReadTagged(ref reader);
            default:
                throw new FormatException($"{reader.TokenType} is no form of an exact value; use a string, a number, null or {{\"t\":\"i|r|t|b\",\"v\":...}}.");
        }
    }

    private static Value ReadTagged(ref Utf8JsonReader reader)
    {
        string? tag = null;
        Value? value = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isTag = reader.ValueTextEquals("t"u8);
            if (!isTag && !reader.ValueTextEquals("v"u8))
            {
                throw new FormatException("A tagged value has the members t and v.");
            }

            reader.Read();
            if (isTag)
            {
                tag = ReadText(ref reader);
                continue;
            }

            value = tag switch
            {
                "i" => Value.Integer(ReadInteger(ref reader)),
                "r" => Value.Real(ReadReal(ref reader)),
                "t" => Value.Text(ReadText(ref reader)),
                "b" => Value.Blob(ReadBlob(ref reader)),
                _ => throw new FormatException("A tagged value names its class first: t is i, r, t or b."),
            };
        }

        return value ?? throw new FormatException("A tagged value has the members t and v.");
    }

    private static long ReadInteger(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number))
        {
            return number;
        }

        return reader.TokenType == JsonTokenType.String
            && long.TryParse(reader.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed)
            ? parsed
            : throw new FormatException("An integer of 64 bits is wanted, as a number or beyond 2^53-1 as a string.");
    }

    private static double ReadReal(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return Finite(reader.GetDouble());
        }

        return (reader.TokenType == JsonTokenType.String ? reader.GetString() : null) switch
        {
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            _ => throw new FormatException("A number is wanted."),
        };
    }

    private static long ReadBoolean(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => 1,
        JsonTokenType.False => 0,
        _ => throw new FormatException("true or false is wanted."),
    };

    private static Guid ReadUuid(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var id))
        {
            return id;
        }

        return Guid.TryParse(ReadText(ref reader), CultureInfo.InvariantCulture, out id) ? id : throw new FormatException("A UUID is wanted, such as 0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a.");
    }

    private static string ReadDecimal(ref Utf8JsonReader reader)
    {
        var text = reader.TokenType == JsonTokenType.Number ? Encoding.UTF8.GetString(reader.ValueSpan) : ReadText(ref reader);
        return WireDecimal.Canonical(text);
    }

    private static string ReadJson(ref Utf8JsonReader reader)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return JsonForm.OfWire(document.RootElement);
    }

    private static byte[] ReadBlob(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetBytesFromBase64() : throw new FormatException("Bytes are wanted as base64.");

    private static string ReadText(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new FormatException("A string is wanted.");
        }

        var text = reader.GetString()!;
        return text.Contains('\0', StringComparison.Ordinal)
            ? throw new FormatException("Text may not contain NUL.")
            : text;
    }

    private static double Finite(double value) =>
        double.IsFinite(value) ? value : throw new FormatException("The number is out of range; infinities travel as {\"t\":\"r\",\"v\":\"Infinity\"}.");

    private static bool IsIntegral(ref Utf8JsonReader reader) => reader.ValueSpan.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0;
}
