using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

namespace Tidemark.Health.Importing;

/// <summary>The points of a workout's route, from whatever export, as its sample has them.</summary>
internal static class RoutePoints
{
    public const int PointsMax = 500_000;

    /// <summary>Numbers of a point, in this order; what a point does not say is not a number.</summary>
    public static readonly string[] Columns = ["time", "latitude", "longitude", "elevation", "speed", "course", "horizontalAccuracy", "verticalAccuracy"];

    /// <summary>What a sample says of its route, and the route: numbers of 64 bits, little endian.</summary>
    public static RawJson Extra(RawJson? before, double[] numbers)
    {
        var bytes = MemoryMarshal.AsBytes(numbers.AsSpan());
        var buffer = new ArrayBufferWriter<byte>((bytes.Length * 4 / 3) + 1024);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            if (before is { } extra)
            {
                using var members = JsonDocument.Parse(extra.Utf8);
                foreach (var member in members.RootElement.EnumerateObject())
                {
                    member.WriteTo(json);
                }
            }

            json.WriteNumber("pointCount", numbers.Length / Columns.Length);
            json.WriteStartArray("columns");
            foreach (var column in Columns)
            {
                json.WriteStringValue(column);
            }

            json.WriteEndArray();
            json.WriteString("sha256", Convert.ToHexStringLower(SHA256.HashData(bytes)));
            json.WriteBase64String(BlobTable.LargeOf(HealthKind.WorkoutRoute)!, bytes);
            json.WriteEndObject();
        }

        return new RawJson(buffer.WrittenMemory.ToArray());
    }
}
