using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Hooks;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Hooks;

/// <summary>The host's own rules.</summary>
[Trait("req", "SRV-11")]
public sealed class HookTests
{
    [Fact]
    public async Task A_hook_refuses_corrects_and_replaces_commands_and_hears_of_commits()
    {
        var hooks = new House();
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Hooks = hooks });
        var walk = await Walk.BeginAsync(server);
        var answer = await walk.PushAsync(string.Join(',', Command(1, "fine"), Command(2, "forbidden"), Command(3, "invalid"), Command(4, "shout")));
        Assert.Equal([ErrorCodes.Forbidden, ErrorCodes.ValidationFailed], answer.GetProperty("failed").EnumerateArray().Select(f => f.GetProperty("code").GetString()));
        Assert.Equal("title", answer.GetProperty("failed")[1].GetProperty("field").GetString());
        var accepted = answer.GetProperty("successful").EnumerateArray().ToList();
        Assert.Equal(2, accepted.Count);
        Assert.False(accepted[0].TryGetProperty("row", out _));
        Assert.Equal("SHOUT", accepted[1].GetProperty("row").GetProperty("title").GetString());
        Assert.Equal(["fine", "SHOUT"], (await walk.PullAsync()).Select(c => c.GetProperty("row").GetProperty("title").GetString()).Order(StringComparer.OrdinalIgnoreCase));
        Assert.Equal(2, Assert.Single(hooks.Commits).Accepted.Count);

        // Said again it is not done again, and nobody hears of it twice.
        using var repeated = await walk.Client.PostAsync("/sync/push", Samples.Push(9, Command(1, "fine")));
        Assert.Equal(1, (await repeated.JsonAsync()).GetProperty("successful").GetArrayLength());
        Assert.Single(hooks.Commits);
    }

    [Fact]
    public async Task A_hook_sees_the_row_as_it_stands_and_a_group_that_it_refuses_leaves_nothing()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Hooks = new House() });
        var walk = await Walk.BeginAsync(server);
        var version = (await walk.PushAsync(Command(1, "locked"))).GetProperty("successful")[0].GetProperty("version").GetInt64();
        var update = $$"""{"id":"{{Samples.Command(8)}}","entityType":"notes","operation":"UPDATE","entityId":"{{Id(1)}}","baseVersion":{{version}},"payload":{"count":2},"group":"g","occurredAt":"2026-01-01T00:00:00Z"}""";
        var answer = await walk.PushAsync(Command(7, "new", "g") + "," + update);
        Assert.Equal(0, answer.GetProperty("successful").GetArrayLength());
        Assert.Equal([ErrorCodes.Forbidden, ErrorCodes.GroupRefused], answer.GetProperty("failed").EnumerateArray().Select(f => f.GetProperty("code").GetString()!).Order(StringComparer.Ordinal));
        Assert.Single(await walk.PullAsync());
    }

    [Fact]
    public async Task What_a_hook_hides_is_in_no_page_row_verdict_or_checksum()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Hooks = new House() });
        var walk = await Walk.BeginAsync(server);
        await walk.PushAsync(Command(1, "open") + "," + Command(2, "hidden") + "," + Command(3, "priced"));
        var changes = await walk.PullAsync();
        Assert.Equal(["UPDATE", "REMOVE", "UPDATE"], changes.Select(c => c.GetProperty("operation").GetString()));
        Assert.False(changes[1].TryGetProperty("row", out _));
        Assert.False(changes[2].GetProperty("row").TryGetProperty("price", out _));
        Assert.True(changes[0].GetProperty("row").TryGetProperty("price", out _));
        var rows = (await walk.PostAsync("/sync/rows", $$"""{"entityType":"notes","entityIds":["{{Id(2)}}","{{Id(3)}}"]}""")).GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal("REMOVE", rows[0].GetProperty("operation").GetString());
        Assert.False(rows[1].GetProperty("row").TryGetProperty("price", out _));
        Assert.Equal(2, (await walk.PostAsync("/sync/checksums", "{}")).GetProperty("types").GetProperty("notes").GetProperty("rows").GetInt64());
        var conflict = (await walk.PushAsync($$"""{"id":"{{Samples.Command(9)}}","entityType":"notes","operation":"UPDATE","entityId":"{{Id(2)}}","baseVersion":1,"payload":{"count":2},"occurredAt":"2026-01-01T00:00:00Z"}""")).GetProperty("conflicts")[0];
        Assert.False(conflict.TryGetProperty("serverRow", out _));
    }

    private static string Id(int number) => $"018f0000-0000-7000-8000-{number:x12}";

    private static string Command(int number, string title, string? group = null) =>
        $$"""{"id":"{{Samples.Command(number)}}","entityType":"notes","operation":"CREATE","entityId":"{{Id(number)}}","payload":{"id":"{{Id(number)}}","title":"{{title}}","price":"1.5"}{{(group is null ? "" : $",\"group\":\"{group}\"")}},"occurredAt":"2026-01-01T00:00:00Z"}""";

    private sealed class House : SyncHooks
    {
        public List<CommittedPush> Commits { get; } = [];

        public override async ValueTask<CommandDecision> DecideAsync(HookedCommand command, CancellationToken cancellationToken)
        {
            if (await command.Current(cancellationToken) is { } row && row["title"] == Value.Text("locked"))
            {
                return CommandDecision.Forbidden("This note is locked.");
            }

            return command.Payload is { } payload && !payload["title"].IsAbsent
                ? payload["title"].AsText switch
                {
                    "forbidden" => CommandDecision.Forbidden("Not for you."),
                    "invalid" => CommandDecision.Invalid("No such title.", "title"),
                    "shout" => CommandDecision.Replaced(payload.With(command.Type.OrdinalOf("title"), Value.Text("SHOUT"))),
                    _ => CommandDecision.Accepted,
                }
                : CommandDecision.Accepted;
        }

        public override Row? Show(Caller caller, SpaceId space, Row row) => row.Type.Name != "notes" ? row : row["title"].AsText switch
        {
            "hidden" => null,
            "priced" => row.With(row.Type.OrdinalOf("price"), Value.Absent),
            _ => row,
        };

        public override ValueTask CommittedAsync(CommittedPush push, CancellationToken cancellationToken)
        {
            Commits.Add(push);
            return ValueTask.CompletedTask;
        }
    }
}
