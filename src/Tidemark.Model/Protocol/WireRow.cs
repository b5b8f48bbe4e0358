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
        var separator = (byte)'{';
        foreach (var ordinal in row.Type.CanonicalOrder)
        {
            var value = row[ordinal];
            if (value.IsAbsent)
            {
                continue;
            }

            writer.WriteByte(separator);
            separator = (byte)',';
            writer.WriteString(row.Type.Fields[ordinal].Name);
            writer.WriteByte((byte)':');
            writer.WriteValue(row.Type.Fields[ordinal], value);
        }

        if (separator == (byte)'{')
        {
            writer.WriteByte(separator);
        }

        writer.WriteByte((byte)'}');
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

        var values = new Value[type.Fields.Count];
        var expected = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var ordinal = OrdinalOf(type, ref reader, ref expected);
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
                values[ordinal] = ReadValue(type.Fields[ordinal], ref reader);
            }
        }

        return new Row(type, values);
    }

    /// <summary>A key from its wire form; the reader stands on the value.</summary>
    public static EntityKey ReadKey(EntityType type, ref Utf8JsonReader reader)
    {
        var ordinals = type.KeyOrdinals;
        var parts = new Value[ordinals.Count];
        if (ordinals.Count == 1)
        {
            parts[0] = ReadValue(type.Fields[ordinals[0]], ref reader);
            return CheckedKey(type, parts);
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} is an array of {ordinals.Count} values.");
        }

        for (var i = 0; i < parts.Length; i++)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.EndArray)
            {
                throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} has {ordinals.Count} values, {i} came.");
            }

            parts[i] = ReadValue(type.Fields[ordinals[i]], ref reader);
        }

        reader.Read();
        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, $"The key of {type.Name} has {ordinals.Count} values, more came.");
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

    // Members come in canonical order from every Tidemark: the next expected one is tried before the dictionary.
    private static int OrdinalOf(EntityType type, ref Utf8JsonReader reader, ref int expected)
    {
        var order = type.CanonicalOrder;
        if (expected < order.Count && reader.ValueTextEquals(type.Fields[order[expected]].Name))
        {
            return order[expected++];
        }

        var ordinal = type.FindOrdinal(reader.GetString()!);
        for (var i = 0; ordinal >= 0 && i < order.Count; i++)
        {
            if (order[i] == ordinal)
            {
                expected = i + 1;
                break;
            }
        }

        return ordinal;
    }
}
