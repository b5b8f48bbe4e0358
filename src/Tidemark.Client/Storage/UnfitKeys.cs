using System.Globalization;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>
/// A stored key part that is none of its declared type and form, kept apart from every canonical value so that its row is found under it again and named,
/// and is never taken for the row whose key looks like it.
/// </summary>
internal static class UnfitKeys
{
    // A noncharacter: no id an app makes begins with it.
    private const string Mark = "\U0010FFFF";

    public static Value Wrap(Value stored) => stored.Kind switch
    {
        ValueKind.Integer => Value.Text(Mark + "i" + stored.AsInteger.ToString(CultureInfo.InvariantCulture)),
        ValueKind.Real => Value.Text(Mark + "r" + BitConverter.DoubleToInt64Bits(stored.AsReal).ToString(CultureInfo.InvariantCulture)),
        ValueKind.Text => Value.Text(Mark + "t" + stored.AsText),
        ValueKind.Blob => Value.Text(Mark + "b" + Convert.ToHexStringLower(stored.AsBlob)),
        _ => stored,
    };

    /// <summary>The first key field whose part is unfit; null when all fit.</summary>
    public static Field? FieldOf(EntityType type, EntityKey key)
    {
        for (var i = 0; i < key.Count; i++)
        {
            if (TryUnwrap(key[i], out _))
            {
                return type.Fields[type.KeyOrdinals[i]];
            }
        }

        return null;
    }

    /// <summary>The key of a dead letter whose row has an unfit one; a key that is no key at all names nothing, and meets nothing.</summary>
    public static EntityKey FromWire(string wire)
    {
        try
        {
            using var document = JsonDocument.Parse(wire);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Array)
            {
                return new EntityKey([.. root.EnumerateArray().Select(PartOf)]);
            }

            return new EntityKey([PartOf(root) is var part && TryUnwrap(part, out _) ? part : Wrap(part)]);
        }
        catch (JsonException)
        {
            return EntityKey.Of(Wrap(Value.Text(wire)).AsText);
        }
    }

    public static bool TryUnwrap(Value value, out Value stored)
    {
        stored = value;
        if (value.Kind != ValueKind.Text || !value.AsText.StartsWith(Mark, StringComparison.Ordinal) || value.AsText.Length == Mark.Length)
        {
            return false;
        }

        var content = value.AsText[(Mark.Length + 1)..];
        stored = value.AsText[Mark.Length] switch
        {
            'i' => Value.Integer(long.Parse(content, CultureInfo.InvariantCulture)),
            'r' => Value.Real(BitConverter.Int64BitsToDouble(long.Parse(content, CultureInfo.InvariantCulture))),
            'b' => Value.Blob(Convert.FromHexString(content)),
            _ => Value.Text(content),
        };
        return true;
    }

    private static Value PartOf(JsonElement part) => part.ValueKind switch
    {
        JsonValueKind.String => Value.Text(part.GetString()!),
        JsonValueKind.Number when part.TryGetInt64(out var number) => Value.Integer(number),
        _ => Wrap(Value.Text(part.GetRawText())),
    };
}
