using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Sharing;

namespace Tidemark.Simulation.Network;

/// <summary>The wire of one device of those who share: nobody is answered about a space of others.</summary>
internal sealed class SharingWire(SharingRun run, string device, Dice dice) : WorldWire(run, dice)
{
    protected override WireReply? Handle(WireRequest request)
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
