using System.Text.Json;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;

namespace Tidemark.Fuzzing.Wire;

/// <summary>The canonical form: a fixpoint, and the same for members in any order.</summary>
public sealed class CanonicalTarget : JsonTarget
{
    public override string Name => "canonical";

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[] { "{\"b\":1,\"a\":[1.0,1e2,-0,\"x\"]}", "{\"\\u0061\":1,\"b\":{\"z\":null,\"\uE000\":1,\"\\ud83d\\ude00\":2}}", "9007199254740993", "[1e21,1e-7,5e-324,0.1,1E400]", "\"\\u0000\\u001f\\u007f/\\/\"", "[[[[[[[]]]]]]]" }.Select(FuzzModel.Utf8),
    ];

    public override byte[]? Make(FuzzDice dice) => FuzzModel.Utf8(FuzzModel.Push(dice));

    public override string Run(byte[] input)
    {
        byte[] canonical;
        try
        {
            canonical = CanonicalPayload.Canonicalize(input);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Shapes.Of(e);
        }

        Hold(CanonicalPayload.Canonicalize(canonical).AsSpan().SequenceEqual(canonical), "The canonical form of a canonical form is another one.");
        using var document = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = 64, AllowDuplicateProperties = false });
        Hold(CanonicalPayload.Canonicalize(Reversed(document.RootElement)).AsSpan().SequenceEqual(canonical), "Members in another order give another canonical form.");
        return "canonical " + document.RootElement.ValueKind;
    }

    private static byte[] Reversed(JsonElement element)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, element);
        }

        return buffer.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in element.EnumerateObject().Reverse())
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
