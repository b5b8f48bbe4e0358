using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.Leases;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>What is another user's: cursor, ids, space, device, lease.</summary>
[Trait("req", "SRV-05")]
[Trait("req", "SRV-07")]
public sealed class OthersTests
{
    [Fact]
    public async Task Another_user_s_cursor_is_no_cursor_wherever_it_is_put()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        var page = await ann.GetAsync("/sync/changes");
        var cursor = page.GetProperty("nextCursor").GetString()!;
        var ofType = page.GetProperty("cursors").GetProperty("notes").GetString()!;
        var ben = server.Client("ben");
        await Attack.RefusedAsync(server, () => ben.GetAsync("/sync/changes?cursor=" + cursor), 400, ErrorCodes.CursorInvalid, cursor);
        await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/changes", JsonSerializer.Serialize(new { cursor })), 400, ErrorCodes.CursorInvalid, cursor);
        await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/changes", JsonSerializer.Serialize(new { cursors = new { notes = ofType } })), 400, ErrorCodes.CursorInvalid, ofType);
        for (var i = 0; i < cursor.Length; i += 23)
        {
            var changed = cursor[..i] + (cursor[i] == 'A' ? 'B' : 'A') + cursor[(i + 1)..];
            await Attack.RefusedAsync(server, () => ann.Client.GetAsync("/sync/changes?cursor=" + changed), 400, ErrorCodes.CursorInvalid);
        }
    }

    [Fact]
    public async Task Another_user_s_space_is_not_there_for_any_request()
    {
        var (server, _) = await Attack.StartAsync();
        await using var __ = server;
        var ben = server.Client("ben");
        foreach (var space in new[] { "u:ann", "u:nobody", "", "*", "u:ben%", "U:ann", "u:ann ", "s:018f0000-0000-7000-8000-000000000001" }.Where(s => s.Length > 1))
        {
            await Attack.RefusedAsync(server, () => ben.GetAsync("/sync/changes?space=" + Uri.EscapeDataString(space)), 404, ErrorCodes.SpaceNotFound);
            await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/changes", JsonSerializer.Serialize(new { space })), 404, ErrorCodes.SpaceNotFound);
            await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/push", Samples.Push(1, Sessions.Note(3), $",\"space\":\"{space}\"")), 404, ErrorCodes.SpaceNotFound);
            await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/rows", JsonSerializer.Serialize(new { space, entityType = "notes", entityIds = new[] { Attack.Id(1) } })), 404, ErrorCodes.SpaceNotFound);
            await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/verdicts", JsonSerializer.Serialize(new { space, commandIds = new[] { Samples.Command(1) } })), 404, ErrorCodes.SpaceNotFound);
            await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/checksums", JsonSerializer.Serialize(new { space })), 404, ErrorCodes.SpaceNotFound);
        }

        var listening = await Assert.ThrowsAsync<WebSocketException>(() => Sessions.ListenAsync(server.Address, ben.DefaultRequestHeaders.Authorization!, "?space=u:ann"));
        Assert.Contains("404", listening.Message, StringComparison.Ordinal);
        Assert.Single(server.Log.All, l => l.Text.Contains("Refused with SPACE_NOT_FOUND (404)", StringComparison.Ordinal) && l.Text.Contains("/sync/live", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shared_space_its_members_invitations_and_snapshot_are_not_there_for_who_is_no_member()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        var space = (await ann.PostAsync("/spaces", """{"name":"Trip"}""")).GetProperty("space").GetString()!;
        var invitation = await ann.PostAsync("/spaces/invitations", JsonSerializer.Serialize(new { space, role = "reader" }));
        var (token, id) = (invitation.GetProperty("token").GetString()!, invitation.GetProperty("id").GetString()!);
        var ben = server.Client("ben");
        var of = "?space=" + Uri.EscapeDataString(space);
        foreach (var path in new[] { "/spaces/members" + of, "/spaces/invitations" + of, "/spaces/snapshot/manifest" + of, "/spaces/snapshot" + of, "/sync/changes" + of })
        {
            await Attack.RefusedAsync(server, () => ben.GetAsync(path), 404, ErrorCodes.SpaceNotFound, space, token);
        }

        await Attack.RefusedAsync(server, () => ben.DeleteAsync($"/spaces/invitations{of}&id={id}"), 404, ErrorCodes.SpaceNotFound);
        await Attack.RefusedAsync(server, () => ben.DeleteAsync($"/spaces/members{of}&user=ann"), 404, ErrorCodes.SpaceNotFound);
        await Attack.RefusedAsync(server, () => ben.PostAsync("/spaces/invitations", JsonSerializer.Serialize(new { space, role = "owner" })), 404, ErrorCodes.SpaceNotFound);
        await Attack.RefusedAsync(server, () => ben.PutAsync(new Uri("/spaces/members", UriKind.Relative), HttpMessages.Json(JsonSerializer.Serialize(new { space, user = "ben", role = "owner" }))), 404, ErrorCodes.SpaceNotFound);
        var (named, secret) = (token.Split('.')[0], token.Split('.')[1]);
        var other = Convert.ToBase64String("s:018f0000-0000-7000-8000-000000000009"u8).TrimEnd('=');
        foreach (var (changed, status, code) in new[] { ($"{named}.{new string('A', secret.Length)}", 404, ErrorCodes.SpaceNotFound), ($"{other}.{secret}", 404, ErrorCodes.SpaceNotFound), (token[..^1], 400, ErrorCodes.BadRequest), (id, 400, ErrorCodes.BadRequest) })
        {
            await Attack.RefusedAsync(server, () => ben.PostAsync("/spaces/join", JsonSerializer.Serialize(new { token = changed })), status, code, changed);
        }

        await (await server.Client("carl").PostAsync("/spaces/join", JsonSerializer.Serialize(new { token }))).JsonAsync();
        await Attack.RefusedAsync(server, () => ben.PostAsync("/spaces/join", JsonSerializer.Serialize(new { token })), 404, ErrorCodes.SpaceNotFound, token); // It was good once.
        await Attack.RefusedAsync(server, () => server.Client("carl").PostAsync("/spaces/invitations", JsonSerializer.Serialize(new { space, role = "owner" })), 403, ErrorCodes.Forbidden);
        Assert.Equal(2, (await ann.GetAsync("/spaces/members" + of)).GetProperty("members").GetArrayLength());
    }

    [Fact]
    public async Task Another_user_s_ids_of_rows_and_commands_mean_nothing()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        var before = (await ann.PullAsync()).Select(c => c.ToString()).ToList();
        var ben = new Walk(server.Client("ben"));
        Assert.Equal(0, (await ben.PostAsync("/sync/verdicts", JsonSerializer.Serialize(new { commandIds = new[] { Samples.Command(1), Samples.Command(2) } }))).GetProperty("successful").GetArrayLength());
        Assert.Equal(0, (await ben.PostAsync("/sync/rows", JsonSerializer.Serialize(new { entityType = "notes", entityIds = new[] { Attack.Id(1) } }))).GetProperty("rows").GetArrayLength());
        var version = JsonDocument.Parse(before[0]).RootElement.GetProperty("version").GetInt64();
        string Command(int id, string operation, string more) =>
            $$"""{"id":"{{Samples.Command(id)}}","entityType":"notes","operation":"{{operation}}","entityId":"{{Attack.Id(1)}}","baseVersion":{{version}}{{more}},"occurredAt":"2026-01-01T00:00:00Z"}""";
        var answer = await ben.PushAsync(string.Join(',', Command(11, "UPDATE", ",\"payload\":{\"title\":\"mine\"}"), Command(12, "DELETE", ""), Command(13, "REKEY", $",\"newEntityId\":\"{Attack.Id(9)}\""), Sessions.Note(2)));
        Assert.Equal(ErrorCodes.RowGone, answer.GetProperty("failed")[0].GetProperty("code").GetString());
        Assert.Equal(before, (await ann.PullAsync()).Select(c => c.ToString()));
        Assert.DoesNotContain("mine", answer.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("serverRow", answer.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_user_s_device_and_lease_are_out_of_reach()
    {
        var (server, ann) = await Attack.StartAsync(new ServerOptions { Dev = true, Leases = new LeaseOptions { Commands = 2, LeasesMax = 4 } });
        await using var _ = server;
        var ben = server.Client("ben");
        await (await server.Client("carl").DeleteAsync("/devices/phone")).JsonAsync();
        var lease = (await ann.PostAsync("/sync/lease", """{"deviceId":"phone"}""")).GetProperty("leaseId").GetString()!;
        await Attack.RefusedAsync(server, () => ben.PutAsync(new Uri("/sync/lease/" + lease, UriKind.Relative), HttpMessages.Json("{}")), 409, ErrorCodes.LeaseLost);
        await (await ben.DeleteAsync("/sync/lease/" + lease)).JsonAsync();
        using (var renewed = await ann.Client.PutAsync(new Uri("/sync/lease/" + lease, UriKind.Relative), HttpMessages.Json("{}")))
        {
            Assert.Equal(HttpStatusCode.OK, renewed.StatusCode);
        }

        ben.DefaultRequestHeaders.Add(LeaseResponse.Header, lease);
        await Attack.RefusedAsync(server, () => ben.PostAsync("/sync/push", Samples.Push(1, Sessions.Note(3) + "," + Sessions.Note(4) + "," + Sessions.Note(5))), 409, ErrorCodes.LeaseLost, lease);
        await Attack.RefusedAsync(server, () => ben.GetAsync("/admin/users/ann/devices"), 403, ErrorCodes.Forbidden);
        await Attack.RefusedAsync(server, () => ben.DeleteAsync("/admin/users/ann/tokens"), 403, ErrorCodes.Forbidden);
        using var still = await ann.Client.GetAsync("/sync/changes?deviceId=phone");
        await still.JsonAsync();
    }
}
