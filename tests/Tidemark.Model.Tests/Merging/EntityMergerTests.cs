using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

public sealed class EntityMergerTests
{
    private static readonly MergeContext Noon = new() { Now = new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero) };

    private static readonly EntityType Note = new()
    {
        Name = "notes",
        Fields =
        [
            new Field { Name = "id", Type = FieldType.Integer, Nullable = false },
            new Field { Name = "title", Type = FieldType.Text },
            new Field { Name = "body", Type = FieldType.Text, Policy = FieldPolicy.ServerWins },
            new Field { Name = "mood", Type = FieldType.Integer, Policy = FieldPolicy.LocalWins },
            new Field { Name = "rank", Type = FieldType.Integer, ServerDerived = true },
        ],
        Key = ["id"],
    };

    [Fact]
    [Trait("req", "CON-07")]
    public void Edits_of_different_fields_both_survive_whatever_the_policy()
    {
        foreach (var (mine, theirs) in new[] { ("title", "body"), ("body", "title"), ("mood", "body"), ("body", "mood") })
        {
            var was = Of(1, "t", "b", 1, 0);
            var result = EntityMerger.Merge(Note, was, Edited(was, mine, 7), Edited(was, theirs, 8), Noon);
            Assert.False(result.HasConflict);
            Assert.Equal(Edited(was, mine, 7)[mine], result.Merged[mine]);
            Assert.Equal(Edited(was, theirs, 8)[theirs], result.Merged[theirs]);
            Assert.Equal(
                new[] { new FieldMerge(mine, MergeRule.OneSide, null, MergeSource.Local), new FieldMerge(theirs, MergeRule.OneSide, null, MergeSource.Remote) }.OrderBy(f => f.Field, StringComparer.Ordinal),
                result.Fields.OrderBy(f => f.Field, StringComparer.Ordinal));
        }
    }

    [Fact]
    [Trait("req", "CON-01")]
    [Trait("req", "CON-03")]
    public void Edits_of_the_same_field_go_by_its_policy_and_server_derived_fields_by_the_server()
    {
        var result = EntityMerger.Merge(Note, Of(1, "t", "b", 1, 0), Of(1, "mine", "mine", 2, 99), Of(1, "theirs", "theirs", 3, 5), Noon);
        Assert.True(result.HasConflict);
        Assert.True(Of(1, "mine", "theirs", 2, 5).SameAs(result.Merged));
        Assert.Equal(
            [
                new FieldMerge("title", MergeRule.Policy, FieldPolicy.LastWriterWins, MergeSource.Local),
                new FieldMerge("body", MergeRule.Policy, FieldPolicy.ServerWins, MergeSource.Remote),
                new FieldMerge("mood", MergeRule.Policy, FieldPolicy.LocalWins, MergeSource.Local),
                new FieldMerge("rank", MergeRule.ServerDerived, null, MergeSource.Remote),
            ],
            result.Fields);
    }

    [Fact]
    [Trait("req", "CON-07")]
    public void Rows_made_on_both_sides_conflict_in_every_field_that_differs()
    {
        var result = EntityMerger.Merge(Note, null, Of(1, "mine", "same", 2, 0), Of(1, "theirs", "same", 3, 0), Noon);
        Assert.True(result.HasConflict);
        Assert.Equal(["title", "mood"], result.Fields.Where(f => f.Rule == MergeRule.Policy).Select(f => f.Field));
        Assert.False(EntityMerger.Merge(Note, null, Of(1, "a", "b", 1, 0), Of(1, "a", "b", 1, 9), Noon).HasConflict);
    }

    [Fact]
    [Trait("req", "CON-06")]
    public void Types_without_conflicts_take_the_row_the_server_has()
    {
        var usage = Note with { Name = "usage", ConflictFree = true };
        var result = EntityMerger.Merge(usage, null, Of(1, "mine", "mine", 2, 0, usage), Of(1, "theirs", "theirs", 3, 4, usage), Noon);
        Assert.True(Of(1, "theirs", "theirs", 3, 4, usage).SameAs(result.Merged));
        Assert.True(result.HasConflict);
        Assert.All(result.Fields.Where(f => f.Field is "title" or "body" or "mood"), f => Assert.Equal(MergeRule.ConflictFree, f.Rule));
    }

    [Fact]
    [Trait("req", "CON-01")]
    public void Withheld_values_change_nothing()
    {
        var was = Of(1, "t", "b", 1, 5);
        var withheld = new Row(Note, [Value.Integer(1), Value.Absent, Value.Text("theirs"), Value.Absent, Value.Absent]);
        Assert.True(Of(1, "mine", "theirs", 1, 5).SameAs(EntityMerger.Merge(Note, was, Of(1, "mine", "b", 1, 7), withheld, Noon).Merged));
        Assert.True(Of(1, "mine", "b", 1, 7).SameAs(EntityMerger.Merge(Note, null, Of(1, "mine", "b", 1, 7), new Row(Note, [Value.Integer(1), default, default, default, default]), Noon).Merged));
    }

    [Fact]
    [Trait("req", "CON-07")]
    public void Halves_of_a_composite_reference_are_never_mixed()
    {
        var line = new EntityType
        {
            Name = "lines",
            Fields = [new Field { Name = "id" }, new Field { Name = "shelf" }, new Field { Name = "slot" }, new Field { Name = "bay" }, new Field { Name = "note" }],
            Key = ["id"],
            Relations = [new Relation { Fields = ["shelf", "slot"], Target = "slots" }, new Relation { Fields = ["slot", "bay"], Target = "bays" }],
        };
        var was = Row(line, 1, 1, 2, 3, 0);
        var result = EntityMerger.Merge(line, was, Row(line, 1, 1, 2, 9, 7), Row(line, 1, 4, 2, 3, 0), Noon);
        Assert.True(Row(line, 1, 1, 2, 9, 7).SameAs(result.Merged));
        Assert.True(result.HasConflict);

        var server = line with { Fields = [.. line.Fields.Select(f => f with { Policy = FieldPolicy.ServerWins })] };
        Assert.True(Row(server, 1, 4, 2, 3, 7).SameAs(EntityMerger.Merge(server, Row(server, 1, 1, 2, 3, 0), Row(server, 1, 1, 2, 9, 7), Row(server, 1, 4, 2, 3, 0), Noon).Merged));
        Assert.False(EntityMerger.Merge(line, was, Row(line, 1, 1, 5, 6, 0), Row(line, 1, 1, 2, 3, 8), Noon).HasConflict);
    }

    [Fact]
    [Trait("req", "CON-01")]
    [Trait("req", "CON-10")]
    public void Merging_is_deterministic_idempotent_and_neutral_to_sides_that_changed_nothing() =>
        Prop.ForAll(Three().ToArbitrary(), rows =>
        {
            var (was, local, remote) = rows;
            var result = EntityMerger.Merge(Note, was, local, remote, Noon);
            var again = EntityMerger.Merge(Note, was, local, remote, Noon);
            Assert.True(result.Merged.SameAs(again.Merged));
            Assert.Equal(result.Fields, again.Fields);

            // The merged row is the new live row, the remote's the new base: nothing more to merge.
            Assert.True(result.Merged.SameAs(EntityMerger.Merge(Note, remote, result.Merged, remote, Noon).Merged));
            Assert.True(remote.SameAs(EntityMerger.Merge(Note, was, was, remote, Noon).Merged));
            Assert.True(was.SameAs(EntityMerger.Merge(Note, was, was, was, Noon).Merged));
            Assert.Equal(was["rank"], EntityMerger.Merge(Note, was, local, was, Noon).Merged["rank"]);
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CON-07")]
    public void No_edit_of_one_side_alone_is_ever_lost() =>
        Prop.ForAll(Three().ToArbitrary(), rows =>
        {
            var (was, local, remote) = rows;
            var merged = EntityMerger.Merge(Note, was, local, remote, Noon).Merged;
            for (var i = 1; i < Note.Fields.Count - 1; i++)
            {
                Assert.True(remote[i] != was[i] || merged[i] == local[i]);
                Assert.True(local[i] != was[i] || merged[i] == remote[i]);
                Assert.True(merged[i] == local[i] || merged[i] == remote[i]);
            }
        }).QuickCheckThrowOnFailure();

    private static Gen<(Row Was, Row Local, Row Remote)> Three() =>
        from was in Generate.Rows(Note)
        from local in EditOf(was)
        from remote in EditOf(was)
        select (was, local, remote);

    private static Gen<Row> EditOf(Row row) =>
        from edit in Generate.Rows(Note)
        from keep in Gen.Elements(true, false).ArrayOf(Note.Fields.Count)
        select new Row(Note, [.. Enumerable.Range(0, Note.Fields.Count).Select(i => i == 0 || keep[i] ? row[i] : edit[i])]);

    private static Row Of(long id, string title, string body, long mood, long rank, EntityType? type = null) =>
        new(type ?? Note, [Value.Integer(id), Value.Text(title), Value.Text(body), Value.Integer(mood), Value.Integer(rank)]);

    private static Row Row(EntityType type, params long[] values) => new(type, [.. values.Select(Value.Integer)]);

    private static Row Edited(Row row, string field, long to)
    {
        var ordinal = Note.OrdinalOf(field);
        return row.With(ordinal, Note.Fields[ordinal].Type == FieldType.Text ? Value.Text("edit " + to) : Value.Integer(to));
    }
}
