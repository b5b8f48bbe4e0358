using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ChangesPageTail))]
[JsonSerializable(typeof(ChangeOrigin))]
internal sealed partial class PageJson : JsonSerializerContext;
