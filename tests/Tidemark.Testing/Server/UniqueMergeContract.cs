using System.Text;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>What the server makes of a new row whose unique value is taken, where the rule is `merge`; whatever the store.</summary>
public abstract class UniqueMergeContract : ServerContract
{
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("tags", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Field("note", FieldType.Text).Field("code", FieldType.Text)
            .Key("id").Unique(UniqueRule.Merge, "name").Unique("code"))
        .Entity("marks", e => e.Field("id", FieldType.Integer).Field("tag", FieldType.Text).Key("id").ServerAssigned().Reference("tag", "tags", required: true))
        .Build();

    protected UniqueMergeContract()
        : base(Model)
    {
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task The_second_create_is_accepted_as_the_first_row_with_what_both_know()
    {
        var (one, two) = await DevicesAsync();
        await one.PushAsync(one.Create("tags", ["a", "red", null, "c"]));
        var tag = two.Create("tags", ["b", "red", "of two", null]);
        var answer = await two.PushAsync(tag, two.Create("marks", [1, "b"], refs: ("tag", tag.Id)));
        Assert.Equal(("\"b\"", "\"a\""), (Text(answer.Successful[0].ClientId), Text(answer.Successful[0].ServerId)));
        Assert.Equal("""{"code":"c","id":"a","name":"red","note":"of two"}""", Text(answer.Successful[0].Row!.Value));
        Assert.Equal("""{"id":1,"tag":"a"}""", Text(answer.Successful[1].Row!.Value));
        Assert.Equal(2, (await one.PageAsync()).Changes.Count);
        var again = await two.PushAsync(tag);
        Assert.Equal("\"a\"", Text(Assert.Single(again.Successful).ServerId));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_create_that_knows_no_more_writes_nothing()
    {
        var (one, two) = await DevicesAsync();
        var first = await one.PushAsync(one.Create("tags", ["a", "red", "n", null]));
        var second = await two.PushAsync(two.Create("tags", ["b", "red", null, null]));
        Assert.Equal(Assert.Single(first.Successful).Version, Assert.Single(second.Successful).Version);
        Assert.Single((await one.PageAsync()).Changes);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task What_makes_the_merged_row_break_another_rule_is_refused_and_changes_nothing()
    {
        var (one, two) = await DevicesAsync();
        await one.PushAsync(one.Create("tags", ["a", "red", null, null]), one.Create("tags", ["c", "blue", null, "taken"]));
        var refused = Assert.Single((await two.PushAsync(two.Create("tags", ["b", "red", "n", "taken"]))).Failed);
        Assert.Equal(ErrorCodes.Unique, refused.Code);
        Assert.True((await one.PageAsync()).Changes[0].Row!["note"].IsNull);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task An_update_to_a_value_that_is_taken_is_refused_two_known_rows_are_never_made_one()
    {
        var (one, _) = await DevicesAsync();
        var version = (await one.PushAsync(one.Create("tags", ["a", "red", null, null]), one.Create("tags", ["b", "blue", null, null]))).Mark.Position;
        Assert.Equal(ErrorCodes.Unique, Assert.Single((await one.PushAsync(one.Update("tags", EntityKey.Of("b"), version, "name", "red"))).Failed).Code);
    }

    private static string Text(RawJson json) => Encoding.UTF8.GetString(json.Utf8.Span);

    private async Task<(PushingDevice One, PushingDevice Two)> DevicesAsync() =>
        (await DeviceAsync(), await DeviceAsync("two"));
}
