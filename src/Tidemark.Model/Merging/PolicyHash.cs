using System.Security.Cryptography;
using System.Text.Json;
using Tidemark.Model.Entities;

namespace Tidemark.Model.Merging;

/// <summary>Names a type's conflict configuration: equal when, and only when, its rows are merged by the same rules.</summary>
public static class PolicyHash
{
    /// <summary>Lower-case hex SHA-256.</summary>
    public static string Of(EntityType type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return type.Index.PolicyHash;
    }

    internal static string Compute(EntityType type)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            json.WriteStringValue(type.Name);
            json.WriteStringValue(type.DeletePolicy.ToString());
            json.WriteBooleanValue(type.ConflictFree);
            json.WriteStringValue(type.CustomMerge);
            foreach (var field in type.Fields.OrderBy(f => f.Name, StringComparer.Ordinal))
            {
                json.WriteStartArray();
                json.WriteStringValue(field.Name);
                json.WriteStringValue(field.Type.ToString());
                json.WriteStringValue(field.ServerDerived ? "server" : field.Policy.ToString());
                json.WriteStringValue(field.ArrayKey);
                json.WriteStringValue(field.Clock);
                json.WriteStringValue(field.States is null ? null : string.Join('\n', field.States));
                json.WriteEndArray();
            }

            foreach (var reference in type.Relations.Where(r => r.Fields.Count > 1))
            {
                json.WriteStringValue(string.Join('\n', reference.Fields));
            }

            json.WriteEndArray();
        }

        return Convert.ToHexStringLower(SHA256.HashData(stream.ToArray()));
    }
}
