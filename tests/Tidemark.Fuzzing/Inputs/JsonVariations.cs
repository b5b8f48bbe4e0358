using System.Text;
using System.Text.Json;
using Tidemark.Fuzzing.Engine;

namespace Tidemark.Fuzzing.Inputs;

/// <summary>Variations that keep JSON JSON: values exchanged, members dropped, doubled, moved and renamed, nesting.</summary>
public static class JsonVariations
{
    private static readonly byte[][] Values = [.. new[]
    {
        "null", "true", "false", "0", "-0", "-0.0", "1", "-1", "1e0", "1.5", "1e400", "-1e400", "1e-400", "5e-324", "9007199254740991", "9007199254740993", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e18", "1e19", "123456789012345678901234567890", "0.1000000000000000055511151231257827", "\"\"", "\"0\"", "\"-1\"", "\"9223372036854775807\"",
        "\"a\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"\u00e9\"", "\"e\u0301\"", "\"\uffff\"", "\"\u2028\"", "\"Infinity\"", "\"-Infinity\"", "\"NaN\"", "\"AA==\"", "\"AAA\"", "\"=\"", "\"\\n\\t\\\"\\\\\"",
        "\"2026-01-31T12:00:00Z\"", "\"2026-02-30T25:61:61.9999999999Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59.9999999-14:00\"", "\"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a\"", "\"00000000-0000-0000-0000-000000000000\"",
        "\"{0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a}\"", "[]", "{}", "[null]", "[[]]", "{\"\":null}", "{\"t\":\"i\",\"v\":1}", "{\"t\":\"r\",\"v\":\"Infinity\"}", "{\"t\":\"b\",\"v\":\"AA==\"}", "{\"t\":\"t\",\"v\":\"x\"}", "{\"v\":1,\"t\":\"i\"}", "{\"t\":\"i\"}",
        "\"12345678901234567890123456789.123456789\"", "\"1e5\"", "\"-0\"", "\"+1\"", "\" 1\"", "\"CREATE\"", "\"DELETE\"", "\"OFFER\"", "\"REKEY\"", "\"REMOVE\"", "\"UPDATE\"",
    }.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Words for variations of bytes.</summary>
    public static IReadOnlyList<byte[]> Words => Values;

    public static byte[] Vary(byte[] input, byte[] other, FuzzDice dice, IReadOnlyList<byte[]> names)
    {
        ArgumentNullException.ThrowIfNull(dice);
        var spans = dice.Chance(85) ? Read(input) : [];
        if (spans.Count == 0)
        {
            return ByteVariations.Vary(input, other, dice, Values);
        }

        var span = dice.Of(spans);
        var whole = input[span.Start..span.End];
        switch (dice.Next(9))
        {
            case 0 or 1 or 2:
                return Put(input, span.ValueStart, span.End, dice.Of(Values));
            case 3 when Read(other) is { Count: > 0 } donors:
                var donor = dice.Of(donors);
                return Put(input, span.ValueStart, span.End, other[donor.ValueStart..donor.End]);
            case 4:
                return Put(input, span.Start, span.End, []);
            case 5:
                return Put(input, span.Start, span.End, [.. whole, (byte)',', .. whole]);
            case 6:
                var second = dice.Of(spans);
                return second.Start >= span.End ? [.. input[..span.Start], .. input[second.Start..second.End], .. input[span.End..second.Start], .. whole, .. input[second.End..]] : Put(input, span.ValueStart, span.End, dice.Of(Values));
            case 7 when span.ValueStart > span.Start:
                return Put(input, span.Start, span.ValueStart, [(byte)'"', .. dice.Of(names), .. "\":"u8]);
            case 8:
                var depth = dice.Of([1, 2, 10, 60, 63, 64, 65, 130, 2000]);
                return dice.Chance(50)
                    ? Put(input, span.ValueStart, span.End, Encoding.UTF8.GetBytes(new string('[', depth) + new string(']', depth)))
                    : Put(input, span.ValueStart, span.End, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth)));
            default:
                return Put(input, span.ValueStart, span.End, dice.Of(Values));
        }
    }

    // Every value with its member's name; names stand from Start to ValueStart.
    private static List<(int Start, int ValueStart, int End)> Read(byte[] input)
    {
        var spans = new List<(int, int, int)>();
        var open = new Stack<(int Start, int ValueStart)>();
        var reader = new Utf8JsonReader(input, new JsonReaderOptions { MaxDepth = 4000 });
        var name = -1;
        try
        {
            while (reader.Read())
            {
                var at = (int)reader.TokenStartIndex;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = at;
                        continue;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push((name < 0 ? at : name, at));
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        var (start, valueStart) = open.Pop();
                        spans.Add((start, valueStart, (int)reader.BytesConsumed));
                        break;
                    default:
                        spans.Add((name < 0 ? at : name, at, (int)reader.BytesConsumed));
                        break;
                }

                name = -1;
            }
        }
        catch (JsonException)
        {
            // What was read so far can be varied too.
        }

        return spans;
    }

    private static byte[] Put(byte[] input, int start, int end, byte[] value) => [.. input.AsSpan(0, start), .. value, .. input.AsSpan(end)];
}
