using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tidemark.Client.Engines.Joining;

/// <summary>What the stamps of a row at a remote say of one of its fields.</summary>
/// <param name="Stamp">Of the edit.</param>
/// <param name="Digest">Of the value as it lies there; another value was written by somebody who knows no stamps.</param>
/// <param name="Before">The stamp of what the edit replaced.</param>
internal readonly record struct FieldStamp(Stamp Stamp, ulong Digest, Stamp Before)
{
    /// <summary>See <see cref="StampedValue.Parts"/>.</summary>
    public string? Parts { get; init; }
}

/// <summary>The text of the member that holds the stamps: `{"":[stamp,deleted,before],"title":[stamp,digest,before]}`; what is nothing is left out at the end. Behind them stands what a rule needs besides (<see cref="StampedValue.Parts"/>).</summary>
internal static class StampsMember
{
    /// <summary>The name under which the row's deletion stands; its digest is 1 or 0.</summary>
    public const string Deletion = "";

    public static string Write(IReadOnlyDictionary<string, FieldStamp> stamps)
    {
        var text = new StringBuilder("{");
        foreach (var (name, stamp) in stamps.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            text.Append(text.Length == 1 ? "" : ",").Append(JsonSerializer.Serialize(name, StampsJson.Default.String)).Append(":[\"").Append(stamp.Stamp).Append("\",\"")
                .Append(stamp.Digest.ToString("x", CultureInfo.InvariantCulture)).Append('"');
            if (stamp.Before != default || stamp.Parts is not null)
            {
                text.Append(",\"").Append(stamp.Before).Append('"');
            }

            if (stamp.Parts is not null)
            {
                text.Append(',').Append(JsonSerializer.Serialize(stamp.Parts, StampsJson.Default.String));
            }

            text.Append(']');
        }

        return text.Append('}').ToString();
    }

    /// <exception cref="FormatException">The text is not of this form.</exception>
    public static Dictionary<string, FieldStamp> Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var stamps = new Dictionary<string, FieldStamp>(StringComparer.Ordinal);
            foreach (var member in document.RootElement.EnumerateObject())
            {
                var parts = member.Value.EnumerateArray().Select(p => p.GetString()).ToArray();
                if (parts.Length < 2 || !Stamp.TryParse(parts[0], out var stamp) || !ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var digest))
                {
                    throw new FormatException($"The stamp of {member.Name} cannot be read.");
                }

                stamps[member.Name] = new FieldStamp(stamp, digest, parts.Length > 2 && Stamp.TryParse(parts[2], out var before) ? before : default) { Parts = parts.Length > 3 ? parts[3] : null };
            }

            return stamps;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("The stamps cannot be read: " + e.Message, e);
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class StampsJson : System.Text.Json.Serialization.JsonSerializerContext;
