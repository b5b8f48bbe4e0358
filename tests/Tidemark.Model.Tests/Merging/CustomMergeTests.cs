using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

public sealed class CustomMergeTests
{
    private static readonly EntityType Note = new()
    {
        Name = "notes",
        Fields = [new Field { Name = "id", Nullable = false }, new Field { Name = "title" }, new Field { Name = "seen" }, new Field { Name = "rank", ServerDerived = true }],
        Key = ["id"],
        CustomMerge = "notes",
    };

    [Fact]
    [Trait("req", "CON-04")]
    public void A_custom_merge_decides_all_but_keys_and_what_the_server_derives()
    {
        var result = Merge(i => CustomMergeResult.Of(new Row(Note, [Value.Integer(99), Value.Text("both"), i.Local["seen"], Value.Integer(99)])), Of("base", 1, 0), Of("mine", 2, 7), Of("theirs", 3, 5));
        Assert.True(Of("both", 2, 5).SameAs(result.Merged));
        Assert.True(result.HasConflict);
        Assert.Equal(
            [new FieldMerge("title", MergeRule.Custom, null, MergeSource.Both), new FieldMerge("seen", MergeRule.Custom, null, MergeSource.Local), new FieldMerge("rank", MergeRule.ServerDerived, null, MergeSource.Remote)],
            result.Fields);
    }

    [Fact]
    [Trait("req", "CON-04")]
    public void Quiet_fields_are_no_conflict()
    {
        var result = Merge(i => CustomMergeResult.Of(i.ByPolicies().Merged, "seen"), Of("base", 1, 0), Of("base", 2, 0), Of("base", 3, 0));
        Assert.False(result.HasConflict);
    }

    [Fact]
    [Trait("req", "CON-04")]
    [Trait("req", "CON-05")]
    public void A_merge_that_gives_up_fails_or_answers_nonsense_asks_a_person()
    {
        var other = Note with { Name = "others" };
        foreach (var merge in new CustomMerge[] { _ => CustomMergeResult.Manual("two meanings"), _ => throw new InvalidOperationException("boom"), _ => null!, _ => CustomMergeResult.Of(new Row(other, new Value[4])) })
        {
            var result = Merge(merge, Of("base", 1, 0), Of("mine", 2, 0), Of("theirs", 3, 0));
            Assert.NotNull(result.ManualReason);
            Assert.True(Of("mine", 2, 0).SameAs(result.Merged));
        }
    }

    [Fact]
    [Trait("req", "CON-04")]
    public void It_is_asked_only_where_both_sides_differ_from_the_base()
    {
        CustomMerge never = _ => throw new InvalidOperationException("not asked");
        Assert.Null(Merge(never, Of("base", 1, 0), Of("base", 1, 0), Of("theirs", 3, 0)).ManualReason);
        Assert.Null(Merge(never, Of("base", 1, 0), Of("mine", 1, 0), Of("base", 1, 0)).ManualReason);
        Assert.Null(Merge(never, null, Of("same", 1, 0), Of("same", 1, 0)).ManualReason);
        Assert.NotNull(Merge(never, null, Of("mine", 1, 0), Of("theirs", 1, 0)).ManualReason);
    }

    [Fact]
    [Trait("req", "CON-04")]
    public void A_model_that_names_an_unknown_merge_does_not_start()
    {
        var model = new SyncModel { Entities = [Note] };
        Assert.Contains("notes (notes)", Assert.Throws<ArgumentException>(() => CustomMergeRegistry.None.Check(model)).Message, StringComparison.Ordinal);
        var registry = new CustomMergeRegistry().Add("notes", i => CustomMergeResult.Of(i.Local));
        Assert.Throws<ArgumentException>(() => registry.Add("notes", i => CustomMergeResult.Of(i.Remote)));
        registry.Check(model);
        Assert.Throws<InvalidOperationException>(() => registry.Add("late", i => CustomMergeResult.Of(i.Local)));
        Assert.Throws<InvalidOperationException>(() => CustomMergeRegistry.None.Add("x", i => CustomMergeResult.Of(i.Local)));
    }

    [Fact]
    [Trait("req", "CON-05")]
    [Trait("req", "CON-12")]
    public void The_policies_hash_tells_every_change_of_the_rules_and_nothing_else()
    {
        var plain = Note with { CustomMerge = null };
        var hashes = new[]
        {
            plain, Note, plain with { DeletePolicy = DeletePolicy.DeleteWins }, plain with { ConflictFree = true },
            With(plain, f => f with { Policy = FieldPolicy.Text }), With(plain, f => f with { Policy = FieldPolicy.MergeArrays }), With(plain, f => f with { Policy = FieldPolicy.MergeArrays, ArrayKey = "id" }),
            With(plain, f => f with { Policy = FieldPolicy.Monotonic, States = ["a", "b"] }), With(plain, f => f with { Policy = FieldPolicy.Monotonic, States = ["b", "a"] }), With(plain, f => f with { Clock = "seen" }),
        }.Select(PolicyHash.Of).ToList();
        Assert.Equal(hashes.Count, hashes.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(PolicyHash.Of(plain), PolicyHash.Of(plain with { Table = "elsewhere", UniqueKeys = [new UniqueKey { Fields = ["title"] }] }));
    }

    private static EntityType With(EntityType type, Func<Field, Field> change) => type with { Fields = [.. type.Fields.Select(f => f.Name == "title" ? change(f) : f)] };

    private static MergeResult Merge(CustomMerge merge, Row? @base, Row local, Row remote) =>
        EntityMerger.Merge(Note, @base, local, remote, new MergeContext { Now = DateTimeOffset.UnixEpoch, Merges = new CustomMergeRegistry().Add("notes", merge) });

    private static Row Of(string title, long seen, long rank) => new(Note, [Value.Integer(1), Value.Text(title), Value.Integer(seen), Value.Integer(rank)]);
}
