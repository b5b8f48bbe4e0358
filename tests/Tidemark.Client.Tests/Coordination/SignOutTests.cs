using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Receipts;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>Signing out with changes that wait.</summary>
public sealed class SignOutTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task With_changes_waiting_it_asks_and_what_was_chosen_drops_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        a.Sql("INSERT INTO note VALUES('n', '', '', NULL)");
        a.Service.Start();
        Assert.Equal((false, 1L), Of(await a.Service.SignOutAsync(SignOutChoice.Ask, Token)));
        a.Network.Decide = _ => Fault.DropRequest;
        var unsent = await a.Service.SignOutAsync(SignOutChoice.PushFirst, Token);
        Assert.Equal((false, 1L), Of(unsent));
        Assert.Equal(SyncErrorCode.NetworkError, unsent.Push?.Error?.Code);
        Assert.Equal((true, 1L), Of(await a.Service.SignOutAsync(SignOutChoice.Keep, Token)));
        Assert.Equal(SyncActivity.Stopped, a.Service.Status.Activity);

        var eve = world.Open(a.Path, "eve");
        Assert.Equal(SyncErrorCode.WrongUser, (await eve.TrySyncAsync()).Error?.Code);
        Assert.Empty(eve.Network.PushBodies);
        await a.RestartAsync(world);
        Assert.Equal((true, 0L), Of(await a.Service.SignOutAsync(SignOutChoice.PushFirst, Token)));
        a.AssertQuiet();
        Assert.Equal((true, 0L), Of(await a.Service.SignOutAsync(SignOutChoice.Ask, Token)));
    }

    [Fact]
    [Trait("req", "RUN-14")]
    [Trait("req", "OPS-09")]
    public async Task What_is_discarded_at_sign_out_is_as_the_server_has_it_and_stands_in_records_from_which_it_can_come_back()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        a.Sql("INSERT INTO note VALUES('kept', 'k', '', 'one'), ('gone', 'g', '', 'two'), ('swap', 's', '', 'three')");
        await Steps.UntilQuietAsync(a);
        a.Service.Start();
        var before = a.Rows("SELECT * FROM note ORDER BY id");
        a.Sql("UPDATE note SET slug = 'free' WHERE id = 'kept'; UPDATE note SET slug = 'one', title = 'edited' WHERE id = 'swap'; UPDATE note SET slug = 'three' WHERE id = 'kept'");
        a.Sql("DELETE FROM note WHERE id = 'gone'; INSERT INTO note VALUES('made', 'new', 'words', 'two'), ('nothing', '', '', NULL); DELETE FROM note WHERE id = 'nothing'");
        var write = await a.Store.WriteWithReceiptAsync(
            c =>
            {
                c.Run("UPDATE note SET body = 'receipt' WHERE id = 'kept'");
                return true;
            },
            Token);
        var asked = await a.Service.SignOutAsync(SignOutChoice.Ask, Token);
        Assert.False(asked.IsSignedOut);

        var report = await a.Service.SignOutAsync(SignOutChoice.Discard, Token);
        Assert.Equal((true, 0L), Of(report));
        Assert.Equal((4, asked.Pending), (report.Discarded!.Rows, report.Discarded.Events));
        Assert.Empty(report.Discarded.Left);
        Assert.Equal(before, a.Rows("SELECT * FROM note ORDER BY id"));
        Assert.Equal(SyncActivity.Stopped, a.Service.Status.Activity);
        Assert.Equal(ReceiptState.Discarded, Assert.Single((await write.Receipt.Completion).Rows).State);
        var inspector = new StoreInspector(a.Store);
        var records = inspector.Conflicts(10, onlyOpen: false);
        Assert.All(records, r => Assert.Equal((ConflictRecord.Discarded, "Discarded when its user signed out."), (r.Outcome, r.Reason)));
        Assert.Equal(["gone", "kept", "made", "swap"], records.Select(r => r.Key.Trim('"')).Order(StringComparer.Ordinal));
        Assert.Equal("discard", inspector.History(1)[0].Trigger);
        Assert.Contains(inspector.Explain("note", "swap").Events, e => e.Kind == "discarded");
        a.AssertQuiet();

        Assert.True(await a.Store.SettleAsync(records.Single(r => r.Key == "\"made\"").Id, ConflictSettlement.Take(records.Single(r => r.Key == "\"made\"").Local!.With(3, Model.Values.Value.Text("four"))), Token));
        await Steps.UntilQuietAsync(a);
        Assert.Equal(["new|words|four"], a.Rows("SELECT title, body, slug FROM note WHERE id = 'made'"));
        Assert.True((await a.Service.VerifyAsync(Token)).Equal);
    }

    [Fact]
    [Trait("req", "RUN-14")]
    [Trait("req", "PUSH-08")]
    public async Task Discarding_takes_back_trees_deletions_dead_letters_and_what_was_on_its_way()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL), (2, 'bob', NULL); INSERT INTO book VALUES(1, 1, 'one', NULL), (2, 2, 'two', 1)");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);

        // On its way, and the server has it: what it showed since was put aside for want of the answer.
        a.Network.Decide = path => path.EndsWith("push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        a.Sql("UPDATE author SET note = 'arrived' WHERE id = 2");
        Assert.NotNull((await a.TrySyncAsync()).Error);
        a.Network.Decide = _ => Fault.None;
        a.Sql("PRAGMA foreign_keys = ON; INSERT INTO author VALUES(7, 'new', NULL); INSERT INTO book VALUES(7, 7, 'below', 2); UPDATE book SET author_id = 7, sequel_of = 7 WHERE id = 2; DELETE FROM author WHERE id = 1");
        var report = await a.Store.DiscardWaitingAsync("A test.", Token);
        Assert.Empty(report.Left);
        Assert.Equal(["1|ann|NULL", "2|bob|arrived"], a.Rows("SELECT * FROM author ORDER BY id"));
        Assert.Equal(["1|1|one|NULL", "2|2|two|1"], a.Rows("SELECT * FROM book ORDER BY id"));
        a.AssertQuiet();
        Assert.Contains(new StoreInspector(a.Store).Conflicts(20, onlyOpen: false), c => c.Reason!.Contains("on its way", StringComparison.Ordinal));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|ann|NULL", "2|bob|arrived"], a.Rows("SELECT * FROM author ORDER BY id"));
        Steps.AssertEqual(a, b);
        Assert.DoesNotContain((await new StoreDoctor(a.Store, a.Environment).ExamineAsync(repair: false, Token)).Findings, f => f.Severity == FindingSeverity.Fault);
    }

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task Discarding_leaves_rows_of_which_nobody_knows_what_the_server_has()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        a.Sql("INSERT INTO note VALUES('n', 'n', '', NULL), ('m', 'm', '', NULL)");
        await Steps.UntilQuietAsync(a);
        a.Sql("DROP TRIGGER " + a.Scalar("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '_tm_%' AND sql LIKE '%BEFORE UPDATE%'").AsText);
        a.Sql("UPDATE note SET title = 'unnoted' WHERE id = 'n'");
        a.Store.CheckSchema([], always: true);
        a.Sql("UPDATE note SET title = 'noted' WHERE id = 'm'");
        var report = await a.Store.DiscardWaitingAsync("A test.", Token);
        Assert.Equal(["note \"n\""], report.Left);
        Assert.Equal(["m|m", "n|unnoted"], a.Rows("SELECT id, title FROM note ORDER BY id"));
        await Steps.UntilQuietAsync(a);
        a.AssertQuiet();
    }

    private static (bool IsSignedOut, long Pending) Of(SignOutReport report) => (report.IsSignedOut, report.Pending);
}
