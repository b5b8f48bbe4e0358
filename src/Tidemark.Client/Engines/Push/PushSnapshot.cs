using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>Everything the planner needs, read in one transaction.</summary>
internal sealed class PushSnapshot
{
    /// <summary>Touched rows in the order of their first touch, closed under what must go together.</summary>
    public List<RowState> Rows { get; } = [];

    /// <summary>References of live rows, by row.</summary>
    public Dictionary<RowId, List<ResolvedReference>> References { get; } = [];

    /// <summary>Rows that wait, with what their command does: it has no verdict, is dead, or is linked to one that is.</summary>
    public Dictionary<RowId, Operation> Blocked { get; } = [];

    /// <summary>Unique values that blocked rows still hold at the remote although the live row gave them up.</summary>
    public HashSet<UniqueValue> HeldValues { get; } = [];

    /// <summary>The numbers of the types in this file, by name.</summary>
    public Dictionary<string, int> TypeNumbers { get; } = new(StringComparer.Ordinal);

    /// <summary>The last sequence that was looked at; the next batch of the run starts behind it.</summary>
    public long LastSeq { get; set; }

    /// <summary>Sentinels that were passed and can go.</summary>
    public List<long> Sentinels { get; } = [];

    /// <summary>Rows under an id that was deleted and inserted again.</summary>
    public List<RowState> Reinserted { get; } = [];

    public bool HasMore { get; set; }
}

/// <summary>The app gave a row another key.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Former">The key it had.</param>
/// <param name="Key">The key it got.</param>
/// <param name="Seq">The note of it: what was noted before under the former key is of this row.</param>
internal readonly record struct Rename(EntityTable Table, EntityKey Former, EntityKey Key, long Seq);

/// <summary>The values of a unique key of one row; null when one of them is null.</summary>
internal readonly record struct UniqueValue(int Type, int KeyIndex, EntityKey Values)
{
    public static UniqueValue? Of(EntityTable table, int keyIndex, Row? row)
    {
        if (row is null)
        {
            return null;
        }

        var fields = table.Type.UniqueKeys[keyIndex].Fields;
        var values = new Value[fields.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var ordinal = table.Type.OrdinalOf(fields[i]);
            values[i] = Folded(table.Type.Fields[ordinal], row[ordinal]);
            if (values[i].IsNull || values[i].IsAbsent)
            {
                return null;
            }
        }

        return new UniqueValue(table.Number, keyIndex, new EntityKey(values));
    }

    /// <summary>A value as its field's collation compares it.</summary>
    internal static Value Folded(Field field, Value value) => (field.Collation, value.Kind) switch
    {
        (Collation.NoCase, ValueKind.Text) => Value.Text(AsciiLower(value.AsText)),
        (Collation.RTrim, ValueKind.Text) => Value.Text(value.AsText.TrimEnd(' ')),
        _ => value,
    };

    // SQLite's NOCASE folds the 26 letters of ASCII only.
    private static string AsciiLower(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
        }
    });
}
