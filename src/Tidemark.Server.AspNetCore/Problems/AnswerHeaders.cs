using Microsoft.AspNetCore.Http;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Headers that every answer of Tidemark carries.</summary>
internal static class AnswerHeaders
{
    /// <summary>Of an answer that no page shows: nothing may be loaded by it, and nobody may frame it.</summary>
    public static void WriteAll(HttpResponse response)
    {
        Write(response);
        response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (response.HttpContext.Request.IsHttps)
        {
            response.Headers.StrictTransportSecurity = "max-age=31536000";
        }
    }

    public static void Write(HttpResponse response)
    {
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
    }
}
