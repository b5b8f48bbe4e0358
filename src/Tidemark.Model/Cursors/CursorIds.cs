using System.Text.Json;

namespace Tidemark.Model.Cursors;

/// <summary>The order of ids in their wire form: the order of the keys they stand for, not of their text.</summary>
internal static class CursorIds
{
    public static int Compare(string? a, string? b)
    {
        if (string.Equals(a, b, StringComparison.Ordinal) || string.IsNullOrEmpty(a) || string.IsNullOrEmpty(b))
        {
            return string.CompareOrdinal(a ?? "", b ?? "");
        }

        try
        {
            using var left = JsonDocument.Parse(a);
            using var right = JsonDocument.Parse(b);
            return Compare(left.RootElement, right.RootElement) is var order && order != 0 ? order : string.CompareOrdinal(a, b);
        }
        catch (JsonException)
        {
            return string.CompareOrdinal(a, b);
        }
    }

    private static int Compare(JsonElement a, JsonElement b)
    {
        if (a.ValueKind == JsonValueKind.Array && b.ValueKind == JsonValueKind.Array)
        {
            foreach (var (left, right) in a.EnumerateArray().Zip(b.EnumerateArray()))
            {
                if (Compare(left, right) is var order && order != 0)
                {
                    return order;
                }
            }

            return a.GetArrayLength().CompareTo(b.GetArrayLength());
        }

        // A large integer travels as a string: beside a number it is one.
        if ((a.ValueKind == JsonValueKind.Number || b.ValueKind == JsonValueKind.Number) && NumberOf(a) is { } one && NumberOf(b) is { } other)
        {
            return one.CompareTo(other);
        }

        return a.ValueKind == JsonValueKind.String && b.ValueKind == JsonValueKind.String
            ? a.GetString()!.AsSpan().SequenceCompareTo(b.GetString())
            : string.CompareOrdinal(a.GetRawText(), b.GetRawText());
    }

    private static decimal? NumberOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Number when element.TryGetDecimal(out var number) => number,
        JsonValueKind.String when long.TryParse(element.GetString(), System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };
}
