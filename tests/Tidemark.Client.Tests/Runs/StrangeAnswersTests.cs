using System.Text.Json;
using Tidemark.Client.Coordination;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Runs;

/// <summary>Answers that are JSON of the protocol and still cannot be carried out; found by fuzzing. The trouble is in the report, nothing is lost, and the next run goes on.</summary>
public sealed class StrangeAnswersTests
{
    [Theory]
    [InlineData("""{"commandId":"$ID","entityType":"tag","clientId":"n1","serverId":"n1","version":10,"changedAt":"x"}""", "successful")]
    [InlineData("""{"commandId":"$ID","entityType":"note","clientId":"n1","serverId":"n1","version":10,"changedAt":"x","row":"\uffff"}""", "successful")]
    [InlineData("""{"commandId":"$ID","entityType":"note","entityId":"n1","serverVersion":9,"serverRow":"\uffff","serverDeleted":false,"reason":"exists"}""", "conflicts")]
    [InlineData("""{"commandId":"$ID","entityType":"tag","entityId":"n1","serverVersion":9,"serverDeleted":true,"reason":"deleted"}""", "conflicts")]
    [Trait("req", "PUSH-05")]
    public async Task A_verdict_that_cannot_be_carried_out_is_trouble_in_the_report_and_the_command_is_sent_again(string verdict, string list)
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes);
        await device.SyncAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n1', 'kept')");
        device.Network.Answer = path => path.EndsWith("/push", StringComparison.Ordinal) ? Answer(device, verdict, list) : null;
        var report = await device.TrySyncAsync(SyncMode.PushOnly);
        Assert.Equal(SyncErrorCode.InvalidResponse, report.Error?.Code);
        device.Network.Answer = _ => null;
        await Steps.UntilQuietAsync(device);
        Assert.Equal(["kept"], device.Rows("SELECT title FROM note").Select(t => t.Trim('"', '\'')));
        device.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PUSH-05")]
    public async Task A_new_row_that_the_server_calls_deleted_still_waits_to_be_sent()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes);
        await device.SyncAsync();
        device.Sql("INSERT INTO note(id, title) VALUES('n1', 'kept')");
        device.Network.Answer = path => path.EndsWith("/push", StringComparison.Ordinal)
            ? Answer(device, """{"commandId":"$ID","entityType":"note","entityId":"n1","serverVersion":9,"serverDeleted":true,"reason":"deleted"}""", "conflicts")
            : null;
        await device.TrySyncAsync(SyncMode.PushOnly);
        device.Network.Answer = _ => null;
        await Steps.UntilQuietAsync(device);
        Assert.Equal(1, (await device.SyncAsync()).Push.Accepted + device.Count("SELECT count(*) FROM note"));
        device.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PULL-09")]
    public async Task A_staged_page_that_was_damaged_in_the_file_is_fetched_again()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45) INSERT INTO note(id, title) SELECT printf('n%03d', i), 'x' FROM n;");
        await a.SyncAsync();
        foreach (var damage in new[] { "body = x'7b'", "body = CAST(replace(CAST(body AS TEXT), '\"changes\":[', '\"changes\":[1,') AS BLOB)" })
        {
            var b = world.Clone("b" + damage.Length, a);
            b.Options.Pull.PageRowsMax = 10;
            b.Options.Pull.IterationsMax = 2;
            Assert.True((await b.SyncAsync()).Pull.HasMore);
            b.Sql("UPDATE _tm_stage SET " + damage);
            b.Options.Pull.IterationsMax = 100;
            await b.TrySyncAsync();
            await Steps.UntilQuietAsync(b);
            Steps.AssertEqual(a, b);
        }
    }

    private static HttpResponseMessage Answer(Device device, string verdict, string list)
    {
        using var push = JsonDocument.Parse(device.Network.PushBodies[^1]);
        var id = push.RootElement.GetProperty("commands")[0].GetProperty("id").GetString();
        var body = $$$"""{"syncOperationId":"s","epoch":"{{{push.RootElement.GetProperty("epoch").GetString()}}}","mark":{{{push.RootElement.GetProperty("floor").GetRawText()}}},"{{{list}}}":[{{{verdict.Replace("$ID", id, StringComparison.Ordinal)}}}]}""";
        return new HttpResponseMessage { Content = new StringContent(body, null, "application/json") };
    }
}
