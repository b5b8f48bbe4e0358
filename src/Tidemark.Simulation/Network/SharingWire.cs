using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Sharing;

namespace Tidemark.Simulation.Network;

/// <summary>The wire of one device of those who share: nobody is answered about a space of others.</summary>
internal sealed class SharingWire(SharingRun run, SharingDevice device, Dice dice) : WorldWire(run, dice)
{
    private readonly Dice _cuts = run.HasCatalog ? dice.Fork() : dice;

    // While the request is on its way something else may happen. It does so from the queue of events: nested in this run its tasks would go to other threads.
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (run.Catalog?.Meanwhile(device, request.RequestUri!.AbsolutePath) is { } meanwhile)
        {
            var over = new TaskCompletionSource();
            run.Scheduler.After(TimeSpan.FromSeconds(1), () =>
            {
                meanwhile();
                over.SetResult();
            });
            await over.Task.ConfigureAwait(false);
        }

        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    protected override WireReply? Handle(WireRequest request)
    {
        var reply = run.Handle(request);
        if (reply?.Status == 200 && request.Path.StartsWith("/sync/", StringComparison.Ordinal) && request.Method == "POST")
        {
            Check(request, reply);
        }

        return reply;
    }

    // A file that is cut off, said or unsaid.
    protected override HttpContent ContentOf(WireRequest request, WireReply reply)
    {
        if (run.Calm || reply.MediaType != "application/vnd.sqlite3" || !_cuts.Chance(0.3))
        {
            return base.ContentOf(request, reply);
        }

        run.Met("cut-body");
        return new StreamContent(new CutStream(reply.Body, _cuts.Below(reply.Body.Length), silent: _cuts.Chance(0.5)));
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
            run.Violate("secrecy", $"{device.Name} of {request.Token}, who is no member of {space}, was answered by {request.Path}");
        }
        else if (request.Path == "/sync/push" && !SpaceRoles.MayWrite(role)
            && JsonSerializer.Deserialize(reply.Body, WireJson.Default.PushResponse) is { } answer && answer.Successful.FirstOrDefault(v => v.Version == answer.Mark.Position) is { } written)
        {
            run.Violate("reader", $"{device.Name} of {request.Token}, a reader of {space}, has written {written.EntityType} {System.Text.Encoding.UTF8.GetString(written.ServerId.Utf8.Span)}");
        }
    }
}
