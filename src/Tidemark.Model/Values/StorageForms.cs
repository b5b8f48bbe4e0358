using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Values;

/// <summary>
/// Between the value as the device's file holds it and the canonical value that travels. Values in another storage class or
/// spelling of the same meaning are accepted; one that would lose something on the way is a fault, never rounded or cut.
/// </summary>
public static class StorageForms
{
    /// <summary>The canonical value of what the file holds.</summary>
    /// <param name="field">Its type and form.</param>
    /// <param name="stored">As read from the file.</param>
    /// <param name="canonical">Absent when the method returns false.</param>
    /// <param name="fault">A sentence that begins with the field's name; null when the value fits.</param>
    public static bool TryToCanonical(Field field, Value stored, out Value canonical, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(field);
        string? cause;
        try
        {
            cause = stored.Kind switch
            {
                ValueKind.MalformedText => "the text is not valid UTF-8",
                ValueKind.Text => TextRules.FaultOf(stored.AsText),
                _ => null,
            };
            canonical = cause is null ? Canonical(field, stored) : Value.Absent;
        }
        catch (FormatException e)
        {
            canonical = Value.Absent;
            cause = e.Message;
        }

        fault = cause is null ? null : $"{field.Name}: {cause}.";
        return fault is null;
    }

    /// <summary>
    /// The canonical row of what the file holds, in field order. Key values must be stored exactly as <see cref="ToStored"/>
    /// would write them: in another spelling the row would not be found again.
    /// </summary>
    public static bool TryToCanonical(EntityType type, ReadOnlySpan<Value> stored, out Row? row, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(type);
        row = null;
        var values = new Value[stored.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var field = type.Fields[i];
            if (!TryToCanonical(field, stored[i], out values[i], out fault))
            {
                return false;
            }

            if (type.IsKey(i) && !SameInFile(ToStored(field, values[i]), stored[i]))
            {
                fault = $"{field.Name}: the key {stored[i]} is not stored as {field.Type} of form {field.Form}, which would be {ToStored(field, values[i])}.";
                return false;
            }
        }

        row = new Row(type, values);
        fault = null;
        return true;
    }

    /// <summary>The canonical value of a stored key part; false when it is none, or is spelled otherwise than <see cref="ToStored"/> would, so that its row would not be found again.</summary>
    public static bool TryToCanonicalKey(Field field, Value stored, out Value canonical)
    {
        ArgumentNullException.ThrowIfNull(field);
        if (field.Type == FieldType.Exact)
        {
            canonical = stored;
            return true;
        }

        return TryToCanonical(field, stored, out canonical, out _) && SameInFile(ToStored(field, canonical), stored);
    }

    /// <summary>What the file is to hold for a canonical value.</summary>
    /// <exception cref="ArgumentException">The value is not a canonical one of the field's type.</exception>
    public static Value ToStored(Field field, Value canonical)
    {
        ArgumentNullException.ThrowIfNull(field);
        if (canonical.Kind is ValueKind.Null or ValueKind.Absent)
        {
            return canonical;
        }

        try
        {
            return field.Type switch
            {
                FieldType.Uuid => StoredUuid(field.Form, canonical.AsText),
                FieldType.Timestamp => TimeForm.ToStored(field.Form, canonical.AsText),
                FieldType.Decimal when field.Form == StorageForm.DecimalReal => DecimalForm.ToReal(canonical.AsText),
                _ => canonical,
            };
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            throw new ArgumentException($"{field.Name}: {canonical.Kind} is no canonical {field.Type}: {e.Message}", nameof(canonical), e);
        }
    }

    private static Value Canonical(Field field, Value stored)
    {
        if (stored.Kind is ValueKind.Null or ValueKind.Absent)
        {
            return stored;
        }

        return field.Type switch
        {
            FieldType.Integer => Value.Integer(IntegerOf(stored)),
            FieldType.Real => Value.Real(RealOf(stored)),
            FieldType.Text when stored.Kind == ValueKind.Text => stored,
            FieldType.Blob when stored.Kind == ValueKind.Blob => stored,
            FieldType.Boolean => IntegerOf(stored) is (0 or 1) and var bit ? Value.Integer(bit) : throw new FormatException($"0 or 1 is wanted, the stored value is {stored}"),
            FieldType.Uuid => CanonicalUuid(field.Form, stored),
            FieldType.Timestamp => TimeForm.ToCanonical(field.Form, stored),
            FieldType.Decimal => DecimalForm.ToCanonical(stored),
            FieldType.Json when stored.Kind == ValueKind.Text => Value.Text(JsonForm.OfStored(stored.AsText)),
            FieldType.Exact => stored,
            _ => throw new FormatException($"{field.Type} is wanted, the stored value is {stored.Kind}"),
        };
    }

    // Column affinity turns whole reals into integers and back; both classes mean the same number.
    private static long IntegerOf(Value stored) => stored.Kind switch
    {
        ValueKind.Integer => stored.AsInteger,
        ValueKind.Real when Math.Abs(stored.AsReal) <= CanonicalJsonWriter.SafeIntegerMax && stored.AsReal == Math.Floor(stored.AsReal) => (long)stored.AsReal,
        _ => throw new FormatException($"an integer is wanted, the stored value is {stored.Kind}"),
    };

    private static double RealOf(Value stored) => stored.Kind switch
    {
        ValueKind.Real => stored.AsReal,
        ValueKind.Integer when (Int128)(double)stored.AsInteger == stored.AsInteger => stored.AsInteger,
        _ => throw new FormatException($"a real number is wanted, the stored value is {stored.Kind}"),
    };

    private static Value CanonicalUuid(StorageForm form, Value stored)
    {
        if (form == StorageForm.UuidBlob)
        {
            return stored.Kind == ValueKind.Blob && stored.AsBlob.Length == 16
                ? Value.Text(new Guid(stored.AsBlob, bigEndian: true).ToString("D"))
                : throw new FormatException("a UUID of 16 bytes, the most significant first, is wanted");
        }

        var text = stored.Kind == ValueKind.Text ? stored.AsText : "";
        return Guid.TryParseExact(text, "D", out var id) && string.Equals(StoredUuid(form, id.ToString("D")).AsText, text, StringComparison.Ordinal)
            ? Value.Text(id.ToString("D"))
            : throw new FormatException($"a UUID in {(form == StorageForm.UuidUpper ? "upper" : "lower")} case with dashes is wanted, the stored value is {stored}");
    }

    private static Value StoredUuid(StorageForm form, string canonical) => form switch
    {
        StorageForm.UuidUpper => Value.Text(canonical.ToUpperInvariant()),
        StorageForm.UuidBlob => Value.Blob(Guid.ParseExact(canonical, "D").ToByteArray(bigEndian: true)),
        _ => Value.Text(canonical),
    };

    // As SQLite compares: numbers by size, whatever their class.
    private static bool SameInFile(Value left, Value right) =>
        left == right
        || (left.Kind == ValueKind.Integer && right.Kind == ValueKind.Real && left.AsInteger == right.AsReal)
        || (left.Kind == ValueKind.Real && right.Kind == ValueKind.Integer && left.AsReal == right.AsInteger);
}
