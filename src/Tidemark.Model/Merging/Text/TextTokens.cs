using System.Globalization;

namespace Tidemark.Model.Merging;

/// <summary>Words, runs of white space, and single other characters. Nothing that is one character to a reader is cut.</summary>
internal static class TextTokens
{
    private enum CharClass
    {
        Space,
        Word,

        /// <summary>Letters of scripts without spaces between words: each stands for itself.</summary>
        Ideograph,
        Other,

        /// <summary>Belongs to the character before it.</summary>
        Mark,
    }

    public static string[] Of(string text)
    {
        var tokens = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = EndOf(text, start);
            tokens.Add(text[start..end]);
            start = end;
        }

        return [.. tokens];
    }

    /// <summary>Would the two be read as one word?</summary>
    public static bool Touch(string left, string right) => ClassOf(left[^1]) == CharClass.Word && ClassOf(right[0]) == CharClass.Word;

    private static int EndOf(string text, int start)
    {
        var first = ClassOf(text[start]);
        var end = start + 1;
        while (end < text.Length)
        {
            var next = ClassOf(text[end]);
            if (next != CharClass.Mark && (next != first || first is CharClass.Other or CharClass.Ideograph))
            {
                break;
            }

            end++;
        }

        return end;
    }

    private static CharClass ClassOf(char c) => char.IsSurrogate(c) ? CharClass.Word : char.GetUnicodeCategory(c) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharClass.Word,
        UnicodeCategory.OtherLetter => CharClass.Ideograph,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => CharClass.Mark,
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Control => CharClass.Space,
        _ => CharClass.Other,
    };
}
