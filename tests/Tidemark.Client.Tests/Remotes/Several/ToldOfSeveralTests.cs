using Tidemark.Client.Encryption;
using Tidemark.Client.Inspection;
using Tidemark.Client.Receipts;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.RowStates;
using Tidemark.Model.Values;
using Tidemark.Simulation.Several;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>What an app is told of rows that go to several remotes: receipts, row states, the outbox, the story of a row.</summary>
public sealed class ToldOfSeveralTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly Random _random = new(1);
    private readonly ProgrammableRemote _a = new() { Name = "a" };
    private readonly ProgrammableRemote _b = new() { Name = "b" };
    private JoinDevice _device = null!;

    public async ValueTask InitializeAsync()
    {
        _time.Advance(TimeSpan.FromDays(36_500)); // Behind what the machine's clock gives to notes.
        _a.NowMs = _b.NowMs = () => _time.GetUtcNow().ToUnixTimeMilliseconds();
        _device = await MakeAsync("d", KeyRing.Empty.Rotated(_random.NextBytes));
        _device.Sql("INSERT INTO note(id, title) VALUES('n', 't')");
        await _device.SyncAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _device.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task A_receipt_ends_when_every_remote_has_the_row()
    {
        var receipt = await WriteAsync("UPDATE note SET title = 'u'");
        Assert.Equal(ReceiptState.Waiting, await StateOf(receipt));
        _b.IsDown = true;
        await _device.SyncAsync();
        Assert.Equal(ReceiptState.Waiting, await StateOf(receipt));
        Assert.False(receipt.Completion.IsCompleted);
        _b.IsDown = false;
        await _device.SyncAsync();
        Assert.Equal(ReceiptState.Accepted, (await receipt.Completion.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task A_receipt_of_what_was_taken_back_had_nothing_to_send()
    {
        var receipt = await WriteAsync("UPDATE note SET title = 'u'");
        _device.Sql("UPDATE note SET title = 't'");
        await _device.SyncAsync();
        Assert.Equal(ReceiptState.NothingToSend, await StateOf(receipt));
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task A_remote_that_refuses_a_row_is_named_wherever_it_is_asked_for()
    {
        _b.Judge = _ => new RemoteOutcome { Kind = RemoteOutcomeKind.Refused, Code = "FORBIDDEN", Message = "Not here." };
        var receipt = await WriteAsync("UPDATE note SET title = 'u'");
        await _device.SyncAsync();
        var outcome = await receipt.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal((ReceiptState.DeadLetter, "FORBIDDEN", "b: Not here."), (outcome.State, outcome.Rows[0].Code, outcome.Rows[0].Reason));
        Assert.Equal(RowSyncState.DeadLetter, (await StatesAsync())[EntityKey.Of("n")]);
        var item = Assert.Single(new StoreInspector(_device.Store).Outbox(10));
        Assert.Equal(("REFUSED", "b", "\"n\"", "FORBIDDEN", "Not here."), (item.State, item.Remote, item.Key, item.Code, item.Error));
        var story = new StoreInspector(_device.Store).Explain("note", "n");
        Assert.Equal(RowStanding.Diverged, story.Standing);
        Assert.Contains(story.Events, e => e.Kind == "remote" && e.Text == "b refused it as it is: FORBIDDEN: Not here.");
        Assert.Contains(story.Events, e => e.Kind == "remote" && e.Text.StartsWith("a has what is here, as version", StringComparison.Ordinal));

        _b.Judge = static _ => null;
        _device.Sql("UPDATE note SET title = 'v'");
        await _device.SyncAsync();
        Assert.Equal(ReceiptState.Accepted, await StateOf(receipt));
        Assert.Empty(await StatesAsync());
    }

    [Fact]
    [Trait("req", "REM-04")]
    public async Task What_a_remote_lacks_that_is_away_stands_in_the_outbox_and_in_the_story()
    {
        _b.IsDown = true;
        _device.Sql("UPDATE note SET title = 'u'; INSERT INTO note(id, body) VALUES('m', 'b')");
        Assert.Equal(RowSyncState.Pending, (await StatesAsync())[EntityKey.Of("m")]);
        Assert.Equal("It has not been merged yet.", new StoreInspector(_device.Store).Explain("note", "n").Why);
        await _device.SyncAsync();
        Assert.Equal([EntityKey.Of("m"), EntityKey.Of("n")], (await StatesAsync()).Where(s => s.Value == RowSyncState.Pending).Select(s => s.Key).OrderBy(k => k.ToString(), StringComparer.Ordinal));
        Assert.All(new StoreInspector(_device.Store).Outbox(10), o => Assert.Equal(("OWED", "b", "WRITE", "It is down."), (o.State, o.Remote, o.Operation, o.Error)));
        var story = new StoreInspector(_device.Store).Explain("note", "n");
        Assert.Equal(RowStanding.Pending, story.Standing);
        Assert.Equal(["title"], story.Pending);
        Assert.Contains(story.Events, e => e.Text == "b lacks title; it is sent when the remote is there: It is down.");
        Assert.Contains(story.Events, e => e.Kind == "written" && e.Text.StartsWith("title: the greatest stamp is this device's", StringComparison.Ordinal));
        Assert.Equal(["the whole row"], new StoreInspector(_device.Store).Explain("note", "m").Pending);

        _b.IsDown = false;
        await _device.SyncAsync();
        Assert.Empty(new StoreInspector(_device.Store).Outbox(10));
        Assert.Equal(RowStanding.InStep, new StoreInspector(_device.Store).Explain("note", "n").Standing);
        _device.Sql("DELETE FROM note WHERE id = 'm'");
        await _device.SyncAsync();
        Assert.Equal(RowStanding.Deleted, new StoreInspector(_device.Store).Explain("note", "m").Standing);
        Assert.Equal(RowStanding.Unknown, new StoreInspector(_device.Store).Explain("note", "never").Standing);
    }

    [Fact]
    [Trait("req", "REM-03")]
    public async Task A_story_tells_what_is_in_quarantine_and_who_wrote_last()
    {
        _a.WriteAsOther("note", "\"n\"", """{"title":"by hand"}""");
        await _device.SyncAsync();
        Assert.Contains(new StoreInspector(_device.Store).Explain("note", "n").Events, e => e.Text.StartsWith("title: the greatest stamp is of a writer that knows no stamps", StringComparison.Ordinal));
        await using var stranger = await MakeAsync("s", KeyRing.Empty.Rotated(_random.NextBytes));
        await stranger.SyncAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        stranger.Sql("UPDATE note SET secret = 's'");
        await stranger.SyncAsync();
        await _device.SyncAsync();
        var story = new StoreInspector(_device.Store).Explain("note", "n");
        Assert.Equal(RowStanding.PutAside, story.Standing);
        Assert.Contains("MissingKey", story.Why, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "REM-02")]
    public async Task A_receipt_of_an_edit_that_a_later_one_replaced_names_the_record()
    {
        await using var other = await MakeAsync("o", _device.Several.ReadKeys());
        await other.SyncAsync();
        var receipt = await WriteAsync("UPDATE note SET title = 'mine'");
        _time.Advance(TimeSpan.FromSeconds(1));
        other.Sql("UPDATE note SET title = 'theirs'");
        await other.SyncAsync();
        await _device.SyncAsync();
        var row = Assert.Single((await receipt.ReadAsync(TestContext.Current.CancellationToken)).Rows);
        Assert.Equal(ReceiptState.Merged, row.State);
        Assert.Equal("mine", new StoreInspector(_device.Store).Conflict(row.Conflict!.Value)!.Local!["title"].AsText);
    }

    private async Task<JoinDevice> MakeAsync(string name, KeyRing ring)
    {
        var device = await JoinDevice.MakeAsync(_folder.File(name + ".db"), _time, _random.NextBytes, ("a", _a), ("b", _b));
        await device.GiveKeysAsync(ring);
        return device;
    }

    private async Task<Receipt> WriteAsync(string sql) => (await _device.Store.WriteWithReceiptAsync(c => c.Run(sql, []), TestContext.Current.CancellationToken)).Receipt;

    private static async Task<ReceiptState> StateOf(Receipt receipt) => (await receipt.ReadAsync(TestContext.Current.CancellationToken)).State;

    private Task<IReadOnlyDictionary<EntityKey, RowSyncState>> StatesAsync() => _device.Store.ReadRowStatesAsync("note", TestContext.Current.CancellationToken);
}
