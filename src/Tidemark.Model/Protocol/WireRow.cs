using System.Runtime.InteropServices;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>Rows and keys on the wire. Rows are written canonically: members sorted, absent values left out.</summary>
public static class WireRow
{
    public static void Write(CanonicalJsonWriter writer, Row row)
    {
        var index = row.Type.Index;
        var values = row.Values;
        var separator = (byte)'{';
        foreach (var ordinal in index.Canonical)
        {
            ref readonly var value = ref values[ordinal];
            if (value.IsAbsent)
            {
                continue;
            }

            writer.WriteByte(separator);
            separator = (byte)',';
            writer.WriteRaw(index.Members[ordinal]);
            writer.WriteValue(index.Fields[ordinal], value);
        }

        if (separator == (byte)'{')
        {
            writer.WriteByte(separator);
        }

        writer.WriteByte((byte)'}');
    }

    /// <summary>The <see cref="Sendable"/> row, in one pass where everything has a wire form.</summary>
    internal static void WriteSendable(CanonicalJsonWriter writer, Row row) => WriteSendable(writer, row.Type, new ReadRow(row));

    /// <summary>The same of a row that is not read unless something has no wire form; all its fields are there.</summary>
    internal static void WriteSendable<TRow>(CanonicalJsonWriter writer, EntityType type, TRow row)
        where TRow : IUnreadRow
    {
        var start = writer.Length;
        if (!TryWrite(writer, type.Index, row))
        {
            writer.Truncate(start);
            Write(writer, Sendable(row.Read()));
        }
    }

    /// <summary>Writes a value unless it has no wire form.</summary>
    public static bool TryWriteValue(CanonicalJsonWriter writer, Field field, Value value)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(field);
        if (value.Kind == ValueKind.Text && IsOfText(field))
        {
            return writer.TryWriteText(value.AsText);
        }

        if (!HasWireForm(field, value))
        {
            return false;
        }

        writer.WriteValue(field, value);
        return true;
    }

    /// <summary>
    /// The row without what has no wire form, which is then withheld: text with NUL or without UTF-8, broken JSON, a class that
    /// is not the field's. Only what other programs wrote past Tidemark has such values; one of them must not spoil a whole page.
    /// </summary>
    public static Row Sendable(Row row)
    {
        var fields = row.Type.Index.Fields;
        Value[]? copy = null;
        for (var i = 0; i < fields.Length; i++)
        {
            if (!HasWireForm(fields[i], row[i]))
            {
                copy ??= row.Values.ToArray();
                copy[i] = Value.Absent;
            }
        }

        return copy is null ? row : new Row(row.Type, copy);
    }

    /// <summary>Every part of the key can be sent.</summary>
    public static bool IsSendable(EntityType type, EntityKey key)
    {
        for (var i = 0; i < key.Count; i++)
        {
            if (!HasWireForm(type.Index.Fields[type.Index.Key[i]], key[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <exception cref="WireFormatException">A field is unknown (unless allowed) or a value does not fit.</exception>
    public static Row Read(EntityType type, JsonElement element, bool ignoreUnknown = false)
    {
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(element));
        reader.Read();
        return Read(type, ref reader, ignoreUnknown);
    }

    /// <summary>Reads an object; the reader stands on its start and is left on its end.</summary>
    public static Row Read(EntityType type, ref Utf8JsonReader reader, bool ignoreUnknown = false)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"A row of {type.Name} must be a JSON object.");
        }

        var index = type.Index;
        var values = new Value[index.Fields.Length];
        var expected = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var ordinal = OrdinalOf(index, ref reader, ref expected);
            if (ordinal < 0 && !ignoreUnknown)
            {
                var name = reader.GetString()!;
                throw new WireFormatException(ErrorCodes.UnknownField, $"{type.Name} has no field {name}.", name);
            }

            reader.Read();
            if (ordinal < 0)
            {
                reader.Skip();
            }
            else
            {
                values[ordinal] = ReadValue(index.Fields[ordinal], ref reader);
            }
        }

        return new Row(type, values);
    }

    /// <summary>A key from its wire form; the reader stands on the value.</summary>
    public static EntityKey ReadKey(EntityType type, ref Utf8JsonReader reader)
    {
        var ordinals = type.Index.Key;
        var parts = new Value[ordinals.Length];
        if (ordinals.Length == 1)
        {
            parts[0] = ReadValue(type.Index.Fields[ordinals[0]], ref reader);
            return CheckedKey(type, parts);
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} is an array of {ordinals.Length} values.");
        }

        for (var i = 0; i < parts.Length; i++)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.EndArray)
            {
                throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} has {ordinals.Length} values, {i} came.");
            }

            parts[i] = ReadValue(type.Fields[ordinals[i]], ref reader);
        }

        reader.Read();
        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} has {ordinals.Length} values, more came.");
        }

        return CheckedKey(type, parts);
    }

    public static EntityKey ReadKey(EntityType type, JsonElement element)
    {
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(element));
        reader.Read();
        return ReadKey(type, ref reader);
    }

    /// <summary>A value from its wire form; the reader stands on it and is left on its last token.</summary>
    public static Value ReadValue(Field field, ref Utf8JsonReader reader)
    {
        try
        {
            return WireValue.Read(field, ref reader);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or OverflowException)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"{field.Name}: {e.Message}", field.Name);
        }
    }

    private static bool TryWrite<TRow>(CanonicalJsonWriter writer, EntityTypeIndex index, TRow row)
        where TRow : IUnreadRow
    {
        var separator = (byte)'{';
        foreach (var ordinal in index.Canonical)
        {
            var start = writer.Length;
            writer.WriteByte(separator);
            writer.WriteRaw(index.Members[ordinal]);
            var value = writer.Length;
            if (!row.TryWrite(writer, ordinal))
            {
                return false;
            }

            if (writer.Length == value)
            {
                writer.Truncate(start); // Absent.
                continue;
            }

            separator = (byte)',';
        }

        if (separator == (byte)'{')
        {
            writer.WriteByte(separator);
        }

        writer.WriteByte((byte)'}');
        return true;
    }

    private readonly struct ReadRow(Row row) : IUnreadRow
    {
        public Row Read() => row;

        public bool TryWrite(CanonicalJsonWriter json, int ordinal)
        {
            ref readonly var value = ref row.Values[ordinal];
            return value.IsAbsent || TryWriteValue(json, row.Type.Index.Fields[ordinal], value);
        }
    }

    private static bool HasWireForm(Field field, Value value) => value.Kind switch
    {
        ValueKind.Absent or ValueKind.Null => true,
        ValueKind.MalformedText => false,
        ValueKind.Text when field.Type == FieldType.Json => JsonForm.IsJson(value.AsText),
        ValueKind.Text => IsOfText(field) && TextRules.FaultOf(value.AsText) is null,
        ValueKind.Integer => field.Type is FieldType.Integer or FieldType.Boolean or FieldType.Exact,
        ValueKind.Real => field.Type is FieldType.Real or FieldType.Exact,
        _ => field.Type is FieldType.Blob or FieldType.Exact,
    };

    private static bool IsOfText(Field field) => field.Type is not (FieldType.Integer or FieldType.Real or FieldType.Boolean or FieldType.Blob or FieldType.Json);

    private static EntityKey CheckedKey(EntityType type, Value[] parts)
    {
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i].IsNull)
            {
                throw new WireFormatException(ErrorCodes.ValidationFailed, $"{type.Name}.{type.Key[i]} is part of the key and may not be null.", type.Key[i]);
            }
        }

        return new EntityKey(parts);
    }

    // Members come in canonical order from every Tidemark: the next ones are tried before the dictionary.
    private static int OrdinalOf(EntityTypeIndex index, ref Utf8JsonReader reader, ref int expected)
    {
        var order = index.Canonical;
        for (var place = expected; place < order.Length; place++)
        {
            if (reader.ValueTextEquals(index.Names[order[place]]))
            {
                expected = place + 1;
                return order[place];
            }
        }

        var ordinal = index.Ordinals.GetValueOrDefault(reader.GetString()!, -1);
        if (ordinal >= 0)
        {
            expected = index.Places[ordinal] + 1;
        }

        return ordinal;
    }
}
