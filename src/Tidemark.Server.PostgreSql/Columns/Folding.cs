using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>Values by what they are compared with, so that equal ones are one key of a dictionary: the collation's folding, and 1.0 as 1 where any class may stand.</summary>
internal static class Folding
{
    public static Value Fold(Field field, Value value)
    {
        if (value.Kind == ValueKind.Text)
        {
            return field.Collation switch
            {
                Collation.NoCase => Value.Text(Lower(value.AsText)),
                Collation.RTrim => Value.Text(value.AsText.TrimEnd(' ')),
                _ => value,
            };
        }

        return value.Kind == ValueKind.Real && field.Type == FieldType.Exact && Math.Abs(value.AsReal) < 1L << 53 && value.AsReal == Math.Floor(value.AsReal)
            ? Value.Integer((long)value.AsReal)
            : value;
    }

    // As SQLite's NOCASE and lower() under the collation "C": the letters of ASCII alone.
    private static string Lower(string text) => text.AsSpan().ContainsAnyInRange('A', 'Z')
        ? string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
            }
        })
        : text;
}
