using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Queries;
using Tidemark.Client.Receipts;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Receipts;

[Trait("req", "OPS-09")]
public sealed class ReceiptTests
{
    private const string Moods = "CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, mood TEXT);";

    [Fact]
    public async Task An_accepted_write_tells_its_row_version()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var receipt = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('n', 't'), ('m', 'u')");
        Assert.False(receipt.Completion.IsCompleted);
        Assert.Equal(ReceiptState.Waiting, (await receipt.ReadAsync()).State);
        await a.SyncAsync();
        var outcome = await EndOf(receipt);
        Assert.Equal(ReceiptState.Accepted, outcome.State);
        Assert.Equal(["\"n\"", "\"m\""], outcome.Rows.Select(r => r.Key.ToString()));
        Assert.All(outcome.Rows, r => Assert.Equal(a.Count($"SELECT version FROM _tm_row_1 WHERE k0 = '{r.Key.ToString().Trim('"')}'"), r.Version));
    }

    [Fact]
    public async Task A_row_whose_id_the_server_gives_is_told_under_its_new_key()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        await a.SyncAsync();
        var parent = await WriteAsync(b, "INSERT INTO author VALUES(1, 'of b', NULL)");
        var child = await WriteAsync(b, "INSERT INTO book VALUES(1, 1, 'book', NULL)");
        await b.SyncAsync(SyncMode.PushOnly);
        var row = Assert.Single((await EndOf(parent)).Rows);
        Assert.Equal((ReceiptState.Accepted, "2"), (row.State, row.Key.ToString()));
        Assert.Equal(ReceiptState.Accepted, (await EndOf(child)).State);
        Assert.Equal(["2|of b"], b.Rows("SELECT id, name FROM author WHERE name = 'of b'"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_whose_key_the_app_changes_before_it_is_sent_is_told_under_its_new_key(bool pullsBetween)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        var receipt = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('n', 't')");
        b.Sql("INSERT INTO note(id, title) VALUES('other', 't')");
        await b.SyncAsync();
        a.Sql("UPDATE note SET id = 'm'");
        if (pullsBetween)
        {
            await a.SyncAsync(SyncMode.PullOnly);
        }

        a.Sql("UPDATE note SET id = 'k' WHERE id = 'm'");
        await a.SyncAsync();
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal((ReceiptState.Accepted, "\"k\""), (row.State, row.Key.ToString()));
    }

    [Fact]
    public async Task It_survives_a_restart_by_its_id()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var receipt = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('n', 't')");
        var waiting = receipt.Completion;
        var id = receipt.Id!.Value;
        await a.RestartAsync(world);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        var again = a.Store.OpenReceipt(OutboxEventId.Parse(id.ToString()));
        Assert.Equal(ReceiptState.Waiting, (await again.ReadAsync()).State);
        await a.SyncAsync();
        await a.RestartAsync(world);
        Assert.Equal(ReceiptState.Accepted, (await EndOf(a.Store.OpenReceipt(id))).State);
    }

    [Fact]
    public async Task Several_edits_in_one_command_end_together_and_an_overtaken_one_too()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var first = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('n', '1')");
        var second = await WriteAsync(a, "UPDATE note SET title = '2'");
        await a.SyncAsync();
        Assert.Equal([ReceiptState.Accepted, ReceiptState.Accepted], [(await EndOf(first)).State, (await EndOf(second)).State]);
        Assert.Equal((await EndOf(first)).Rows[0].Version, (await EndOf(second)).Rows[0].Version);

        // Edited while its command is on its way: the first has its end with that command, the second with the next.
        var third = await WriteAsync(a, "UPDATE note SET title = '3'");
        Receipt? fourth = null;
        a.Network.BeforeAnswer = async path =>
        {
            if (path.EndsWith("/push", StringComparison.Ordinal) && fourth is null)
            {
                fourth = await WriteAsync(a, "UPDATE note SET title = '4'");
            }
        };
        await Steps.UntilQuietAsync(a);
        var (before, after) = ((await EndOf(third)).Rows[0].Version, (await EndOf(fourth!)).Rows[0].Version);
        Assert.True(before < after, $"{before} {after}");
    }

    [Fact]
    public async Task A_write_whose_note_stays_for_a_later_batch_ends_with_the_command_that_sends_its_row()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n', '1');");
        await Steps.UntilQuietAsync(a);
        a.Options.Push.BatchCommandsMax = 1;
        a.Sql("UPDATE note SET title = '2'");
        a.Sql("INSERT INTO note(id, title) VALUES('m', 'x')");
        var receipt = await WriteAsync(a, "UPDATE note SET title = '3' WHERE id = 'n'"); // Sent with the first note, that of '2'.
        await a.SyncAsync();
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal(ReceiptState.Accepted, row.State);
        Assert.Equal(a.Count("SELECT version FROM _tm_row_1 WHERE k0 = 'n'"), row.Version);
    }

    [Fact]
    public async Task A_row_whose_key_is_changed_in_a_later_batch_and_that_is_sent_with_its_child_is_told_under_its_last_key()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE shelf(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE thing(id TEXT PRIMARY KEY, shelf TEXT REFERENCES shelf(id));");
        await Steps.UntilQuietAsync(a);
        a.Options.Push.BatchCommandsMax = 2;
        a.Sql("INSERT INTO thing(id) VALUES('t')");
        var receipt = await WriteAsync(a, "INSERT INTO shelf VALUES('first', 'x')");
        a.Sql("INSERT INTO thing(id) VALUES('other'); UPDATE shelf SET id = 'last'; UPDATE thing SET shelf = 'last' WHERE id = 't'");
        await a.SyncAsync();
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal((ReceiptState.Accepted, "\"last\""), (row.State, row.Key.ToString()));
    }

    [Fact]
    public async Task A_write_whose_note_stays_behind_a_dead_letter_of_its_row_is_that_dead_letter()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n', '1');");
        await Steps.UntilQuietAsync(a);
        a.Options.Push.BatchCommandsMax = 1;
        a.Sql("UPDATE note SET title = x'00'");
        a.Sql("INSERT INTO note(id, title) VALUES('m', 'x')");
        var receipt = await WriteAsync(a, "UPDATE note SET title = CAST(x'ff' AS TEXT) WHERE id = 'n'");
        await a.TrySyncAsync();
        Assert.Equal(ReceiptState.DeadLetter, Assert.Single((await EndOf(receipt)).Rows).State);
    }

    [Fact]
    public async Task A_row_that_was_reverted_or_never_left_has_nothing_to_send()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n', '1');");
        await Steps.UntilQuietAsync(a);
        var edit = await WriteAsync(a, "UPDATE note SET title = '2'");
        var back = await WriteAsync(a, "UPDATE note SET title = '1'");
        var made = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('m', 'x')");
        var gone = await WriteAsync(a, "DELETE FROM note WHERE id = 'm'");
        await a.SyncAsync();
        foreach (var receipt in new[] { edit, back, made, gone })
        {
            Assert.Equal(ReceiptState.NothingToSend, (await EndOf(receipt)).State);
        }

        Assert.Equal(ReceiptState.NothingToSend, (await EndOf(await WriteAsync(a, "UPDATE note SET title = 'x' WHERE id = 'nobody'"))).State);
    }

    [Fact]
    public async Task A_merged_write_tells_with_what()
    {
        await using var world = await World.StartAsync();
        var (a, b, _) = await MeetAsync(world, FieldPolicy.ServerWins);
        var receipt = await WriteAsync(b, "UPDATE note SET mood = 'of b', title = 'by b'");
        await Steps.UntilQuietAsync(b, a);
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal(ReceiptState.Merged, row.State);
        Assert.Equal(b.Count("SELECT version FROM _tm_row_1"), row.Version);
        var record = new StoreInspector(b.Store).Conflict(row.Conflict!.Value)!;
        Assert.Equal("of a", record.Server!["mood"].AsText);
        Assert.Equal(["n|by b|of a"], a.Rows("SELECT * FROM note"));
    }

    [Fact]
    public async Task A_conflict_for_a_person_ends_the_wait_and_later_reading_tells_the_settlement()
    {
        await using var world = await World.StartAsync();
        var (a, b, _) = await MeetAsync(world, FieldPolicy.Manual);
        var receipt = await WriteAsync(b, "UPDATE note SET mood = 'of b'");
        await b.SyncAsync();
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal(ReceiptState.Conflict, row.State);
        await b.Store.SettleAsync(row.Conflict!.Value, ConflictSettlement.TakeLocal, TestContext.Current.CancellationToken);
        Assert.Equal(ReceiptState.Waiting, (await receipt.ReadAsync()).State);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(ReceiptState.Merged, (await receipt.ReadAsync()).State);
        Assert.Equal(["of b"], a.Rows("SELECT mood FROM note"));
    }

    [Fact]
    public async Task A_dead_letter_says_why_and_a_discard_is_told()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, slug) VALUES('n1', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET slug = 'gold'");
        await b.SyncAsync();
        var receipt = await WriteAsync(a, "INSERT INTO note(id, slug) VALUES('n2', 'gold')");
        await a.SyncAsync();
        var row = Assert.Single((await EndOf(receipt)).Rows);
        Assert.Equal((ReceiptState.DeadLetter, "UNIQUE"), (row.State, row.Code));
        Assert.NotEmpty(row.Reason!);
        await a.Store.DiscardAsync(Assert.Single(new StoreInspector(a.Store).DeadLetters()).Id, TestContext.Current.CancellationToken);
        Assert.Equal(ReceiptState.Discarded, (await receipt.ReadAsync()).State);
    }

    [Fact]
    public async Task Without_an_answer_it_waits_and_the_same_command_sent_again_ends_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        var receipt = await WriteAsync(a, "INSERT INTO note(id, title) VALUES('n', 't')");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync();
        Assert.Equal(ReceiptState.Waiting, (await receipt.ReadAsync()).State);
        await a.RestartAsync(world);
        await a.SyncAsync();
        Assert.Equal(ReceiptState.Accepted, (await EndOf(a.Store.OpenReceipt(receipt.Id!.Value))).State);
    }

    private static Task<ReceiptOutcome> EndOf(Receipt receipt) => receipt.Completion.WaitAsync(Watching.Deadline);

    private static async Task<Receipt> WriteAsync(Device device, string sql) =>
        (await device.Store.WriteWithReceiptAsync(c =>
        {
            c.Run(sql);
            return 0;
        })).Receipt;

    /// <summary>a and b have the row; a has written its mood and sent it, b has not heard of it.</summary>
    private static async Task<(Device A, Device B, string Key)> MeetAsync(World world, FieldPolicy policy)
    {
        var a = world.Make("a", Moods, type => type with { Fields = [.. type.Fields.Select(f => f.Name == "mood" ? f with { Policy = policy } : f)] });
        a.Sql("INSERT INTO note VALUES('n', 'title', 'calm')");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("UPDATE note SET mood = 'of a'");
        await a.SyncAsync();
        return (a, b, "n");
    }
}
