using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

/// <summary>Two rows that describe the same thing become one.</summary>
public sealed class DuplicateMergeTests
{
    private static readonly MergeContext Context = new() { Now = DateTimeOffset.UnixEpoch };

    private static readonly EntityType Type = new SyncModelBuilder()
        .Entity("place", e => e.Key("country", "code")
            .Field("country", FieldType.Text).Field("code", FieldType.Text))
        .Entity("event", e => e.Key("id")
            .Field("id", FieldType.Text)
            .Field("title", FieldType.Text)
            .Field("score", FieldType.Integer, f => f with { Policy = FieldPolicy.Monotonic })
            .Field("seen", FieldType.Integer, f => f with { Policy = FieldPolicy.Counter })
            .Field("tags", FieldType.Json, f => f with { Policy = FieldPolicy.MergeArrays })
            .Field("at", FieldType.Integer, f => f with { Policy = FieldPolicy.Monotonic })
            .Field("mood", FieldType.Text, f => f with { Clock = "at" })
            .Field("rank", FieldType.Integer, f => f with { ServerDerived = true })
            .Field("country", FieldType.Text).Field("code", FieldType.Text)
            .Reference(["country", "code"], "place", []))
        .Build().Get("event");

    [Fact]
    [Trait("req", "RUN-15")]
    public void What_only_one_knows_is_kept_and_what_both_know_goes_by_rules_that_give_the_same_everywhere()
    {
        var stays = RowOf("a", null, 3, 2, """["x"]""", 5, "old", 1, "de", null);
        var goes = RowOf("b", "found", 7, 9, """["y"]""", 6, "new", 8, null, "B");
        var result = DuplicateMerge.Combine(stays, goes, Context);
        Assert.True(RowOf("a", "found", 7, 2, """["y","x"]""", 6, "new", 1, "de", null).SameAs(result.Merged), string.Join(" | ", result.Merged.Values.ToArray()));
        Assert.Contains(result.Fields, f => f is { Field: "seen", From: MergeSource.Local, Note: not null });
        Assert.DoesNotContain(result.Fields, f => f.Field is "rank" or "id");
    }

    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "CON-10")]
    public void Merging_once_more_changes_nothing()
    {
        var stays = RowOf("a", null, 3, null, """["x"]""", 5, "old", 1, null, null);
        var goes = RowOf("b", "found", 7, 9, """["y"]""", 6, "new", 8, "de", "B");
        var once = DuplicateMerge.Combine(stays, goes, Context).Merged;
        Assert.True(once.SameAs(DuplicateMerge.Combine(once, goes, Context).Merged));
        Assert.Equal("B", once["code"].AsText);
        Assert.True(once["seen"].IsNull);
    }

    private static Row RowOf(string id, string? title, int score, int? seen, string tags, int at, string mood, int rank, string? country, string? code) => new(Type,
    [
        Value.Text(id), Text(title), Value.Integer(score), seen is { } n ? Value.Integer(n) : Value.Null, Value.Text(tags), Value.Integer(at), Value.Text(mood), Value.Integer(rank), Text(country), Text(code),
    ]);

    private static Value Text(string? text) => text is null ? Value.Null : Value.Text(text);
}
