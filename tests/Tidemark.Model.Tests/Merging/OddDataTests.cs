using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

public sealed class OddDataTests
{
    private static readonly MergeContext Context = new() { Now = DateTimeOffset.UnixEpoch };

    /// <summary>Every policy on a field that may hold anything.</summary>
    private static readonly EntityType Odd = new()
    {
        Name = "odd",
        Fields =
        [
            new Field { Name = "id", Nullable = false },
            .. Enum.GetValues<FieldPolicy>().Select(p => new Field { Name = p.ToString(), Policy = p }),
            new Field { Name = "keyed", Policy = FieldPolicy.MergeArrays, ArrayKey = "id" },
            new Field { Name = "states", Policy = FieldPolicy.Monotonic, States = ["a", "b"] },
            new Field { Name = "clocked", Clock = "Monotonic" },
            new Field { Name = "decimal", Type = FieldType.Decimal, Policy = FieldPolicy.Counter },
            new Field { Name = "greatest", Type = FieldType.Decimal, Policy = FieldPolicy.Monotonic },
            new Field { Name = "time", Type = FieldType.Timestamp, Policy = FieldPolicy.Monotonic },
            new Field { Name = "json", Type = FieldType.Json, Policy = FieldPolicy.MergeObject },
        ],
        Key = ["id"],
    };

    private static readonly Gen<Value> Anything = Gen.Frequency(
        (2, Generate.Exact),
        (2, Generate.Json.Select(Value.Text)),
        (1, Gen.Elements(
            Value.Absent, Value.Real(double.NaN), Value.Real(double.PositiveInfinity), Value.Real(double.NegativeInfinity), Value.Real(1e300), Value.Integer(long.MaxValue), Value.Integer(long.MinValue),
            Value.Text(""), Value.Text("null"), Value.Text("[[["), Value.Text("{\"a\":1,\"a\":2}"), Value.Text("[1,1,1]"), Value.Text("[{\"id\":1},{\"id\":1},{\"id\":null},5]"), Value.Text("\0"), Value.Text("\ud800"),
            Value.Text("1e999"), Value.Text("-0.000"), Value.Text("2026-13-45"), Value.MalformedText([0xFF, 0xFE]), Value.Text(new string('[', 200) + new string(']', 200)))));

    [Fact]
    [Trait("req", "CON-01")]
    [Trait("req", "CON-10")]
    public void Merging_throws_on_nothing_and_is_the_same_every_time() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(Three().ToArbitrary(), rows =>
        {
            var (was, local, remote) = rows;
            var result = EntityMerger.Merge(Odd, was, local, remote, Context);
            var again = EntityMerger.Merge(Odd, was, local, remote, Context);
            Assert.True(result.Merged.SameAs(again.Merged));
            Assert.Equal(result.Fields, again.Fields);
            Assert.NotNull(EntityMerger.Merge(Odd, null, local, remote, Context));
            EntityMerger.Held(local, remote);
        }));

    [Fact]
    [Trait("req", "CON-10")]
    public void What_was_merged_merges_to_itself() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(Three().ToArbitrary(), rows =>
        {
            var (was, local, remote) = rows;
            var result = EntityMerger.Merge(Odd, was, local, remote, Context);
            Assert.True(result.Merged.SameAs(EntityMerger.Merge(Odd, remote, result.Merged, remote, Context).Merged) || remote.Values.ToArray().Any(v => v.IsAbsent) || result.ManualReason is not null);
        }));

    [Fact]
    [Trait("req", "CON-02")]
    public void What_cannot_be_merged_says_why_and_the_pending_edit_stands()
    {
        var was = Row(Value.Null);
        foreach (var (policy, mine, theirs, cause) in new[]
        {
            (FieldPolicy.MergeArrays, Value.Text("[1]"), Value.Text("{}"), "the value of the server is no JSON array"),
            (FieldPolicy.MergeObject, Value.Integer(4), Value.Text("{}"), "the value here is no JSON object"),
            (FieldPolicy.Counter, Value.Text("four"), Value.Integer(4), "a value is no finite number"),
            (FieldPolicy.Counter, Value.Real(double.PositiveInfinity), Value.Integer(4), "a value is no finite number"),
            (FieldPolicy.Text, Value.Blob([1]), Value.Text("x"), "a value is no text"),
        })
        {
            var ordinal = Odd.OrdinalOf(policy.ToString());
            var told = EntityMerger.Merge(Odd, was, was.With(ordinal, mine), was.With(ordinal, theirs), Context);
            Assert.Equal(mine, told.Merged[ordinal]);
            Assert.Equal(cause + "; the pending edit stands", told.Fields.Single().Note);
        }
    }

    private static Gen<(Row Was, Row Local, Row Remote)> Three() =>
        from was in Rows()
        from local in Rows()
        from remote in Rows()
        select (was, local, remote);

    private static Gen<Row> Rows() =>
        Gen.CollectToList(Enumerable.Range(0, Odd.Fields.Count), i => i == 0 ? Gen.Constant(Value.Integer(1)) : Anything).Select(values => new Row(Odd, [.. values]));

    private static Row Row(Value value) => new(Odd, [Value.Integer(1), .. Enumerable.Repeat(value, Odd.Fields.Count - 1)]);
}
