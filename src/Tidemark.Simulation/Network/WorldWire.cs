using System.Net;
using System.Net.Http.Headers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Network;

/// <summary>The wire of one device: requests are lost, answers are lost, some arrive twice, some long after.</summary>
internal abstract class WorldWire(WorldRun run, Dice dice) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        run.Scheduler.CheckThread();
        var sent = new WireRequest(request.Method.Method, request.RequestUri!.AbsolutePath, request.Headers.Authorization?.Parameter ?? "", BodyOf(request), AcceptsGzip: false)
        {
            Query = request.RequestUri.Query,
            Rest = request.Headers is { Range: { } range, IfRange.EntityTag.Tag: { } tag } ? (range.Ranges.First().From ?? 0, tag.Trim('"')) : null,
        };
        var fate = run.Calm ? 99 : dice.Below(100);
        if (fate < 4)
        {
            run.Met("drop-request");
            return Lost();
        }

        if (fate < 7)
        {
            run.Met("arrive-late");
            run.ArriveLater(() => Handle(sent));
            return Lost();
        }

        if (Handle(sent) is not { } reply)
        {
            return Lost();
        }

        if (fate < 11)
        {
            run.Met("duplicate");
            Handle(sent);
        }
        else if (fate < 16)
        {
            run.Met("drop-response");
            return Lost();
        }

        var content = ContentOf(sent, reply);
        content.Headers.ContentType = new MediaTypeHeaderValue(reply.MediaType);
        return Task.FromResult(new HttpResponseMessage((HttpStatusCode)reply.Status) { Content = content });
    }

    /// <summary>What the server answers; null: the connection broke over it.</summary>
    protected abstract WireReply? Handle(WireRequest request);

    /// <summary>The answer's body, as it comes through.</summary>
    protected virtual HttpContent ContentOf(WireRequest request, WireReply reply) => new ByteArrayContent(reply.Body);

    private static byte[] BodyOf(HttpRequestMessage request)
    {
        using var body = new MemoryStream();
        request.Content?.CopyTo(body, null, default);
        return body.ToArray();
    }

    private static Task<HttpResponseMessage> Lost() => Task.FromException<HttpResponseMessage>(new HttpRequestException("The connection was lost."));
}
