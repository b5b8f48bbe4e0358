using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Tests.Http;

/// <summary>The wire as the protocol page tells it, message by message.</summary>
[Trait("req", "SRV-01")]
public sealed class WalkThroughTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task What_one_device_pushes_another_pulls()
    {
        await using var server = await HttpServer.StartAsync();
        var phone = await Walk.BeginAsync(server);
        var tag = $$"""{"id":"{{Samples.Command(2)}}","entityType":"tags","operation":"CREATE","entityId":"{{Samples.TagId}}","payload":{"id":"{{Samples.TagId}}","note_id":"{{Samples.NoteId}}","word":"sea"},"occurredAt":"2026-11-21T05:00:01Z"}""";
        var pushed = await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"Low tide","count":3,"done":true}""") + "," + tag);

        Assert.Equal(2, pushed.GetProperty("successful").GetArrayLength());
        Assert.Empty(pushed.GetProperty("failed").EnumerateArray());
        Assert.Empty(pushed.GetProperty("conflicts").EnumerateArray());
        Assert.Equal(CanonicalPayload.SyncOperationId([Guid.Parse(Samples.Command(1)), Guid.Parse(Samples.Command(2))]), pushed.GetProperty("syncOperationId").GetString());
        var version = pushed.GetProperty("successful")[0].GetProperty("version").GetInt64();
        Assert.Equal(version, pushed.GetProperty("mark").GetProperty("position").GetInt64());

        var tablet = new Walk(server.Client());
        var page = await tablet.GetAsync("/sync/changes?deviceId=tablet");
        var changes = page.GetProperty("changes").EnumerateArray().ToList();
        Assert.Equal(["notes", "tags"], changes.Select(c => c.GetProperty("entityType").GetString()));
        var note = changes[0];
        Assert.Equal(Samples.NoteId, note.GetProperty("entityId").GetString());
        Assert.Equal(version, note.GetProperty("version").GetInt64());
        Assert.Equal("phone", note.GetProperty("origin").GetProperty("deviceId").GetString());
        Assert.Equal(Samples.Command(1), note.GetProperty("origin").GetProperty("commandId").GetString());
        Assert.Equal("Low tide", note.GetProperty("row").GetProperty("title").GetString());
        Assert.Equal(JsonValueKind.Null, note.GetProperty("row").GetProperty("ratio").ValueKind);
        Assert.False(page.GetProperty("hasMore").GetBoolean());

        // The same over POST, and nothing more behind the cursor.
        var cursor = page.GetProperty("nextCursor").GetString();
        var mark = page.GetProperty("mark").GetRawText();
        var rest = await tablet.PostAsync("/sync/changes", $$"""{"cursor":"{{cursor}}","deviceId":"tablet","marks":[{{mark}}]}""");
        Assert.Empty(rest.GetProperty("changes").EnumerateArray());
    }

    [Fact]
    public async Task An_edit_on_an_old_row_version_is_a_conflict_with_the_server_s_row()
    {
        var phone = await shared.BeginAsync();
        var first = (await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"a"}"""))).GetProperty("successful")[0].GetProperty("version").GetInt64();
        string Update(int command, string title, long on) =>
            $$"""{"id":"{{Samples.Command(command)}}","entityType":"notes","operation":"UPDATE","entityId":"{{Samples.NoteId}}","baseVersion":{{on}},"payload":{"title":"{{title}}"},"occurredAt":"2026-11-21T05:00:00Z"}""";

        var accepted = await phone.PushAsync(Update(2, "b", first));
        var late = await phone.PushAsync(Update(3, "c", first));

        Assert.Single(accepted.GetProperty("successful").EnumerateArray());
        var conflict = Assert.Single(late.GetProperty("conflicts").EnumerateArray());
        Assert.Equal("b", conflict.GetProperty("serverRow").GetProperty("title").GetString());
        Assert.Equal(accepted.GetProperty("successful")[0].GetProperty("version").GetInt64(), conflict.GetProperty("serverVersion").GetInt64());
        Assert.False(conflict.GetProperty("serverDeleted").GetBoolean());
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task The_same_request_again_has_the_same_effect_as_once()
    {
        var phone = await shared.BeginAsync();
        var body = Samples.Push(1, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"once"}"""));

        var answers = new List<JsonElement>();
        for (var i = 0; i < 3; i++)
        {
            answers.Add(await phone.PostAsync("/sync/push", body));
        }

        // Cut anew: the same command in another request.
        answers.Add(await phone.PostAsync("/sync/push", Samples.Push(2, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"once"}"""))));

        Assert.Single(answers.Select(a => a.GetProperty("successful")[0].GetProperty("version").GetInt64()).Distinct());
        Assert.Single(await phone.PullAsync());

        var other = await phone.PostAsync("/sync/push", Samples.Push(3, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"other bytes"}""")));
        Assert.Equal(ErrorCodes.IdempotencyMismatch, other.GetProperty("failed")[0].GetProperty("code").GetString());
        Assert.Equal("once", (await phone.PullAsync())[0].GetProperty("row").GetProperty("title").GetString());
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task After_a_lost_answer_the_verdicts_are_still_there()
    {
        using var folder = new Testing.TempFolder();
        await using (var before = await HttpServer.StartAsync(shared: folder))
        {
            await (await Walk.BeginAsync(before)).PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}"""));
        }

        await using var server = await HttpServer.StartAsync(shared: folder);
        var phone = new Walk(server.Client());

        var verdicts = await phone.PostAsync("/sync/verdicts", $$"""{"commandIds":["{{Samples.Command(1)}}","{{Samples.Command(2)}}"]}""");

        Assert.Equal(Samples.Command(1), Assert.Single(verdicts.GetProperty("successful").EnumerateArray()).GetProperty("commandId").GetString());
        var foreign = await new Walk(server.Client("bob")).PostAsync("/sync/verdicts", $$"""{"commandIds":["{{Samples.Command(1)}}"]}""");
        Assert.Empty(foreign.GetProperty("successful").EnumerateArray());
    }

    [Fact]
    public async Task Single_rows_spaces_and_checksums_answer_at_the_same_mark()
    {
        var phone = await shared.BeginAsync();
        var mark = (await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"a"}"""))).GetProperty("mark");

        var rows = await phone.PostAsync("/sync/rows", $$"""{"entityType":"notes","entityIds":["{{Samples.NoteId}}","{{Samples.TagId}}"]}""");
        var checksums = await phone.PostAsync("/sync/checksums", "{}");
        var space = Assert.Single((await phone.GetAsync("/spaces")).EnumerateArray());

        Assert.Equal("a", Assert.Single(rows.GetProperty("rows").EnumerateArray()).GetProperty("row").GetProperty("title").GetString());
        Assert.Equal(mark.GetRawText(), rows.GetProperty("mark").GetRawText());
        Assert.Equal(mark.GetRawText(), checksums.GetProperty("mark").GetRawText());
        Assert.Equal(1, checksums.GetProperty("types").GetProperty("notes").GetProperty("rows").GetInt64());
        Assert.Equal(64, checksums.GetProperty("types").GetProperty("notes").GetProperty("digest").GetString()!.Length);
        Assert.Equal(0, checksums.GetProperty("types").GetProperty("tags").GetProperty("rows").GetInt64());
        Assert.Equal(checksums.GetProperty("epoch").GetString(), space.GetProperty("epoch").GetString());
        Assert.Equal(mark.GetProperty("position").GetInt64(), space.GetProperty("head").GetInt64());
        Assert.True(space.GetProperty("default").GetBoolean());
    }

    [Fact]
    public async Task A_foreign_space_and_one_that_is_not_there_are_told_alike()
    {
        await using var server = await HttpServer.StartAsync();
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}"""));
        var hers = (await ann.GetAsync("/spaces"))[0].GetProperty("space").GetString()!;
        var bob = server.Client("bob");

        foreach (var path in new[] { "/sync/push", "/sync/changes", "/sync/verdicts", "/sync/rows", "/sync/checksums" })
        {
            var details = new List<string>();
            foreach (var space in new[] { hers, hers + "x", "nobody's" })
            {
                using var answer = await bob.PostAsync(path, $$"""{"space":"{{space}}","deviceId":"d","storeId":"s","pushSeq":1,"commands":[],"commandIds":[],"entityType":"notes","entityIds":[]}""");
                var problem = await answer.ProblemAsync(404, ErrorCodes.SpaceNotFound);
                details.Add(problem.Detail!.Replace(space, "*", StringComparison.Ordinal));
            }

            Assert.Single(details.Distinct(StringComparer.Ordinal));
        }

        Assert.Empty(await new Walk(bob).PullAsync());
    }

    [Fact]
    public async Task A_cursor_that_was_changed_or_is_another_user_s_is_refused()
    {
        await using var server = await HttpServer.StartAsync();
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}"""));
        var cursor = (await ann.GetAsync("/sync/changes")).GetProperty("nextCursor").GetString()!;
        var half = cursor.Length / 2;
        string[] changed = ["x", cursor[..^1], cursor + "A", cursor[..half] + (cursor[half] == 'A' ? 'B' : 'A') + cursor[(half + 1)..], new string('A', 5000)];

        foreach (var one in changed)
        {
            using var get = await ann.Client.GetAsync(new Uri("/sync/changes?cursor=" + Uri.EscapeDataString(one), UriKind.Relative));
            await get.ProblemAsync(400, ErrorCodes.CursorInvalid);
            using var post = await ann.Client.PostAsync("/sync/changes", $$"""{"cursor":"{{one}}"}""");
            await post.ProblemAsync(400, ErrorCodes.CursorInvalid);
        }

        using var bob = await server.Client("bob").GetAsync(new Uri("/sync/changes?cursor=" + Uri.EscapeDataString(cursor), UriKind.Relative));
        await bob.ProblemAsync(400, ErrorCodes.CursorInvalid);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=-1")]
    [InlineData("limit=5001")]
    [InlineData("limit=99999999999")]
    [InlineData("limit=ten")]
    [InlineData("limit=1.5")]
    [InlineData("limit=1&limit=2")]
    [InlineData("cursor=a&cursor=b")]
    public async Task Query_values_that_cannot_be_are_refused(string query)
    {
        var ann = await shared.BeginAsync();

        using var answer = await ann.Client.GetAsync(new Uri("/sync/changes?" + query, UriKind.Relative));

        await answer.ProblemAsync(400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task Unknown_query_names_are_ignored_and_unknown_types_refused()
    {
        var ann = await shared.BeginAsync();
        await ann.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}"""));

        Assert.Equal(1, (await ann.GetAsync("/sync/changes?future=1&limit=5000&entityTypes=notes,tags&entityTypes=notes")).GetProperty("changes").GetArrayLength());
        Assert.Equal(0, (await ann.GetAsync("/sync/changes?entityTypes=tags")).GetProperty("changes").GetArrayLength());
        using var unknown = await ann.Client.GetAsync(new Uri("/sync/changes?entityTypes=ghosts", UriKind.Relative));
        Assert.InRange((int)unknown.StatusCode, 400, 499);
        using var rows = await ann.Client.PostAsync("/sync/rows", """{"entityType":"ghosts","entityIds":[]}""");
        Assert.InRange((int)rows.StatusCode, 400, 499);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(250)]
    public async Task Pages_of_any_size_give_every_row_once(int limit)
    {
        var ann = await shared.BeginAsync();
        string Id(int i) => $"018f0000-0000-7000-a000-{i:x12}";
        await ann.PushAsync(string.Join(',', Enumerable.Range(1, 250).Select(i => Samples.CreateNote(i, $$"""{"id":"{{Id(i)}}","count":{{i}}}""", Id(i)))));

        var counts = (await ann.PullAsync(limit)).Select(c => c.GetProperty("row").GetProperty("count").GetInt32()).ToList();

        Assert.Equal(Enumerable.Range(1, 250), counts);
    }
}
