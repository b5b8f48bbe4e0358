using System.Text;
using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>Each checker is shown a history that breaks its promise, and one that keeps it.</summary>
public sealed class CheckerTests
{
    private static readonly Books Whole = new() { File = "file", Captured = 10, Accepted = 4, Folded = 2, Absorbed = 1, Discarded = 1, Dead = 1, Waiting = 1 };

    [Fact]
    [Trait("req", "STO-08")]
    public void The_ledger_checker_sees_an_event_that_ended_nowhere()
    {
        Assert.Empty(History.Of(new LedgerChecker(), new DeviceSeen("A", Whole)));
        Assert.Single(History.Of(new LedgerChecker(), new DeviceSeen("A", Whole with { Accepted = 3 })));
    }

    [Fact]
    public void The_cursor_checker_sees_a_cursor_that_goes_back()
    {
        var later = new DeviceSeen("A", Whole with { Cursors = [("note", 20, "x")] });
        var earlier = new DeviceSeen("A", Whole with { Cursors = [("note", 10, "x")] });

        Assert.Empty(History.Of(new CursorChecker(), earlier, later));
        Assert.Single(History.Of(new CursorChecker(), later, earlier));
        Assert.Empty(History.Of(new CursorChecker(), later, new FileReplaced("A", "restored", 0), earlier));
        Assert.Empty(History.Of(new CursorChecker(), later, new RunSeen("A", "Done", null, Resynced: true, LockFree: true), earlier));
    }

    [Fact]
    public void The_orphan_checker_sees_a_child_without_its_required_parent_at_once_and_a_dangling_one_at_the_end()
    {
        Assert.Single(History.Of(new OrphanChecker(), new DeviceSeen("A", Whole with { Orphans = ["item row 1 -> list"] })));
        var dangling = Whole with { Dangling = ["item row 1 -> list"] };
        Assert.Empty(History.Of(new OrphanChecker(), new DeviceSeen("A", dangling)));
        Assert.Single(History.Of(new OrphanChecker(), new Settled([History.Device("A", History.Rows(), dangling)])));
    }

    [Fact]
    public void The_announcement_checker_sees_a_run_that_ends_with_the_lock_in_its_hand()
    {
        Assert.Empty(History.Of(new AnnouncementChecker(), new RunSeen("A", "Done", null, false, LockFree: true)));
        Assert.Single(History.Of(new AnnouncementChecker(), new RunSeen("A", "Done", null, false, LockFree: false)));
    }

    [Fact]
    public void The_bounds_checker_sees_a_guard_marks_and_pages_that_are_left()
    {
        Assert.Single(History.Of(new BoundsChecker(), new DeviceSeen("A", Whole with { GuardLeft = true })));
        Assert.Empty(History.Of(new BoundsChecker(), new DeviceSeen("A", Whole with { Marks = 64 })));
        Assert.Single(History.Of(new BoundsChecker(), new DeviceSeen("A", Whole with { Marks = 65 })));
        Assert.Single(History.Of(new BoundsChecker(), new Settled([History.Device("A", History.Rows(), Whole with { Staged = 1 })])));
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public void The_repeat_checker_sees_a_command_with_two_effects_and_one_without_a_verdict()
    {
        var once = Push("c1", "\"k\"", 5);
        Assert.Empty(History.Of(new RepeatChecker(), once, once));
        Assert.Single(History.Of(new RepeatChecker(), once, Push("c1", "\"k\"", 6)));
        Assert.Single(History.Of(new RepeatChecker(), once, Push("c1", "\"other\"", 5)));
        Assert.Single(History.Of(new RepeatChecker(), once with { Request = Bytes("""{"commands":[{"id":"c1"},{"id":"c2"}]}""") }));
    }

    [Fact]
    public void The_position_checker_sees_a_head_that_goes_back_and_a_page_out_of_order()
    {
        Assert.Single(History.Of(new PositionChecker(), new ServerSeen("ann", 9, History.Rows()), new ServerSeen("ann", 8, History.Rows())));
        Assert.Empty(History.Of(new PositionChecker(), new ServerSeen("ann", 9, History.Rows()), new ServerRestored(), new ServerSeen("ann", 8, History.Rows())));
        Assert.Empty(History.Of(new PositionChecker(), Page(1, 2, 2)));
        Assert.Single(History.Of(new PositionChecker(), Page(2, 1, 2)));
        Assert.Single(History.Of(new PositionChecker(), Page(1, 3, 2)));
    }

    [Fact]
    public void The_isolation_checker_sees_a_row_among_those_of_another_user()
    {
        var makes = History.Makes("A", "A1", "A2");
        Assert.Empty(History.Of(new IsolationChecker(History.Schema), makes, new ServerSeen("ann", 1, History.Rows(("A1", "A2")))));
        Assert.Single(History.Of(new IsolationChecker(History.Schema), makes, new ServerSeen("bob", 1, History.Rows(("A1", "A2")))));
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public void The_twin_checker_sees_a_row_that_is_there_twice()
    {
        var makes = History.Makes("A", "A1", "A2");
        var twins = new Quiet([History.Server(History.Twice("A1", "A2"))]);
        Assert.Empty(History.Of(new TwinChecker(History.Schema), makes, new Quiet([History.Server(History.Rows(("A1", "A2")))])));
        Assert.Single(History.Of(new TwinChecker(History.Schema), makes, twins));
        Assert.Empty(History.Of(new TwinChecker(History.Schema), makes, new DeviceCloned("B", "A"), twins));
        var sent = new ServerSeen("ann", 1, History.Rows(("A1", "A2")));
        Assert.Single(History.Of(new TwinChecker(History.Schema), makes, sent, new CopyKept("A"), new FileReplaced("A", "restored", 0), twins));
        Assert.Empty(History.Of(new TwinChecker(History.Schema), makes, new CopyKept("A"), sent, new FileReplaced("A", "restored", 0), twins));
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public void The_twin_checker_excuses_a_moved_row_under_every_tag_it_was_made_with_where_the_key_is_its_identity()
    {
        var table = History.SchemaOf(Tidemark.Simulation.Workload.KeyKind.Code).Tables[0];
        EditSeen Makes(string device, string tag, string key) => new(device, "ann", new EditFacts([], [new(table.Name, tag, key)], [], []));
        var moves = new EditSeen("C", "ann", new EditFacts([], [], [], [new(table.Name, "B1", "k2")]));
        var twins = new Quiet([History.Server(History.Twice("A1", "w", table))]);
        var checker = () => new TwinChecker(History.SchemaOf(Tidemark.Simulation.Workload.KeyKind.Code));
        Assert.Empty(History.Of(checker(), Makes("A", "A1", "k1"), Makes("B", "B1", "k1"), moves, twins));
        Assert.Single(History.Of(checker(), Makes("A", "A1", "k3"), Makes("B", "B1", "k1"), moves, twins));
    }

    [Fact]
    public void The_convergence_checker_sees_replicas_that_differ_and_rows_that_wait_for_nothing()
    {
        var checker = () => new ConvergenceChecker(History.Schema);
        var server = History.Server(History.Rows(("A1", "A2")));
        var empty = new Books { File = "file" };

        Assert.Empty(History.Of(checker(), new Settled([History.Device("A", History.Rows(("A1", "A2")), empty), server])));
        Assert.Single(History.Of(checker(), new Settled([History.Device("A", History.Rows(("A1", "A9")), empty), server])));
        Assert.Single(History.Of(checker(), new Settled([History.Device("A", History.Rows(), empty), server])));
        Assert.Single(History.Of(checker(), new Settled([History.Device("A", History.Rows(("A1", "A2"), ("A5", "A6")), empty), server])));
        Assert.Single(History.Of(checker(), new Quiet([History.Device("A", History.Rows(("A1", "A2")), empty with { Waiting = 2 }, "note"), server])));
        Assert.Empty(History.Of(checker(), new Quiet([History.Device("A", History.Rows(("A1", "A2")), empty with { Waiting = 2, Dead = 1, DeadLetters = 1 }, "note"), server])));
    }

    [Fact]
    public void The_lost_edit_checker_sees_a_word_that_its_forebear_has_overwritten()
    {
        var checker = () => new LostEditChecker(History.Schema);
        Observation[] edits = [History.Makes("A", "A1", "A2"), History.Writes("A", "A1", "A2", "A3"), History.Writes("B", "A1", "A2", "B1")];

        Assert.Empty(History.Of(checker(), [.. edits, End(("A1", "A3"))]));
        Assert.Empty(History.Of(checker(), [.. edits, End(("A1", "B1"))]));
        Assert.Equal(2, History.Of(checker(), [.. edits, End(("A1", "A2"))]).Count);
    }

    [Fact]
    public void The_lost_edit_checker_sees_a_row_that_is_nowhere_and_knows_why_one_may_be()
    {
        var checker = () => new LostEditChecker(History.Schema);
        var makes = History.Makes("A", "A1", "A2");

        Assert.Single(History.Of(checker(), makes, End()));
        Assert.Empty(History.Of(checker(), makes, History.Deletes("B", "A1"), End()));
        Assert.Empty(History.Of(checker(), makes, new FileReplaced("A", "installed anew", 0), End()));
        Assert.Empty(History.Of(checker(), makes, new Quiet([History.Server(History.Rows()), History.Device("A", History.Rows(("A1", "A2")), null, History.Table.Name)])));
    }

    [Fact]
    public void The_lost_edit_checker_wants_back_what_a_restored_server_lost_as_long_as_its_maker_is_there()
    {
        var checker = () => new LostEditChecker(History.Schema);
        Observation[] edits = [History.Makes("A", "A1", "A2"), new ServerSeen("ann", 1, History.Rows(("A1", "A2")))];
        Observation[] restored = [new ServerRestored(), new ServerSeen("ann", 0, History.Rows())];

        Assert.Single(History.Of(checker(), [.. edits, .. restored, End()]));
        Assert.Empty(History.Of(checker(), [.. edits, new FileReplaced("A", "installed anew", 0), .. restored, End()]));
    }

    [Fact]
    public void The_lost_edit_checker_lets_a_command_without_an_answer_be_carried_out_again_after_a_restore()
    {
        var checker = () => new LostEditChecker(History.Schema);
        Observation[] Edits(ServerRestored restored) =>
            [History.Makes("A", "A1", "A2"), History.Writes("A", "A1", "A2", "A3"), restored, History.Writes("B", "A1", "A3", "B1"), End(("A1", "A3"))];

        Assert.Single(History.Of(checker(), Edits(new ServerRestored())));
        Assert.Single(History.Of(checker(), Edits(new ServerRestored { Unanswered = ["""{"word1":"A2"}"""] })));
        Assert.Empty(History.Of(checker(), Edits(new ServerRestored { Unanswered = ["""{"word1":"A3"}"""] })));
    }

    [Fact]
    public void The_lost_edit_checker_lets_a_deletion_take_a_row_along_that_its_own_push_made()
    {
        var checker = () => new LostEditChecker(History.Schema);
        ExchangeSeen Push(string other) => new(
            "A", "ann", "/sync/push", Bytes($$$"""{"commands":[{"id":"c1","operation":"CREATE","payload":{"tag":"A1"}},{"id":"c2","operation":"{{{other}}}"}]}"""), 200,
            Bytes("""{"successful":[{"commandId":"c1"},{"commandId":"c2"}],"failed":[],"conflicts":[]}"""));

        var after = new ServerSeen("ann", 1, History.Rows());
        Assert.Empty(History.Of(checker(), History.Makes("A", "A1", "A2"), Push("DELETE"), after, End()));
        Assert.Single(History.Of(checker(), History.Makes("A", "A1", "A2"), Push("UPDATE"), after, End()));
        Assert.Single(History.Of(checker(), History.Makes("A", "A1", "A2"), after, End()));
    }

    private static Quiet End(params (string Row, string Word)[] rows) => new([History.Server(History.Rows(rows))]);

    private static ExchangeSeen Push(string command, string serverId, long version) => new(
        "A", "ann", "/sync/push", Bytes($$"""{"commands":[{"id":"{{command}}"}]}"""), 200,
        Bytes($$"""{"successful":[{"commandId":"{{command}}","entityType":"note","serverId":{{serverId}},"version":{{version}}}],"failed":[],"conflicts":[]}"""));

    private static ExchangeSeen Page(long first, long second, long until) => new(
        "A", "ann", "/sync/changes", [], 200, Bytes($$"""{"changes":[{"version":{{first}}},{"version":{{second}}}],"until":{{until}}}"""));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
