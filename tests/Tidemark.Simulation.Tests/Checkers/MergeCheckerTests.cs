using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>What the third workload's checkers know of policies, each over histories that break one and others that keep it.</summary>
public sealed class MergeCheckerTests
{
    private static readonly RandomSchema Schema = SchemaWith(t => t.Merged.Count == 4 && t.DeletionWins && t.WordPolicies[0] == FieldPolicy.ServerWins);
    private static readonly RandomSchema LocalWins = SchemaWith(t => t.WordPolicies[0] == FieldPolicy.LocalWins);

    [Fact]
    [Trait("req", "CON-02")]
    public void A_counter_that_is_not_the_sum_of_all_that_was_counted_is_seen()
    {
        Observation[] counted = [Change("A", MergedColumn.Total, null, Number(3)), Change("A", MergedColumn.Total, Number(3), Number(5)), Change("B", MergedColumn.Total, Number(3), Number(2))];
        Assert.Empty(Of([.. counted, AtRest(MergedColumn.Total, Number(4))]));
        Assert.Single(Of([.. counted, AtRest(MergedColumn.Total, Number(5))]));
        Assert.Single(Of([.. counted, AtRest(MergedColumn.Total, Number(2))]));
        Assert.Single(Of([.. counted, AtRest(MergedColumn.Total, Number(6))]));
        Assert.Single(Of([.. counted, AtRest(MergedColumn.Total, Value.Null)]));
    }

    [Fact]
    public void A_counter_is_excused_where_its_verdict_was_forgotten_before_it_arrived_and_nowhere_else()
    {
        var waiting = Change("A", MergedColumn.Total, null, Number(3));
        var answered = new DeviceSeen("A", new Books { File = "file" });
        Assert.Empty(Of(waiting, new ServerCompacted(), AtRest(MergedColumn.Total, Number(6))));
        Assert.Single(Of(waiting, answered, new ServerCompacted(), AtRest(MergedColumn.Total, Number(6))));
        Assert.Single(Of(waiting, new DeviceSeen("A", new Books { File = "file", Waiting = 1 }), answered, new ServerCompacted(), AtRest(MergedColumn.Total, Number(6))));
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void A_monotonic_number_that_goes_back_or_ends_below_what_was_written_is_seen()
    {
        Assert.Single(Of(OnServer(MergedColumn.Peak, Number(5)), OnServer(MergedColumn.Peak, Number(4))));
        Assert.Single(Of(OnServer(MergedColumn.Peak, Number(5)), OnServer(MergedColumn.Peak, Value.Null)));
        Assert.Empty(Of(OnServer(MergedColumn.Peak, Value.Null), OnServer(MergedColumn.Peak, Number(-1)), OnServer(MergedColumn.Peak, Number(4))));
        Observation[] raised = [Change("A", MergedColumn.Peak, null, Number(1)), Change("A", MergedColumn.Peak, Number(1), Number(9)), Change("B", MergedColumn.Peak, Number(1), Number(5))];
        Assert.Empty(Of([.. raised, AtRest(MergedColumn.Peak, Number(9))]));
        Assert.Single(Of([.. raised, AtRest(MergedColumn.Peak, Number(5))]));

        // The device that wrote 9 took it back, maybe before anybody had seen it; 5 was written by another.
        var takenBack = Change("A", MergedColumn.Peak, Number(9), Number(2));
        Assert.Empty(Of([.. raised, takenBack, AtRest(MergedColumn.Peak, Number(5))]));
        Assert.Single(Of([.. raised, takenBack, AtRest(MergedColumn.Peak, Number(2))]));
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void An_item_that_is_missing_came_back_or_stands_twice_is_seen()
    {
        Observation[] changed = [Change("A", MergedColumn.Items, null, Items("a")), Change("A", MergedColumn.Items, Items("a"), Items("a", "b")), Change("B", MergedColumn.Items, Items("a"), Items("c"))];
        Assert.Empty(Of([.. changed, AtRest(MergedColumn.Items, Items("c", "b"))]));
        Assert.Single(Of([.. changed, AtRest(MergedColumn.Items, Items("c"))]));
        Assert.Single(Of([.. changed, AtRest(MergedColumn.Items, Items("a", "b", "c"))]));
        Assert.Single(Of([.. changed, AtRest(MergedColumn.Items, Items("b", "c", "b"))]));
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void A_word_that_nobody_took_out_of_a_text_and_that_is_missing_is_seen()
    {
        Observation[] changed = [Change("A", MergedColumn.Prose, null, Value.Text("a b")), Change("A", MergedColumn.Prose, Value.Text("a b"), Value.Text("a c b")), Change("B", MergedColumn.Prose, Value.Text("a b"), Value.Text("b\nd"))];
        Assert.Empty(Of([.. changed, AtRest(MergedColumn.Prose, Value.Text("c b\nd"))]));
        Assert.Single(Of([.. changed, AtRest(MergedColumn.Prose, Value.Text("b\nd"))]));
        Assert.Single(Of([.. changed, AtRest(MergedColumn.Prose, Value.Text("a c b"))]));
    }

    [Fact]
    public void Rows_that_were_restored_copied_or_deleted_are_left_out_and_others_are_not()
    {
        var made = new EditSeen("A", "ann", new EditFacts([], [new RowFact(Table(Schema).Name, "A1", "A1")], [], []) { Touched = new HashSet<string>(StringComparer.Ordinal) { "A1" } });
        Observation[] counted = [made, Change("A", MergedColumn.Total, null, Number(3))];
        var wrong = AtRest(MergedColumn.Total, Number(7));
        Assert.Single(Of([.. counted, new CopyKept("B"), wrong]));
        Assert.Empty(Of([.. counted, new CopyKept("A"), wrong]));
        Assert.Empty(Of([.. counted, new ServerRestored(), wrong]));
        Assert.Empty(Of([.. counted, new EditSeen("A", "ann", new EditFacts([], [], [new RowFact(Table(Schema).Name, "A1", "A1")], [])), wrong]));
        Assert.Single(Of([new ServerRestored(), .. counted, wrong]));
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void A_word_over_one_that_its_writer_had_not_seen_is_seen_where_the_server_wins()
    {
        Observation[] written = [Word(Schema, "A", "A1", null), Word(Schema, "A", "A2", "A1"), Word(Schema, "B", "B1", "A1")];
        Assert.Empty(Of(new WordPolicyChecker(Schema), [.. written, WordOnServer(Schema, "A1"), WordOnServer(Schema, "A2")]));
        Assert.Single(Of(new WordPolicyChecker(Schema), [.. written, WordOnServer(Schema, "A1"), WordOnServer(Schema, "A2"), WordOnServer(Schema, "B1")]));
        Assert.Empty(Of(new WordPolicyChecker(LocalWins), [.. written, WordOnServer(LocalWins, "A2"), WordOnServer(LocalWins, "B1")]));
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void A_word_that_never_reached_the_server_is_seen_where_the_pending_one_wins()
    {
        Observation[] written = [Word(LocalWins, "A", "A1", null), WordOnServer(LocalWins, "A1"), Word(LocalWins, "A", "A2", "A1"), Word(LocalWins, "B", "B1", "A1")];
        Assert.Single(Of(new WordPolicyChecker(LocalWins), [.. written, WordOnServer(LocalWins, "A2"), Quiet(LocalWins, _ => { }, "A2")]));
        Assert.Empty(Of(new WordPolicyChecker(LocalWins), [.. written, WordOnServer(LocalWins, "A2"), WordOnServer(LocalWins, "B1"), Quiet(LocalWins, _ => { }, "B1")]));

        // What its own device wrote over before it was sent never had to arrive.
        Assert.Empty(Of(new WordPolicyChecker(LocalWins), [.. written, WordOnServer(LocalWins, "A2"), Word(LocalWins, "B", "B2", "B1"), WordOnServer(LocalWins, "B2"), Quiet(LocalWins, _ => { }, "B2")]));
        Assert.Empty(Of(new WordPolicyChecker(Schema), [Word(Schema, "A", "A2", "A1"), Word(Schema, "B", "B1", "A1"), WordOnServer(Schema, "A2"), Quiet(Schema, _ => { }, "A2")]));
    }

    [Fact]
    [Trait("req", "CON-08")]
    public void A_deleted_row_that_is_there_at_the_end_is_seen_where_deletions_win()
    {
        var gone = new EditSeen("B", "ann", new EditFacts([], [], [new RowFact(Table(Schema).Name, "A1", "A1")], []));
        Assert.Single(Of(new DeletionWinsChecker(Schema), gone, Quiet(Schema, _ => { }, "A1")));
        Assert.Empty(Of(new DeletionWinsChecker(Schema), gone, new Quiet([new ReplicaAtRest("", "ann", Image(Schema), new HashSet<string>(StringComparer.Ordinal), null)])));
        Assert.Empty(Of(new DeletionWinsChecker(Schema), Quiet(Schema, _ => { }, "A1")));
    }

    [Fact]
    public void A_word_that_a_winning_deletion_took_along_is_lost_unless_it_or_a_later_one_is_in_the_record()
    {
        Observation[] written = [Word(Schema, "A", "A1", null), Word(Schema, "A", "A2", "A1"), Word(Schema, "A", "A3", "A2")];
        var server = Quiet(Schema, _ => { }, "A1").Replicas[0];
        ReplicaAtRest Device(string recorded) => new("A", "ann", server.Rows, new HashSet<string>(StringComparer.Ordinal), new Books { File = "file" }) { Recorded = [recorded] };

        Assert.Empty(Of(new LostEditChecker(Schema), [.. written, new Quiet([server, Device("""{"word1":"A3"}""")])]));
        Assert.Single(Of(new LostEditChecker(Schema), [.. written, new Quiet([server, Device("""{"word1":"A2"}""")])]));
        Assert.Equal(2, Of(new LostEditChecker(Schema), [.. written, new Quiet([server, Device("""{"word1":"A1"}""")])]).Count);
    }

    [Fact]
    public void A_word_that_went_with_a_restore_is_lost_unless_the_one_that_stood_in_its_place_is_in_the_record()
    {
        Observation[] written = [Word(Schema, "A", "A1", null), Word(Schema, "A", "A2", "A1"), Word(Schema, "B", "B2", "A1")];
        var server = Quiet(Schema, _ => { }, "A1").Replicas[0];
        var recorded = new ReplicaAtRest("A", "ann", server.Rows, new HashSet<string>(StringComparer.Ordinal), new Books { File = "file" }) { Recorded = ["""{"word1":"B2"}"""] };

        Assert.Empty(Of(new LostEditChecker(Schema), [.. written, WordOnServer(Schema, "A1"), WordOnServer(Schema, "A2"), WordOnServer(Schema, "B2"), new ServerRestored(), WordOnServer(Schema, "A1"), new Quiet([server, recorded])]));
        Assert.Single(Of(new LostEditChecker(Schema), [.. written, WordOnServer(Schema, "A1"), WordOnServer(Schema, "B2"), new ServerRestored(), WordOnServer(Schema, "A1"), new Quiet([server, recorded])]));
        Assert.Single(Of(new LostEditChecker(Schema), [.. written, WordOnServer(Schema, "A2"), new ServerRestored(), WordOnServer(Schema, "B2"), new ServerRestored(), WordOnServer(Schema, "A1"), new Quiet([server, recorded])]));
    }

    private static TableShape Table(RandomSchema schema) => schema.Tables[0];

    private static List<string> Of(params Observation[] seen) => Of(new MergeChecker(Schema), seen);

    private static List<string> Of(IChecker checker, params Observation[] seen) => History.Of(checker, seen);

    private static Value Number(long value) => Value.Integer(value);

    private static Value Items(params string[] items) => Value.Text(MergeEdits.ArrayOf(items));

    private static EditSeen Change(string device, MergedColumn column, Value? former, Value now) =>
        new(device, "ann", new EditFacts([], [], [], []) { Merged = [new MergedChange(Table(Schema).Name, "A1", column, former, now)] });

    private static EditSeen Word(RandomSchema schema, string device, string word, string? former) =>
        new(device, "ann", new EditFacts([new WordWritten(Table(schema).Name, "A1", "word1", word, former)], [], [], []));

    private static ServerSeen OnServer(MergedColumn column, Value value) => new("ann", 1, Image(Schema, Row(Schema, r => r[Table(Schema).IndexOf(column)] = value, "w")));

    private static ServerSeen WordOnServer(RandomSchema schema, string word) => new("ann", 1, Image(schema, Row(schema, _ => { }, word)));

    private static Quiet AtRest(MergedColumn column, Value value) => Quiet(Schema, r => r[Table(Schema).IndexOf(column)] = value, "w");

    private static Quiet Quiet(RandomSchema schema, Action<Value[]> set, string word) =>
        new([new ReplicaAtRest("", "ann", Image(schema, Row(schema, set, word)), new HashSet<string>(StringComparer.Ordinal), null)]);

    private static DatabaseImage Image(RandomSchema schema, params Value[][] rows) =>
        new(new Dictionary<string, IReadOnlyList<Value[]>>(StringComparer.Ordinal) { [Table(schema).Name] = rows });

    private static Value[] Row(RandomSchema schema, Action<Value[]> set, string word)
    {
        var row = new Value[Table(schema).Columns.Count];
        Array.Fill(row, Value.Null);
        row[0] = Value.Text("1");
        row[Table(schema).TagAt] = Value.Text("A1");
        row[Table(schema).TagAt + 1] = Value.Text(word);
        set(row);
        return row;
    }

    private static RandomSchema SchemaWith(Func<TableShape, bool> fits)
    {
        for (var seed = 0UL; ; seed++)
        {
            if (RandomSchema.Make(new Dice(seed), Workloads.Third) is { Tables: [{ KeyKind: KeyKind.Uuid, References.Count: 0, Words.Count: 1 } table] } schema && fits(table))
            {
                return schema;
            }
        }
    }
}
