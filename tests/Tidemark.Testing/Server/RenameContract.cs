using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>Changed keys, renamed values and keys that differ in case only; whatever the store.</summary>
public abstract class RenameContract : ServerContract
{
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("users", e => e.Field("id", FieldType.Text, f => f with { Collation = Collation.NoCase }).Field("name", FieldType.Text, f => f with { Collation = Collation.NoCase }).Key("id").Unique(UniqueRule.Rename, "name"))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("title", FieldType.Text).Key("id").ServerAssigned())
        .Entity("roles", e => e.Field("user", FieldType.Text).Field("role", FieldType.Text).Key("user", "role").Reference("user", "users", required: true, DeleteRule.Cascade))
        .Build();

    protected RenameContract()
        : base(Model)
    {
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    [Trait("req", "SRV-13")]
    public async Task A_rekey_takes_children_along_that_its_sender_never_saw_and_leaves_a_tombstone()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("users", ["ann", "Ann"]), device.Create("roles", ["ann", "admin"]))).Mark.Position;
        var renamed = await device.PushAsync(device.Update("users", EntityKey.Of("ann"), version, "name", "Anna") with { Operation = Operation.Rekey, NewEntityId = EntityKey.Of("anna") });
        Assert.Equal("\"anna\"", System.Text.Encoding.UTF8.GetString(Assert.Single(renamed.Successful).ServerId.Utf8.Span));
        var changes = (await device.PageAsync()).Changes;
        Assert.Equal(
            ["DELETE roles [\"ann\",\"admin\"]", "UPDATE roles [\"anna\",\"admin\"]", "DELETE users \"ann\"", "UPDATE users \"anna\""],
            changes.Select(c => $"{(c.Row is null ? "DELETE" : "UPDATE")} {c.TypeName} {c.Key}"));
        Assert.Equal("Anna", changes[3].Row!["name"].AsText);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_rekey_to_a_taken_key_or_of_a_changed_row_changes_nothing()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("users", ["ann", "Ann"]), device.Create("users", ["ben", "Ben"]))).Mark.Position;
        var taken = await device.PushAsync(device.Delete("users", EntityKey.Of("ann"), version) with { Operation = Operation.Rekey, NewEntityId = EntityKey.Of("BEN") });
        Assert.Equal(ErrorCodes.Unique, Assert.Single(taken.Failed).Code);
        var stale = await device.PushAsync(device.Delete("users", EntityKey.Of("ann"), version - 1) with { Operation = Operation.Rekey, NewEntityId = EntityKey.Of("cid") });
        Assert.Single(stale.Conflicts);
        Assert.Equal(2, (await device.PageAsync()).Changes.Count(c => c.Row is not null));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task An_id_that_a_changed_key_has_taken_is_given_to_no_new_row()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("things", [1, "first"]), device.Create("things", [2, "second"]))).Mark.Position;
        await device.PushAsync(device.Delete("things", EntityKey.Of(1), version) with { Operation = Operation.Rekey, NewEntityId = EntityKey.Of(3) });
        await device.PushAsync(device.Create("things", [-1, "third"]), device.Create("things", [3, "fourth"]));
        Assert.Equal(["2 second", "3 first", "4 third", "5 fourth"], (await device.PageAsync()).Changes.Where(c => c.Row is not null).Select(c => $"{c.Key} {c.Row!["title"].AsText}").Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_row_that_gets_another_key_is_still_the_one_that_its_create_made()
    {
        var device = await DeviceAsync();
        var made = device.Create("things", [1, "first"]);
        var version = (await device.PushAsync(made)).Mark.Position;
        await device.PushAsync(device.Delete("things", EntityKey.Of(1), version) with { Operation = Operation.Rekey, NewEntityId = EntityKey.Of(7) });
        var changes = (await device.PageAsync()).Changes;
        Assert.Equal(made.Id, Assert.Single(changes, c => c.Row is not null).MadeBy);
        Assert.Null(Assert.Single(changes, c => c.Row is null).MadeBy);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task The_later_of_two_equal_values_gets_a_number_and_its_device_is_told()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("users", ["a", "Red"]));
        var answer = await device.PushAsync(device.Create("users", ["b", "red"]), device.Create("users", ["c", "RED"]));
        Assert.Equal(2, answer.Successful.Count);
        Assert.Equal(["Red", "red (2)", "RED (3)"], (await device.PageAsync()).Changes.Select(c => c.Row!["name"].AsText));
        Assert.Contains("red (2)", System.Text.Encoding.UTF8.GetString(answer.Successful[0].Row!.Value.Utf8.Span), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_key_in_another_case_is_the_same_key_where_the_field_says_so()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("users", ["Ann", "Ann"]));
        var conflict = Assert.Single((await device.PushAsync(device.Create("users", ["ANN", "other"]))).Conflicts);
        Assert.Equal("exists", conflict.Reason);
        Assert.Single((await device.PushAsync(device.Create("roles", ["aNN", "admin"]))).Successful);
        Assert.Single((await device.PageAsync()).Changes, c => c.TypeName == "users");
    }
}
