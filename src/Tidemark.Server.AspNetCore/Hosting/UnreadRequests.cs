using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>
/// What Kestrel refuses before any endpoint is asked: lines and headers that are too long, what is no HTTP. Its own message may quote the request and is not taken.
/// See https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/diagnostics.
/// </summary>
internal sealed class UnreadRequests(ILoggerFactory logging) : IObserver<KeyValuePair<string, object?>>
{
    private const string Event = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    public static void Watch(DiagnosticListener source, ILoggerFactory logging) => source.Subscribe(new UnreadRequests(logging), (name, _, _) => string.Equals(name, Event, StringComparison.Ordinal));

    public void OnNext(KeyValuePair<string, object?> value)
    {
        // One that reached an endpoint was answered and told there.
        if (value.Value is IFeatureCollection features && features.Get<IEndpointFeature>()?.Endpoint is null && features.Get<IBadRequestExceptionFeature>()?.Error is BadHttpRequestException refused)
        {
            Refusals.LogUnread(logging, refused.StatusCode);
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
