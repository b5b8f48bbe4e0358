using System.Text;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Server.Sqlite;

/// <summary>The order of keys as SQLite's indexes have it: numbers by size, then text by its collation, then bytes.</summary>
internal static class SqliteOrder
{
    public static int Compare(EntityType type, EntityKey a, EntityKey b)
    {
        for (var i = 0; i < a.Count; i++)
        {
            var order = Compare(a[i], b[i], type.Fields[type.KeyOrdinals[i]].Collation);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static int Compare(Value a, Value b, Collation collation)
    {
        var byClass = ClassOf(a).CompareTo(ClassOf(b));
        if (byClass != 0)
        {
            return byClass;
        }

        return (a.Kind, b.Kind) switch
        {
            (ValueKind.Integer, ValueKind.Integer) => a.AsInteger.CompareTo(b.AsInteger),
            (ValueKind.Integer, _) when b.Kind == ValueKind.Real => ((double)a.AsInteger).CompareTo(b.AsReal),
            (ValueKind.Real, _) => a.AsReal.CompareTo(b.Kind == ValueKind.Real ? b.AsReal : b.AsInteger),
            (ValueKind.Text, _) => Bytes(a, collation).AsSpan().SequenceCompareTo(Bytes(b, collation)),
            (ValueKind.Blob, _) => a.AsBlob.AsSpan().SequenceCompareTo(b.AsBlob),
            _ => 0,
        };
    }

    private static int ClassOf(Value value) => value.Kind switch
    {
        ValueKind.Integer or ValueKind.Real => 1,
        ValueKind.Text => 2,
        ValueKind.Blob => 3,
        _ => 0,
    };

    private static byte[] Bytes(Value text, Collation collation) => Encoding.UTF8.GetBytes(collation switch
    {
        Collation.NoCase => string.Create(text.AsText.Length, text.AsText, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
            }
        }),
        Collation.RTrim => text.AsText.TrimEnd(' '),
        _ => text.AsText,
    });
}
