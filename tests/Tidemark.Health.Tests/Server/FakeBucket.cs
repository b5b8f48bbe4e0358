using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tidemark.Health.Tests.Server;

/// <summary>What an object store does with objects, and nothing else of it: it proves no signature. TIDEMARK_S3 names a real one to run the same tests against.</summary>
internal sealed class FakeBucket : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeBucket(WebApplication app) => _app = app;

    public ConcurrentDictionary<string, byte[]> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>It answers nothing but errors.</summary>
    public bool IsAway { get; set; }

    public string Place => _app.Urls.Single() + "/bucket/blobs";

    public static async Task<FakeBucket> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var bucket = new FakeBucket(builder.Build());
        bucket._app.Run(bucket.AnswerAsync);
        await bucket._app.StartAsync(cancellationToken);
        return bucket;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var key = http.Request.Path.Value!;
        http.Response.ContentType = "application/xml";
        if (IsAway)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            await http.Response.WriteAsync("<Error><Code>SlowDown</Code><Message>Later.</Message></Error>", http.RequestAborted);
            return;
        }

        switch (http.Request.Method)
        {
            case "PUT":
                using (var bytes = new MemoryStream())
                {
                    await http.Request.Body.CopyToAsync(bytes, http.RequestAborted);
                    Objects[key] = bytes.ToArray();
                }

                break;
            case "DELETE":
                Objects.TryRemove(key, out _);
                http.Response.StatusCode = StatusCodes.Status204NoContent;
                break;
            case var _ when Objects.TryGetValue(key, out var found):
                http.Response.ContentLength = found.Length;
                await http.Response.Body.WriteAsync(found, http.RequestAborted);
                break;
            default:
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                await http.Response.WriteAsync("<Error><Code>NoSuchKey</Code><Message>None.</Message></Error>", http.RequestAborted);
                break;
        }
    }
}
