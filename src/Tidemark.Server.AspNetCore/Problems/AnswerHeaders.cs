using Microsoft.AspNetCore.Http;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Headers that every answer of Tidemark carries.</summary>
internal static class AnswerHeaders
{
    public static void Write(HttpResponse response)
    {
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
    }
}
