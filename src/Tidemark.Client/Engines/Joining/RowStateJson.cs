using System.Globalization;
using System.Text.Json;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>Joined rows and shadows as they are kept in the file. Fields go by name, so that a model may grow.</summary>
internal static class RowStateJson
{
    public static byte[] Write(JoinedRow row)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteRaw("{\"d\":"u8);
        WriteValue(writer, null, row.Deletion);
        for (var i = 0; i < row.Fields.Count; i++)
        {
            if (row.Fields[i].IsKnown)
            {
                writer.WriteRaw(",\"f"u8);
                writer.WriteRaw(JsonEncodedText.Encode(row.Type.Fields[i].Name).EncodedUtf8Bytes);
                writer.WriteRaw("\":"u8);
                WriteValue(writer, row.Type.Fields[i], row.Fields[i]);
            }
        }

        if (row.Base is { } was)
        {
            writer.WriteRaw(",\"b\":"u8);
            writer.WriteBase64(RowBytes.Of(was));
        }

        writer.WriteByte((byte)'}');
        return writer.ToArray();
    }

    public static JoinedRow ReadRow(EntityType type, EntityKey key, byte[] bytes)
    {
        var fields = new StampedValue[type.Fields.Count];
        StampedValue deletion = default;
        Row? was = null;
        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var ordinal = name[0] == 'f' ? type.FindOrdinal(name[1..]) : -1;
            reader.Read();
            if (name[0] == 'd')
            {
                deletion = ReadValue(null, ref reader);
            }
            else if (name == "b")
            {
                was = RowBytes.Read(type, reader.GetBytesFromBase64());
            }
            else if (ordinal < 0)
            {
                reader.Skip();
            }
            else
            {
                fields[ordinal] = ReadValue(type.Fields[ordinal], ref reader);
            }
        }

        return new JoinedRow(type, key, fields, deletion) { Base = was };
    }

    public static byte[] Write(EntityType type, Shadow shadow)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteBoolean("gone", shadow.IsMissing);
            json.WriteBoolean("bare", shadow.IsUnstamped);
            if (shadow.IsStampless)
            {
                json.WriteBoolean("stampless", true);
            }

            json.WriteBoolean("deleted", shadow.IsDeleted);
            json.WriteString("stamp", shadow.DeletionStamp.ToString());
            if (shadow.DeletionParts != 0)
            {
                json.WriteString("seen", shadow.DeletionParts.ToString("x", CultureInfo.InvariantCulture));
            }

            if (shadow.OtherStamps.Count > 0)
            {
                json.WriteString("others", StampsMember.Write(shadow.OtherStamps));
            }

            for (var i = 0; i < shadow.Fields.Length; i++)
            {
                if (shadow.Fields[i] is { IsThere: true } field)
                {
                    json.WriteStartArray("f" + type.Fields[i].Name);
                    json.WriteStringValue(field.Stamp.ToString());
                    json.WriteStringValue(field.Digest.ToString("x", CultureInfo.InvariantCulture));
                    json.WriteStringValue(field.Wire.ToString("x", CultureInfo.InvariantCulture));
                    if (field.Key is { } key)
                    {
                        json.WriteStringValue(key);
                    }
                    else if (field.Shown is { } shown)
                    {
                        json.WriteStringValue(field.Parts.ToString("x", CultureInfo.InvariantCulture));
                        json.WriteStringValue(shown);
                    }

                    json.WriteEndArray();
                }
            }

            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    public static Shadow ReadShadow(EntityType type, string? version, byte[] bytes, byte[]? extra)
    {
        using var document = JsonDocument.Parse(bytes);
        var root = document.RootElement;
        var fields = new ShadowField[type.Fields.Count];
        foreach (var member in root.EnumerateObject().Where(m => m.Name[0] == 'f'))
        {
            if (type.FindOrdinal(member.Name[1..]) is >= 0 and var ordinal)
            {
                var parts = member.Value;
                fields[ordinal] = parts.GetArrayLength() switch
                {
                    3 => new ShadowField(StampOf(parts[0]), Hex(parts[1]), Hex(parts[2]), null),
                    4 => new ShadowField(StampOf(parts[0]), Hex(parts[1]), Hex(parts[2]), parts[3].GetGuid()),
                    _ => new ShadowField(StampOf(parts[0]), Hex(parts[1]), Hex(parts[2]), null) { Parts = Hex(parts[3]), Shown = parts[4].GetString() },
                };
            }
        }

        return new Shadow
        {
            Version = version,
            Fields = fields,
            IsMissing = root.GetProperty("gone").GetBoolean(),
            IsUnstamped = root.GetProperty("bare").GetBoolean(),
            IsStampless = root.TryGetProperty("stampless", out var stampless) && stampless.GetBoolean(),
            IsDeleted = root.GetProperty("deleted").GetBoolean(),
            DeletionStamp = StampOf(root.GetProperty("stamp")),
            DeletionParts = root.TryGetProperty("seen", out var seen) ? Hex(seen) : 0,
            Extra = extra,
            OtherStamps = root.TryGetProperty("others", out var others) ? StampsMember.Read(others.GetString()!) : [],
        };
    }

    private static void WriteValue(CanonicalJsonWriter writer, Field? field, in StampedValue value)
    {
        writer.WriteByte((byte)'[');
        if (field is null)
        {
            writer.WriteInteger(value.IsKnown ? value.Value.AsInteger : -1);
        }
        else
        {
            writer.WriteValue(field, value.Value);
        }

        writer.WriteByte((byte)',');
        writer.WriteString(value.Stamp.ToString());
        writer.WriteByte((byte)',');
        writer.WriteString(value.Before.ToString());
        if (value.Parts is not null)
        {
            writer.WriteByte((byte)',');
            writer.WriteString(value.Parts);
        }

        writer.WriteByte((byte)']');
    }

    private static StampedValue ReadValue(Field? field, ref Utf8JsonReader reader)
    {
        reader.Read();
        var value = field is not null ? WireRow.ReadValue(field, ref reader) : reader.GetInt64() is >= 0 and var flag ? Value.Integer(flag) : Value.Absent;
        reader.Read();
        var stamp = Stamp.Parse(reader.GetString());
        reader.Read();
        var before = Stamp.Parse(reader.GetString());
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            return new StampedValue(value, stamp, before);
        }

        var parts = reader.GetString();
        reader.Read();
        return new StampedValue(value, stamp, before) { Parts = parts };
    }

    private static Stamp StampOf(JsonElement element) => Stamp.Parse(element.GetString());

    private static ulong Hex(JsonElement element) => ulong.Parse(element.GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
