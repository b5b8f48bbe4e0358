using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Sharing;

namespace Tidemark.Simulation.Network;

/// <summary>The wire of one device: requests are lost, answers are lost, some arrive twice, some long after.</summary>
internal sealed class SharingWire(SharingRun run, string device, Dice dice) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        run.Scheduler.CheckThread();
        var sent = new WireRequest(request.Method.Method, request.RequestUri!.AbsolutePath, request.Headers.Authorization?.Parameter ?? "", BodyOf(request), AcceptsGzip: false);
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

        var content = new ByteArrayContent(reply.Body);
        content.Headers.ContentType = new MediaTypeHeaderValue(reply.MediaType);
        return Task.FromResult(new HttpResponseMessage((HttpStatusCode)reply.Status) { Content = content });
    }

    private static byte[] BodyOf(HttpRequestMessage request)
    {
        using var body = new MemoryStream();
        request.Content?.CopyTo(body, null, default);
        return body.ToArray();
    }

    private static Task<HttpResponseMessage> Lost() => Task.FromException<HttpResponseMessage>(new HttpRequestException("The connection was lost."));

    private WireReply? Handle(WireRequest request)
    {
        var reply = run.Handle(request);
        if (reply?.Status == 200 && request.Path.StartsWith("/sync/", StringComparison.Ordinal) && request.Method == "POST")
        {
            Check(request, reply);
        }

        return reply;
    }

    // Membership changes between requests only: what holds now held when it was answered.
    private void Check(WireRequest request, WireReply reply)
    {
        using var asked = JsonDocument.Parse(request.Body);
        if (!asked.RootElement.TryGetProperty("space", out var named) || named.GetString() is not { } space)
        {
            return;
        }

        var role = run.Truth.RoleOf(request.Token, space);
        if (role is null)
        {
            run.Violate("secrecy", $"{device} of {request.Token}, who is no member of {space}, was answered by {request.Path}");
        }
        else if (request.Path == "/sync/push" && !SpaceRoles.MayWrite(role)
            && JsonSerializer.Deserialize(reply.Body, WireJson.Default.PushResponse) is { } answer && answer.Successful.FirstOrDefault(v => v.Version == answer.Mark.Position) is { } written)
        {
            run.Violate("reader", $"{device} of {request.Token}, a reader of {space}, has written {written.EntityType} {System.Text.Encoding.UTF8.GetString(written.ServerId.Utf8.Span)}");
        }
    }
}
