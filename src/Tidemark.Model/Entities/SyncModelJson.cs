using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Entities;

/// <summary>The JSON form of a model: camelCase, defaults left out, unknown members refused.</summary>
public static class SyncModelJson
{
    /// <exception cref="ModelException">The text is not a model or the model has faults; all are listed.</exception>
    public static SyncModel Parse(ReadOnlySpan<byte> utf8)
    {
        // Some editors begin UTF-8 files with a byte order mark.
        var text = utf8.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;
        try
        {
            return ModelValidator.Checked(JsonSerializer.Deserialize(text, ModelJsonContext.Default.SyncModel) ?? throw new JsonException("it is null."));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            throw new ModelException([new ModelFault(null, null, $"The model is not valid JSON of its schema: {e.Message}")], e);
        }
    }

    public static byte[] ToUtf8(SyncModel model, bool indented = false) =>
        JsonSerializer.SerializeToUtf8Bytes(model, indented ? IndentedModelJsonContext.Default.SyncModel : ModelJsonContext.Default.SyncModel);

    internal static string HashOf(SyncModel model) =>
        Convert.ToHexStringLower(SHA256.HashData(CanonicalPayload.Canonicalize(ToUtf8(model))));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SyncModel))]
internal sealed partial class ModelJsonContext : JsonSerializerContext;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(SyncModel))]
internal sealed partial class IndentedModelJsonContext : JsonSerializerContext;
