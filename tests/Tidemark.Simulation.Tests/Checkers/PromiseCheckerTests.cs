using System.Text;
using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>Checkers of what a store and a request promise, each over a history that breaks it and one that keeps it.</summary>
public sealed class PromiseCheckerTests
{
    private static readonly Books Clean = new() { File = "file", Cursors = [("note", 10, "x")] };

    [Fact]
    [Trait("req", "PUSH-03")]
    public void The_frozen_checker_sees_a_command_that_is_sent_again_with_other_content()
    {
        Assert.Empty(History.Of(new FrozenChecker(), Push(1, "op1", "s", "a"), Push(2, "op2", "s", "a")));
        Assert.Single(History.Of(new FrozenChecker(), Push(1, "op1", "s", "a"), Push(2, "op2", "s", "b")));
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public void The_push_order_checker_sees_a_late_request_and_a_copy_that_counts_on_its_own()
    {
        Assert.Empty(History.Of(new PushOrderChecker(), Push(1, "op1"), Push(1, "op1"), Push(2, "op2"), Push(1, "op3", "other")));
        Assert.Single(History.Of(new PushOrderChecker(), Push(2, "op2"), Push(1, "op1")));
        Assert.Single(History.Of(new PushOrderChecker(), Push(2, "op2"), Push(2, "op3")));
        Assert.Empty(History.Of(new PushOrderChecker(), Push(2, "op2"), new ServerRestored(), Push(1, "op1")));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public void The_base_checker_sees_an_edit_of_an_older_version_that_is_accepted()
    {
        Assert.Empty(History.Of(new BaseVersionChecker(), Edit("a", 1, 2), Edit("b", 2, 3), Edit("a", 1, 2)));
        Assert.Single(History.Of(new BaseVersionChecker(), Edit("a", 1, 2), Edit("b", 1, 3)));
        Assert.Empty(History.Of(new BaseVersionChecker(), Edit("a", 1, 2), new ServerRestored(), Edit("b", 1, 3)));

        static ExchangeSeen Edit(string command, long @base, long version) => new(
            "A", "ann", "/sync/push", System.Text.Encoding.UTF8.GetBytes($$"""{"commands":[{"id":"{{command}}","operation":"UPDATE","baseVersion":{{@base}}}]}"""), 200,
            System.Text.Encoding.UTF8.GetBytes($$"""{"successful":[{"commandId":"{{command}}","entityType":"t","serverId":1,"version":{{version}}}]}"""));
    }

    [Fact]
    public void The_resurrection_checker_sees_a_deleted_row_that_comes_back_by_itself()
    {
        var gone = new Observation[] { History.Makes("A", "A1", "A2"), Server("A1"), Server(), Push(1, "op1") };
        Assert.Single(History.Of(Resurrection(), [new DeviceSeen("A", Clean), .. gone[1..], Server("A1")]));
        Assert.Empty(History.Of(Resurrection(), [.. gone, Server("A2")]));
        Assert.Empty(History.Of(Resurrection(), [.. gone, Touches("A", "A1"), Server("A1")]));
        Assert.Single(History.Of(Resurrection(), [.. gone, Touches("A", "A1"), new DeviceSeen("A", Clean), Server("A1")]));
        Assert.Empty(History.Of(Resurrection(), [.. gone, new ServerRestored(), Server("A1")]));
        Assert.Empty(History.Of(Resurrection(), [.. gone, new FileReplaced("A", "restored from a copy", 0), Server("A1")]));
    }

    [Fact]
    public void The_resurrection_checker_knows_where_a_row_with_a_waiting_edit_was_put_meanwhile()
    {
        var hangs = new ServerSeen("ann", 1, History.Hanging("A1", "A2"));
        Observation[] gone = [Touches("B", "A1"), hangs, Server(), Push(1, "op1")];
        Assert.Single(History.Of(Resurrection(), [.. gone, hangs]));
        Assert.Empty(History.Of(Resurrection(), [Touches("A", "A1"), .. gone, hangs]));
        Assert.Single(History.Of(Resurrection(), [Touches("A", "A2"), .. gone, hangs]));
        Assert.Single(History.Of(Resurrection(), [Touches("A", "A1"), .. gone, new DeviceSeen("A", Clean), hangs]));
    }

    [Fact]
    [Trait("req", "STO-08")]
    public void The_capture_checker_sees_a_change_without_a_note()
    {
        var edit = Touches("A", "A1");
        Assert.Empty(History.Of(new CaptureChecker(), edit));
        Assert.Single(History.Of(new CaptureChecker(), edit with { Facts = edit.Facts with { Uncaptured = ["note 1"] } }));
    }

    [Fact]
    public void The_knowledge_checker_sees_an_older_version_over_a_newer_one_and_over_a_deletion()
    {
        var newer = new DeviceSeen("A", Clean with { Rows = [("note", "1", 9)] });
        var older = new DeviceSeen("A", Clean with { Rows = [("note", "1", 8)] });
        var deleted = new DeviceSeen("A", Clean with { Deleted = [("note", "1", 9)] });

        Assert.Empty(History.Of(new KnowledgeChecker(), older, newer));
        Assert.Single(History.Of(new KnowledgeChecker(), newer, older));
        Assert.Single(History.Of(new KnowledgeChecker(), deleted, older));
        Assert.Empty(History.Of(new KnowledgeChecker(), newer, new ServerRestored(), older));
        Assert.Empty(History.Of(new KnowledgeChecker(), newer, new FileReplaced("A", "restored from a copy", 0), older));
    }

    [Fact]
    public void The_all_or_nothing_checker_sees_rows_beyond_the_cursors_that_no_verdict_brought()
    {
        var beyond = new DeviceSeen("A", Clean with { Rows = [("note", "1", 11)] });
        var told = new ExchangeSeen("A", "ann", "/sync/push", [], 200, Encoding.UTF8.GetBytes("""{"successful":[{"version":11}]}"""));

        Assert.Single(History.Of(new AllOrNothingChecker(), beyond));
        Assert.Empty(History.Of(new AllOrNothingChecker(), told, beyond));
        Assert.Empty(History.Of(new AllOrNothingChecker(), told, new DeviceCloned("B", "A"), beyond with { Device = "B" }));
        Assert.Empty(History.Of(new AllOrNothingChecker(), new DeviceSeen("A", beyond.Books with { Cursors = [("note", 11, "x")] })));
    }

    [Fact]
    public void The_doctor_checker_calls_out_what_the_doctor_finds()
    {
        Assert.Empty(History.Of(new DoctorChecker(), new Examined("A", [])));
        Assert.Single(History.Of(new DoctorChecker(), new Examined("A", ["The ledger does not add up."])));
    }

    private static ResurrectionChecker Resurrection() => new(History.Schema);

    private static ServerSeen Server(params string[] rows) => new("ann", 1, History.Rows([.. rows.Select(r => (r, "w"))]));

    private static EditSeen Touches(string device, string row) =>
        new(device, "ann", new EditFacts([], [], [], []) { Touched = new HashSet<string>(StringComparer.Ordinal) { row } });

    private static ExchangeSeen Push(long number, string operation, string store = "s", string content = "a") => new(
        "A", "ann", "/sync/push", Encoding.UTF8.GetBytes($$"""{"storeId":"{{store}}","pushSeq":{{number}},"syncOperationId":"{{operation}}","commands":[{"id":"c1","payload":"{{content}}"}]}"""), 200, []);
}
