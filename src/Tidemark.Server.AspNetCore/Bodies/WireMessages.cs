using System.Text.Encodings.Web;
using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.Bodies;

/// <summary>The wire's messages as they are written here: text as it is, without the escapes that only HTML needs.</summary>
internal static class WireMessages
{
    public static WireJson Json { get; } = new(new JsonSerializerOptions(WireJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
