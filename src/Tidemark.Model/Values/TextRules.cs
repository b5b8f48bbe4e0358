namespace Tidemark.Model.Values;

/// <summary>What text every engine can hold: no NUL, no half of a surrogate pair.</summary>
internal static class TextRules
{
    /// <summary>Why the text cannot be synced; null when it can.</summary>
    public static string? FaultOf(ReadOnlySpan<char> text)
    {
        if (text.Contains('\0'))
        {
            return "the text contains NUL, which not every engine can hold";
        }

        return HasLoneSurrogate(text) ? "the text contains half of a surrogate pair and has no UTF-8 form" : null;
    }

    private static bool HasLoneSurrogate(ReadOnlySpan<char> text)
    {
        while (true)
        {
            var at = text.IndexOfAnyInRange('\uD800', '\uDFFF');
            if (at < 0)
            {
                return false;
            }

            if (at + 1 == text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
            {
                return true;
            }

            text = text[(at + 2)..];
        }
    }
}
