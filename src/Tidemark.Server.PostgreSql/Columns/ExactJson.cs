using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>
/// Values of any class as jsonb, so that other programs can read them: numbers are numbers (a real that is whole has its point: 1.0), text is a string, bytes are
/// {"b": hex}, an infinity is {"r": "Infinity"}. As in SQLite 1 and 1.0 are equal, and still told apart.
/// </summary>
internal static class ExactJson
{
    private static readonly JsonEncodedText BytesName = JsonEncodedText.Encode("b");
    private static readonly JsonEncodedText RealName = JsonEncodedText.Encode("r");
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(Value value) => value.Kind switch
    {
        ValueKind.Integer => value.AsInteger.ToString(CultureInfo.InvariantCulture),
        ValueKind.Real => WriteReal(value.AsReal),
        ValueKind.Text => WriteWith(json => json.WriteStringValue(value.AsText)),
        ValueKind.Blob => WriteWith(json => WriteTagged(json, BytesName, Convert.ToHexStringLower(value.AsBlob))),
        _ => throw new ArgumentException($"A value that is {value.Kind} cannot be stored.", nameof(value)),
    };

    public static Value Read(string json) => json[0] switch
    {
        '"' => Value.Text(json.Contains('\\', StringComparison.Ordinal) ? JsonSerializer.Deserialize(json, ExactJsonText.Default.String)! : json[1..^1]),
        '{' => ReadTagged(json),
        't' => Value.Integer(1),
        'f' => Value.Integer(0),
        'n' => Value.Null,
        '[' => Value.Text(json),
        _ => ReadNumber(json),
    };

    private static string WriteReal(double real)
    {
        if (!double.IsFinite(real))
        {
            return WriteWith(json => WriteTagged(json, RealName, real > 0 ? "Infinity" : "-Infinity"));
        }

        // Whole numbers that fit an integer need the point to be told from one; others are told by their size.
        return real == Math.Floor(real) && Math.Abs(real) < 1e19
            ? real.ToString("F1", CultureInfo.InvariantCulture).TrimStart('-') is var digits && real < 0 ? "-" + digits : digits
            : real.ToString("R", CultureInfo.InvariantCulture);
    }

    private static Value ReadNumber(string json) =>
        !json.Contains('.', StringComparison.Ordinal) && long.TryParse(json, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)
            ? Value.Integer(integer)
            : Value.Real(double.Parse(json, NumberStyles.Float, CultureInfo.InvariantCulture));

    // What no device wrote is text: it is shown, and never mistaken for bytes.
    private static Value ReadTagged(string json)
    {
        using var document = JsonDocument.Parse(json);
        var members = document.RootElement.EnumerateObject().ToArray();
        if (members is [{ Value.ValueKind: JsonValueKind.String } member])
        {
            var text = member.Value.GetString()!;
            switch (member.Name)
            {
                case "b" when text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit):
                    return Value.Blob(Convert.FromHexString(text));
                case "r" when text is "Infinity" or "-Infinity":
                    return Value.Real(text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity);
            }
        }

        return Value.Text(json);
    }

    private static void WriteTagged(Utf8JsonWriter json, JsonEncodedText name, string text)
    {
        json.WriteStartObject();
        json.WriteString(name, text);
        json.WriteEndObject();
    }

    private static string WriteWith(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class ExactJsonText : System.Text.Json.Serialization.JsonSerializerContext;
