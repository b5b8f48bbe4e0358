using Tidemark.Simulation.Several;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>Checkers of several remotes, each over a history that breaks its promise and one that keeps it.</summary>
public sealed class SeveralCheckerTests
{
    private static readonly string Envelope = "U0UxARAA" + new string('A', 104); // Version 1, a key of 16 bytes.

    [Fact]
    [Trait("req", "REM-04")]
    public void The_reach_checker_sees_a_token_behind_a_row_that_is_nowhere()
    {
        Assert.Empty(History.Of(new ReachChecker(), Reach(5, 5, known: 3), Reach(2, 2, known: 0)));
        Assert.Single(History.Of(new ReachChecker(), Reach(5, 5, known: 0)));
        Assert.Single(History.Of(new ReachChecker(), Reach(5, 5, known: 2)));
    }

    [Fact]
    [Trait("req", "REM-03")]
    public void The_safe_checker_sees_a_position_behind_what_is_in_quarantine()
    {
        Assert.Empty(History.Of(new SafeChecker(), Reach(5, 2, known: 3, unread: 3), Reach(5, 5, known: 3)));
        Assert.Single(History.Of(new SafeChecker(), Reach(5, 3, known: 3, unread: 3)));
    }

    [Fact]
    [Trait("req", "REM-02")]
    public void The_stamp_checker_sees_a_stamp_that_goes_back_and_a_value_that_changes_under_its_stamp()
    {
        Assert.Empty(History.Of(new StampChecker(), Stamps("1", "a"), Stamps("1", "a"), Stamps("2", "b")));
        Assert.Single(History.Of(new StampChecker(), Stamps("2", "b"), Stamps("1", "a")));
        Assert.Single(History.Of(new StampChecker(), Stamps("1", "a"), Stamps("1", "b")));
    }

    [Fact]
    [Trait("req", "REM-04")]
    public void The_shadow_checker_sees_a_device_that_takes_a_remotes_row_for_more_than_it_is()
    {
        Assert.Empty(History.Of(new ShadowChecker(), Shadows("1", "1"), Shadows(null, null)));
        Assert.Single(History.Of(new ShadowChecker(), Shadows("2", "1")));
        Assert.Single(History.Of(new ShadowChecker(), Shadows("1", null)));

        static ShadowsSeen Shadows(string? known, string? shown) => new("A", "r0", new Dictionary<string, (string?, string?)> { ["n1.title"] = (known, shown) });
    }

    [Fact]
    [Trait("req", "REM-02")]
    public void The_edit_checker_sees_an_edit_that_went_without_a_record()
    {
        var edit = new EditMerged("A", "n1.title", "w1", "w1", IsRecorded: false, MayDecide: true);
        Assert.Empty(History.Of(new EditChecker(), edit, edit with { Stands = "w2", IsRecorded = true }));
        Assert.Single(History.Of(new EditChecker(), edit with { Stands = "w2" }));
        Assert.Single(History.Of(new EditChecker(), edit with { Stands = null }));
    }

    [Fact]
    [Trait("req", "REM-05")]
    public void The_alone_checker_sees_a_rule_that_decides_while_a_remote_is_away()
    {
        var edit = new EditMerged("A", "n1.title", "w1", "w2", IsRecorded: true, MayDecide: true);
        Assert.Empty(History.Of(new AloneChecker(), edit, edit with { Stands = "w1", MayDecide = false }));
        Assert.Single(History.Of(new AloneChecker(), edit with { MayDecide = false }));
    }

    [Fact]
    [Trait("req", "REM-04")]
    public void The_echo_checker_sees_a_write_of_what_stands_there()
    {
        var write = Write("""{"title":"a"}""", """{"title":"b"}""");
        Assert.Empty(History.Of(new EchoChecker(), write, write with { Former = null }, write with { Now = write.Former, IsKnowing = false }));
        Assert.Single(History.Of(new EchoChecker(), write with { Now = write.Former }));
    }

    [Fact]
    [Trait("req", "REM-03")]
    public void The_unread_checker_sees_a_write_over_what_is_in_quarantine()
    {
        Assert.Empty(History.Of(new UnreadChecker(), Write("{}", "{}")));
        Assert.Single(History.Of(new UnreadChecker(), Write("{}", "{}") with { IsUnread = true }));
    }

    [Fact]
    [Trait("req", "REM-07")]
    public void The_secret_checker_sees_a_plain_value_and_one_that_is_encrypted_again_for_nothing()
    {
        const string first = "000000000001-0000-0000000000000007", second = "000000000002-0000-0000000000000007", derived = "000000000001-0000-ffffffffffffffff";
        var again = Envelope[..^1] + "B";
        var renewed = Envelope[..12] + "B" + Envelope[13..]; // Under another key.
        Assert.Empty(History.Of(new SecretChecker(), Write(Row(Envelope, first), Row(Envelope, first)), Write(Row(Envelope, first), Row(again, second)), Write(null, Row(Envelope, first))));
        Assert.Empty(History.Of(new SecretChecker(), Write(Row(Envelope, first), Row(renewed, first)), Write(Row(Envelope, derived), Row(again, derived))));
        Assert.Single(History.Of(new SecretChecker(), Write(null, Row("w1", first))));
        Assert.Single(History.Of(new SecretChecker(), Write(Row(Envelope, first), Row(again, first))));
        Assert.Empty(History.Of(new SecretChecker(), Write(Row(Envelope, first), Row(again, first)) with { IsKnowing = false }));

        static string Row(string secret, string stamp) => $$"""{"secret":"{{secret}}","tm_stamps":"{\"secret\":[\"{{stamp}}\",\"0\"]}"}""";
    }

    [Fact]
    [Trait("req", "REM-02")]
    public void The_equal_checker_sees_devices_that_differ_and_rows_left_in_quarantine()
    {
        Assert.Empty(History.Of(new EqualChecker(), Rest(["a"], ["a"])));
        Assert.Single(History.Of(new EqualChecker(), Rest(["a"], ["b"])));
        Assert.Single(History.Of(new EqualChecker(), Rest(["a"], ["a"]) with { Unread = ["note1"] }));
        Assert.Single(History.Of(new EqualChecker(), Rest(["a"], ["a"]) with { Plain = Row("other") }));
        Assert.Single(History.Of(new EqualChecker(), Rest(["a"], ["a"]) with { Plain = new Dictionary<string, IReadOnlyDictionary<string, string?>>() }));
        Assert.Single(History.Of(new EqualChecker(), Rest(["a"], ["a"]) with { Remotes = new Dictionary<string, IReadOnlyDictionary<string, string>> { ["r0"] = new Dictionary<string, string>() } }));
    }

    [Fact]
    [Trait("req", "REM-02")]
    public void The_unknown_checker_sees_a_member_that_somebody_dropped()
    {
        Assert.Empty(History.Of(new UnknownChecker(), Rest([], []) with { Unknown = [("r0", "note1", "o1"), ("r0", "note2", "o2")] }));
        Assert.Single(History.Of(new UnknownChecker(), Rest([], []) with { Unknown = [("r0", "note1", "o3")] }));
    }

    [Fact]
    [Trait("req", "REM-04")]
    public void The_again_checker_sees_a_write_and_a_change_where_nothing_is_to_do()
    {
        Assert.Empty(History.Of(new AgainChecker(), new FetchedAgain("A", ["a"], ["a"], 0)));
        Assert.Single(History.Of(new AgainChecker(), new FetchedAgain("A", ["a"], ["a"], 1)));
        Assert.Single(History.Of(new AgainChecker(), new FetchedAgain("A", ["a"], ["b"], 0)));
    }

    private static ReachSeen Reach(long fetched, long safe, long known, params long[] unread) =>
        new("A", "r0", fetched, safe, new Dictionary<string, long> { ["note1"] = 3 }, known == 0 ? new Dictionary<string, long>() : new Dictionary<string, long> { ["note1"] = known }, unread);

    private static StampsSeen Stamps(string stamp, string value) => new("A", new Dictionary<string, (string, string)> { ["n1.title"] = (stamp, value) });

    private static RowWritten Write(string? former, string? now) => new("A", "r0", "note1", former, now) { IsKnowing = true };

    private static SeveralAtRest Rest(string[] first, string[] second) =>
        new([("A", first), ("B", second)], Row("t"), [], new Dictionary<string, IReadOnlyDictionary<string, string>> { ["r0"] = new Dictionary<string, string> { ["note1"] = """{"title":"t","color":"o1"}""" } }, []);

    private static Dictionary<string, IReadOnlyDictionary<string, string?>> Row(string title) => new() { ["note1"] = new Dictionary<string, string?> { ["title"] = title } };
}
