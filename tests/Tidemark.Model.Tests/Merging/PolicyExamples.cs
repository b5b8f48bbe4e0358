using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Model.Tests.Merging;

/// <summary>One line of a policy's table: what both started from, what each made of it, what comes out.</summary>
internal sealed record PolicyExample(Field Field, Value Base, Value Local, Value Server, Value Result, string Says, Value? LocalClock = null, Value? ServerClock = null)
{
    /// <summary>Both sides changed the field; nothing else of the row differs.</summary>
    public FieldMerge Merge(out Value merged)
    {
        var type = new EntityType
        {
            Name = "example",
            Fields = [new Field { Name = "id", Type = FieldType.Integer, Nullable = false }, Field, new Field { Name = "at", Type = FieldType.Timestamp, Policy = FieldPolicy.Monotonic }],
            Key = ["id"],
        };
        Row Of(Value value, Value? clock) => new(type, [Value.Integer(1), value, clock ?? Value.Null]);
        var result = EntityMerger.Merge(type, Of(Base, null), Of(Local, LocalClock), Of(Server, ServerClock), new MergeContext { Now = DateTimeOffset.UnixEpoch });
        merged = result.Merged[1];
        return result.Fields.Single(f => f.Field == Field.Name);
    }
}

/// <summary>What the guide's tables show and the tests prove: written once.</summary>
internal static class PolicyExamples
{
    private static readonly Field Any = new() { Name = "value", Type = FieldType.Text };
    private static readonly Field Number = Any with { Type = FieldType.Integer };
    private static readonly Field Json = Any with { Type = FieldType.Json };

    public static IReadOnlyList<(string Title, string Decides, IReadOnlyList<PolicyExample> Examples)> All { get; } =
    [
        ("LastWriterWins", "Not commutative without a clock: the server's commit order decides, and the pending edit is the last in it. Commutative with a clock.",
        [
            Of(Any, T("tea"), T("coffee"), T("milk"), T("coffee"), "the pending edit reaches the server last"),
            Of(Any with { Clock = "at" }, T("tea"), T("coffee"), T("milk"), T("milk"), "the clock says that the server's was written later") with { LocalClock = T("2026-01-01T08:00:00Z"), ServerClock = T("2026-01-01T09:00:00Z") },
            Of(Any with { Clock = "at" }, T("tea"), T("coffee"), T("milk"), T("milk"), "at the same time: the greater value, so that it is the same one everywhere") with { LocalClock = T("2026-01-01T09:00:00Z"), ServerClock = T("2026-01-01T09:00:00Z") },
        ]),
        ("LocalWins", "Not commutative: the server's commit order decides, the edit that is merged last stands.",
        [
            Of(Any with { Policy = FieldPolicy.LocalWins }, T("tea"), T("coffee"), T("milk"), T("coffee"), "the pending edit"),
        ]),
        ("ServerWins", "Not commutative: the server's commit order decides, the edit that is there first stands.",
        [
            Of(Any with { Policy = FieldPolicy.ServerWins }, T("tea"), T("coffee"), T("milk"), T("milk"), "what the server has"),
        ]),
        ("MergeArrays", "Which items come out is commutative; their order, and a keyed object that both changed in the same member, are decided by the server's commit order.",
        [
            Of(Json with { Policy = FieldPolicy.MergeArrays }, T("""["a","b"]"""), T("""["a","b","c"]"""), T("""["b","d"]"""), T("""["b","d","c"]"""), "c was added here; a was removed and d added there"),
            Of(Json with { Policy = FieldPolicy.MergeArrays }, T("""["a"]"""), T("""["a","b"]"""), T("""["a","b","c"]"""), T("""["a","b","c"]"""), "what both added stands once"),
            Of(Json with { Policy = FieldPolicy.MergeArrays }, T("""["a","b","c"]"""), T("""["c","b","a"]"""), T("""["a","b","c","d"]"""), T("""["c","d","b","a"]"""), "only this side moved items: its order"),
            Of(Json with { Policy = FieldPolicy.MergeArrays }, Value.Null, T("""["a"]"""), T("""["b"]"""), T("""["b","a"]"""), "NULL counts as empty"),
            Of(Json with { Policy = FieldPolicy.MergeArrays }, T("[]"), T("""{"a":1}"""), T("""["b"]"""), T("""{"a":1}"""), "not an array here: the pending edit stands"),
            Of(Json with { Policy = FieldPolicy.MergeArrays, ArrayKey = "id" }, T("""[{"id":1,"n":1,"t":"x"}]"""), T("""[{"id":1,"n":2,"t":"x"},{"id":2}]"""), T("""[{"id":1,"n":1,"t":"y"}]"""), T("""[{"id":1,"n":2,"t":"y"},{"id":2}]"""), "keyed by id: the same object, merged member by member"),
            Of(Json with { Policy = FieldPolicy.MergeArrays, ArrayKey = "id" }, T("""[{"id":1,"n":1},{"id":2,"n":1}]"""), T("[]"), T("""[{"id":1,"n":9},{"id":2,"n":1}]"""), T("""[{"id":1,"n":9}]"""), "keyed by id: removed here but changed there stays"),
        ]),
        ("MergeObject", "Commutative for members that one side changed; a member that both changed is decided by the server's commit order.",
        [
            Of(Json with { Policy = FieldPolicy.MergeObject }, T("""{"a":1,"b":{"x":1,"y":1}}"""), T("""{"a":1,"b":{"x":2,"y":1}}"""), T("""{"a":5,"b":{"x":1,"y":7}}"""), T("""{"a":5,"b":{"x":2,"y":7}}"""), "each member by who changed it, to any depth"),
            Of(Json with { Policy = FieldPolicy.MergeObject }, T("""{"a":1,"b":1}"""), T("""{"b":1}"""), T("""{"a":2,"b":1,"c":3}"""), T("""{"a":2,"b":1,"c":3}"""), "taken out here but changed there stays"),
            Of(Json with { Policy = FieldPolicy.MergeObject }, T("""{"a":1}"""), T("""{"a":2}"""), T("""{"a":3}"""), T("""{"a":2}"""), "both changed it: the pending edit, with a note"),
            Of(Json with { Policy = FieldPolicy.MergeObject }, T("""{"a":1}"""), T("[1]"), T("""{"a":3}"""), T("[1]"), "not an object here: the pending edit stands"),
        ]),
        ("Monotonic", "Commutative, associative, idempotent: no order decides anything. The server holds single edits to it too.",
        [
            Of(Number with { Policy = FieldPolicy.Monotonic }, I(3), I(7), I(5), I(7), "the greater number"),
            Of(Any with { Type = FieldType.Timestamp, Policy = FieldPolicy.Monotonic }, T("2026-01-01T08:00:00Z"), T("2026-01-01T08:00:00.5Z"), T("2026-01-01T08:00:01Z"), T("2026-01-01T08:00:01Z"), "the later time"),
            Of(Any with { Type = FieldType.Boolean, Policy = FieldPolicy.Monotonic }, I(1), I(0), I(1), I(1), "true stays true, also where only this side took it back"),
            Of(Any with { Policy = FieldPolicy.Monotonic, States = ["draft", "active", "done"] }, T("draft"), T("active"), T("done"), T("done"), "the later state of draft, active, done"),
            Of(Any with { Policy = FieldPolicy.Monotonic, States = ["draft", "active", "done"] }, T("draft"), T("wild"), T("active"), T("active"), "a value that is no state stands before them all"),
            Of(Number with { Policy = FieldPolicy.Monotonic }, I(3), Value.Null, I(4), I(4), "NULL stands before everything"),
        ]),
        ("Counter", "Commutative and associative, as far as sums of the field's type are: reals may round, integers stop at 64 bits.",
        [
            Of(Number with { Policy = FieldPolicy.Counter }, I(10), I(13), I(8), I(11), "3 added here, 2 taken away there"),
            Of(Number with { Policy = FieldPolicy.Counter }, I(10), I(11), I(11), I(12), "both counted the same amount: twice"),
            Of(Any with { Type = FieldType.Decimal, Policy = FieldPolicy.Counter }, T("0.1"), T("0.3"), T("0.25"), T("0.45"), "decimals exactly"),
            Of(Number with { Policy = FieldPolicy.Counter }, Value.Null, I(2), I(5), I(7), "NULL counts as 0"),
            Of(Number with { Policy = FieldPolicy.Counter }, I(0), I(long.MaxValue), I(9), I(long.MaxValue), "beyond 64 bits the greatest number stands"),
            Of(Number with { Policy = FieldPolicy.Counter }, Value.Absent, I(2), I(5), I(5), "without a base nobody knows what is counted twice: the greater"),
        ]),
        ("Text", "Commutative for edits in different places; where both changed the same words both stay, in the server's commit order.",
        [
            Of(Any with { Policy = FieldPolicy.Text }, T("one\ntwo\nthree"), T("one!\ntwo\nthree"), T("one\ntwo\nfour"), T("one!\ntwo\nfour"), "lines"),
            Of(Any with { Policy = FieldPolicy.Text }, T("the big dog barks"), T("the small dog barks"), T("the big dog sleeps"), T("the small dog sleeps"), "words of one line"),
            Of(Any with { Policy = FieldPolicy.Text }, T("buy tea"), T("buy milk"), T("buy bread"), T("buy bread milk"), "the same word: both, the server's first, with a note"),
            Of(Any with { Policy = FieldPolicy.Text }, T("list"), T("list\nmilk"), T("list\nbread"), T("list\nbread\nmilk"), "lines added in one place: both, the server's first"),
            Of(Any with { Policy = FieldPolicy.Text }, Value.Null, T("hello world"), T("hello world\nbye"), T("hello world\nbye"), "no base: what both share stands once"),
        ]),
        ("Manual", "Nothing is decided until a person does: `tidemark conflicts`.",
        [
            Of(Any with { Policy = FieldPolicy.Manual }, T("tea"), T("coffee"), T("milk"), T("coffee"), "stays as it is here while a person is asked"),
        ]),
        ("server-derived", "Commutative: only the server writes it.",
        [
            Of(Any with { ServerDerived = true }, T("tea"), T("coffee"), T("milk"), T("milk"), "always the server's"),
        ]),
    ];

    private static Value T(string text) => Value.Text(text);

    private static Value I(long number) => Value.Integer(number);

    private static PolicyExample Of(Field field, Value @base, Value local, Value server, Value result, string says) => new(field, @base, local, server, result, says);
}
