using System.Text;
using System.Text.Json;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Entities;
using Xunit;

namespace Tidemark.Testing.Remotes;

/// <summary>What every <see cref="IStagedRemote"/> keeps, as far as it claims to be able to.</summary>
public abstract class RemoteContract : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SyncModel Model = RemoteModel.Of(new SyncModelBuilder()
        .Entity("note", e => e.Field("id", FieldType.Text).Field("title", FieldType.Text).Field("body", FieldType.Text).Key("id"))
        .Build());

    private long _sequence;

    protected abstract Task<IStagedRemote> StartAsync();

    /// <summary>Makes the tokens given until now worthless; null: that cannot happen.</summary>
    protected virtual Func<Task>? ExpireTokens => null;

    /// <summary>Cuts the backend off; null: not tried.</summary>
    protected virtual Func<Task>? CutOff => null;

    public abstract ValueTask DisposeAsync();

    [Fact]
    [Trait("req", "REM-02")]
    public async Task What_was_written_is_shown_with_its_version_and_the_token_goes_behind_it()
    {
        var remote = await OpenAsync();
        var version = Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"x","body":null}"""))).Version;
        var page = await AllAsync(remote, null);
        var row = Assert.Single(page.Rows);
        Assert.Equal(("note", "\"a\"", version, false), (row.Type, row.Key, row.Version, row.IsDeleted));
        Assert.Equal("x", TitleOf(row));
        Assert.True(row.ModifiedMs > 0);
        Assert.Empty((await AllAsync(remote, page.Token)).Rows);
    }

    [Fact]
    public async Task A_write_on_another_version_than_the_remote_has_is_a_conflict_and_changes_nothing()
    {
        var remote = await OpenAsync();
        if (!remote.Capabilities.ConditionalWrites)
        {
            return;
        }

        var first = Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"x"}"""))).Version;
        var second = Assert.Single(await PushAsync(remote, Note("a", first, """{"title":"y"}"""))).Version;
        Assert.NotEqual(first, second);
        var stale = Assert.Single(await PushAsync(remote, Note("a", first, """{"title":"z"}""")));
        Assert.Equal(RemoteOutcomeKind.Conflict, stale.Kind);
        var again = Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"w"}""")));
        Assert.Equal(RemoteOutcomeKind.Conflict, again.Kind);
        var current = stale.Current ?? Assert.Single(await remote.LookupAsync([new RemoteRowId("note", "\"a\"")], None));
        Assert.Equal(("y", second), (TitleOf(current), current.Version));
    }

    [Fact]
    public async Task A_write_sets_the_fields_it_has()
    {
        var remote = await OpenAsync();
        var version = Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"x","body":"b"}"""))).Version;
        await PushAsync(remote, Note("a", version, """{"title":"y"}"""));
        var fields = JsonDocument.Parse((await AllAsync(remote, null)).Rows[^1].Fields).RootElement;
        Assert.Equal("y", fields.GetProperty("title").GetString());
        Assert.Equal(remote.Capabilities.Patches, fields.TryGetProperty("body", out var body) && body.GetString() == "b");
    }

    [Fact]
    public async Task Each_write_of_a_push_has_an_outcome_of_its_own_in_order()
    {
        var remote = await OpenAsync();
        if (!remote.Capabilities.ConditionalWrites)
        {
            return;
        }

        await PushAsync(remote, Note("b", null, """{"title":"there"}"""));
        var outcomes = await PushAsync(remote, Note("a", null, """{"title":"1"}"""), Note("b", null, """{"title":"2"}"""), Note("c", null, """{"title":"3"}"""));
        Assert.Equal([RemoteOutcomeKind.Written, RemoteOutcomeKind.Conflict, RemoteOutcomeKind.Written], outcomes.Select(o => o.Kind));
        Assert.Equal(["1", "there", "3"], (await AllAsync(remote, null)).Rows.OrderBy(r => r.Key, StringComparer.Ordinal).Select(TitleOf));
    }

    [Fact]
    public async Task Pages_hold_everything_once_and_end()
    {
        var remote = await OpenAsync();
        await PushAsync(remote, [.. Enumerable.Range(0, 25).Select(i => Note($"n{i:00}", null, $$"""{"title":"{{i}}"}"""))]);
        var rows = new List<string>();
        string? token = null;
        for (var hasMore = true; hasMore;)
        {
            var page = await remote.PullAsync(token, 10, None);
            Assert.True(page.Rows.Count <= 10);
            Assert.True(!page.HasMore || page.Token != token);
            rows.AddRange(page.Rows.Select(r => r.Key));
            (token, hasMore) = (page.Token, page.HasMore);
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"\"n{i:00}\""), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_deleted_row_is_told_of_and_can_be_made_again()
    {
        var remote = await OpenAsync();
        var version = Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"x"}"""))).Version;
        var token = (await AllAsync(remote, null)).Token;
        Assert.Equal(RemoteOutcomeKind.Written, Assert.Single(await PushAsync(remote, Note("a", version, "{}") with { IsDeletion = true })).Kind);
        var news = (await AllAsync(remote, token)).Rows;
        if (remote.Capabilities.Tombstones)
        {
            Assert.True(Assert.Single(news).IsDeleted);
        }

        Assert.Equal(RemoteOutcomeKind.Written, Assert.Single(await PushAsync(remote, Note("a", null, """{"title":"again"}"""))).Kind);
        Assert.Equal("again", TitleOf((await AllAsync(remote, token)).Rows.Last(r => !r.IsDeleted)));
    }

    [Fact]
    public async Task Stamps_lie_where_there_is_room_and_rows_are_looked_up_where_that_can_be()
    {
        var remote = await OpenAsync();
        if (remote.Capabilities.Stamps)
        {
            await PushAsync(remote, Note("a", null, """{"title":"x","tm_stamps":"{\"title\":[\"s\",\"d\"]}"}"""));
            Assert.Contains("[\\\"s\\\",\\\"d\\\"]", Encoding.UTF8.GetString((await AllAsync(remote, null)).Rows[0].Fields.Span).Replace("\\u0022", "\\\"", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        if (remote.Capabilities.Lookup)
        {
            await PushAsync(remote, Note("k", null, """{"title":"y"}"""));
            var found = await remote.LookupAsync([new RemoteRowId("note", "\"k\""), new RemoteRowId("note", "\"nowhere\"")], None);
            Assert.Equal("y", TitleOf(Assert.Single(found, r => !r.IsDeleted)));
        }
    }

    [Fact]
    public async Task A_token_that_is_worth_nothing_any_more_says_so()
    {
        if (ExpireTokens is not { } expire)
        {
            return;
        }

        var remote = await OpenAsync();
        await PushAsync(remote, Note("a", null, """{"title":"x"}"""));
        var token = (await AllAsync(remote, null)).Token;
        await expire();
        await Assert.ThrowsAsync<TokenExpiredException>(() => remote.PullAsync(token, 10, None));
        await remote.PullAsync(null, 10, None);
    }

    [Fact]
    [Trait("req", "REM-08")]
    public async Task A_remote_that_is_away_says_that_the_same_may_succeed_later()
    {
        if (CutOff is not { } cut)
        {
            return;
        }

        var remote = await OpenAsync();
        await cut();
        Assert.True((await Assert.ThrowsAsync<SyncException>(() => remote.PullAsync(null, 10, None))).Retryable);
        Assert.True((await Assert.ThrowsAsync<SyncException>(() => PushAsync(remote, Note("a", null, "{}")))).Retryable);
    }

    protected static RemoteWrite Note(string id, string? expected, string fields) =>
        new() { Type = "note", Key = JsonSerializer.Serialize(id), Expected = expected, Fields = Encoding.UTF8.GetBytes(fields) };

    private static string? TitleOf(RemoteRow row) => JsonDocument.Parse(row.Fields).RootElement.GetProperty("title").GetString();

    private async Task<IStagedRemote> OpenAsync()
    {
        var remote = await StartAsync();
        Assert.Equal("ann", (await remote.OpenAsync(Model, None)).User);
        return remote;
    }

    private static async Task<RemotePage> AllAsync(IStagedRemote remote, string? token)
    {
        var rows = new List<RemoteRow>();
        while (true)
        {
            var page = await remote.PullAsync(token, 100, None);
            rows.AddRange(page.Rows);
            if (!page.HasMore)
            {
                return page with { Rows = rows };
            }

            token = page.Token;
        }
    }

    private Task<IReadOnlyList<RemoteOutcome>> PushAsync(IStagedRemote remote, params RemoteWrite[] writes) =>
        remote.PushAsync(new RemotePush(++_sequence, "5f0c0000-0000-7000-8000-000000000001", "5f0c0000-0000-7000-8000-000000000002", writes), None);
}
