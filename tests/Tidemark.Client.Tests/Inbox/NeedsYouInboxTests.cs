using Tidemark.Client.Inbox;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Inbox;

[Trait("req", "OPS-13")]
public sealed class NeedsYouInboxTests
{
    private const string Tasks = "CREATE TABLE task(id TEXT PRIMARY KEY, name TEXT, due_date TEXT, room TEXT);";

    [Fact]
    public async Task A_conflict_is_shown_field_by_field_in_words_and_settled_field_by_field()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await MeetAsync(world);
        await using var inbox = new NeedsYouInbox(b.Store);
        await inbox.Ready.WaitAsync(Watching.Deadline);
        Assert.Equal(0, inbox.Count);
        var arrived = Next(inbox);
        await b.SyncAsync();
        await arrived.WaitAsync(Watching.Deadline);
        var item = Assert.Single(inbox.Items);
        Assert.Equal((InboxItemKind.Conflict, "task", "Water the plants"), (item.Kind, item.Type, item.Title));
        Assert.Equal(
            [new InboxField("due_date", "due date", "Monday", "Friday", "Tuesday", true), new InboxField("room", "room", "hall", "attic", "cellar", true)],
            item.Fields);

        var gone = Next(inbox);
        Assert.True(await inbox.SettleAsync(item, new Dictionary<string, FieldChoice>(StringComparer.Ordinal) { ["due_date"] = FieldChoice.Theirs, ["room"] = FieldChoice.Of(Value.Text("kitchen")) }));
        await gone.WaitAsync(Watching.Deadline);
        Assert.Equal(0, inbox.Count);
        Assert.False(await inbox.KeepMineAsync(item));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["t|Water the plants|Tuesday|kitchen"], a.Rows("SELECT * FROM task"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task Mine_and_theirs_settle_as_a_whole_and_a_wrong_field_is_refused()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await MeetAsync(world);
        await b.SyncAsync();
        await using var inbox = new NeedsYouInbox(b.Store);
        await inbox.Ready.WaitAsync(Watching.Deadline);
        var item = Assert.Single(inbox.Items);
        await Assert.ThrowsAsync<ArgumentException>(() => inbox.SettleAsync(item, new Dictionary<string, FieldChoice>(StringComparer.Ordinal) { ["id"] = FieldChoice.Mine }));
        Assert.True(await inbox.TakeTheirsAsync(item));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["t|Water the plants|Tuesday|cellar"], b.Rows("SELECT * FROM task"));
    }

    [Fact]
    public async Task A_dead_letter_names_its_field_and_who_waits_and_is_corrected_and_retried()
    {
        await using var world = await World.StartAsync();
        const string sql = "CREATE TABLE list(id TEXT PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE entry(id TEXT PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id), text TEXT);";
        var a = world.Adopt("a", sql + "INSERT INTO list VALUES('l', 'Home');");
        var b = world.Clone("b", a);
        await a.SyncAsync();
        b.Sql("INSERT INTO list VALUES('k', 'Home'); INSERT INTO entry VALUES('e', 'k', 'Milk')");
        await b.TrySyncAsync();
        await using var inbox = new NeedsYouInbox(b.Store);
        await inbox.Ready.WaitAsync(Watching.Deadline);
        var item = Assert.Single(inbox.Items);
        Assert.Equal((InboxItemKind.DeadLetter, "Home", "UNIQUE"), (item.Kind, item.Title, item.Code));
        Assert.Equal(["entry Milk"], item.Dependents);
        await Assert.ThrowsAsync<ArgumentException>(() => inbox.KeepMineAsync(item));
        b.Sql("UPDATE list SET name = 'Home 2' WHERE id = 'k'");
        Assert.True(await inbox.RetryAsync(item));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["Home", "Home 2"], a.Rows("SELECT name FROM list ORDER BY name"));
        Assert.Equal(["e"], a.Rows("SELECT id FROM entry"));
        Assert.False(await inbox.DiscardAsync(item));
    }

    [Theory]
    [InlineData("due_date", "due date")]
    [InlineData("DueDate", "due date")]
    [InlineData("isHTMLPage", "is html page")]
    [InlineData("name", "name")]
    public void Names_become_words(string name, string words) => Assert.Equal(words, InboxReader.Label(name));

    private static Task Next(NeedsYouInbox inbox)
    {
        var next = new TaskCompletionSource();
        inbox.Changed += (_, _) => next.TrySetResult();
        return next.Task;
    }

    private static async Task<(Device A, Device B)> MeetAsync(World world)
    {
        var a = world.Make("a", Tasks, t => t with { Fields = [.. t.Fields.Select(f => f.Name is "due_date" or "room" ? f with { Policy = FieldPolicy.Manual } : f)] });
        a.Sql("INSERT INTO task VALUES('t', 'Water the plants', 'Monday', 'hall')");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("UPDATE task SET due_date = 'Tuesday', room = 'cellar'");
        await a.SyncAsync();
        b.Sql("UPDATE task SET due_date = 'Friday', room = 'attic'");
        return (a, b);
    }
}
