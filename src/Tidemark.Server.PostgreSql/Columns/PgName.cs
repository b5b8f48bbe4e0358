using System.Security.Cryptography;
using System.Text;
using Tidemark.Model.Entities;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>Names as PostgreSQL takes them: quoted, and never longer than what it would cut off in silence.</summary>
internal static class PgName
{
    private const int BytesMax = 63;
    private const int KeptCharsMax = 40;

    // Columns of ours, and those every table of PostgreSQL has.
    private static readonly HashSet<string> Taken = new(["space_id", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"], StringComparer.OrdinalIgnoreCase);

    public static string Quote(string name) => "\"" + Fit(name).Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    public static string Literal(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>The column of a field, quoted.</summary>
    public static string Column(Field field) => Quote(Taken.Contains(field.Name) ? "_tm_field_" + field.Name : field.Name);

    /// <summary>A name that is too long keeps its beginning and gets a digest of all of it.</summary>
    public static string Fit(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) <= BytesMax)
        {
            return name;
        }

        var kept = name[..Math.Min(name.Length, KeptCharsMax)];
        while (Encoding.UTF8.GetByteCount(kept) > KeptCharsMax || char.IsHighSurrogate(kept[^1]))
        {
            kept = kept[..^1];
        }

        return kept + "_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 8));
    }
}
