using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Rows kept in metadata tables: their canonical wire form.</summary>
internal static class RowBytes
{
    public static byte[] Of(Row row)
    {
        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, row);
        return writer.ToArray();
    }

    public static Row? Read(EntityType type, byte[]? bytes)
    {
        if (bytes is null)
        {
            return null;
        }

        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        return WireRow.Read(type, ref reader, ignoreUnknown: true);
    }
}
