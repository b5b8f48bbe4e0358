using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>What push and changes do, whatever the store. An engine inherits it and says how its store is opened.</summary>
public abstract class SyncServerContract : ServerContract
{
    protected static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("boxes", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Key("id").Unique("name"))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("box", FieldType.Text).Field("title", FieldType.Text).Key("id").ServerAssigned()
            .Reference("box", "boxes", required: false, DeleteRule.Cascade))
        .Entity("notes", e => e.Field("id", FieldType.Text).Field("thing", FieldType.Integer).Field("spare", FieldType.Text).Key("id")
            .Reference("thing", "things", required: false, DeleteRule.SetNull).Reference("spare", "boxes", required: false, DeleteRule.Restrict))
        .Build();

    protected SyncServerContract()
        : base(Model)
    {
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    [InlineData(-1L)]
    [Trait("req", "SRV-07")]
    public async Task An_offer_of_no_version_of_a_row_that_never_was_is_refused_by_itself(long? lost)
    {
        var device = await DeviceAsync();
        var answer = await device.PushAsync(device.Offer("boxes", ["never", "N"], 1) with { BaseVersion = lost }, device.Create("boxes", ["a", "A"]));
        Assert.Equal(ErrorCodes.BaseRequired, Assert.Single(answer.Failed).Code);
        Assert.Single(answer.Successful);
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task A_cursor_spelt_in_another_way_is_none()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]));
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        foreach (var other in new[] { cursor + " ", cursor[..40] + "\n" + cursor[40..], cursor + "=", cursor + "==" })
        {
            var refused = await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Cursor = other }));
            Assert.Equal(ErrorCodes.CursorInvalid, refused.Problem.Code);
        }
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    [Trait("req", "SRV-03")]
    public async Task A_command_takes_effect_once_also_in_a_larger_or_smaller_batch()
    {
        var device = await DeviceAsync();
        var (first, second) = (device.Create("boxes", ["a", "A"]), device.Create("boxes", ["b", "B"]));
        var answer = await device.PushAsync(first);
        var again = await device.PushAsync(first, second);
        Assert.Equal(answer.Successful[0].Version, again.Successful[0].Version);
        Assert.Equal(2, again.Successful.Count);
        Assert.Single((await device.PushAsync(second)).Successful);
        Assert.Equal(2, (await device.PageAsync()).Changes.Count);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task A_known_command_id_with_other_bytes_is_refused()
    {
        var device = await DeviceAsync();
        var command = device.Create("boxes", ["a", "A"]);
        await device.PushAsync(command);
        var failed = Assert.Single((await device.PushAsync(device.Create("boxes", ["a", "other"], id: command.Id))).Failed);
        Assert.Equal(ErrorCodes.IdempotencyMismatch, failed.Code);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task An_offer_of_the_same_lost_version_is_answered_with_the_row_also_when_another_device_knows_it_differently()
    {
        var first = await DeviceAsync();
        await first.PushAsync(first.Create("boxes", ["b", "B"]));
        var lost = first.Offer("boxes", ["a", "A"], 1000);
        Assert.Single((await first.PushAsync(lost)).Successful);
        var second = new PushingDevice(Server, Model, "anna", "second");
        var accepted = Assert.Single((await second.PushAsync(second.Offer("boxes", ["a", "known differently"], 1000) with { Id = lost.Id })).Successful);
        Assert.Contains("\"A\"", System.Text.Encoding.UTF8.GetString(accepted.Row!.Value.Utf8.Span), StringComparison.Ordinal);
        Assert.Equal(2, (await first.PageAsync()).Changes.Count);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task The_same_push_at_once_takes_effect_once()
    {
        var device = await DeviceAsync();
        var commands = Enumerable.Range(0, 20).Select(i => device.Create("things", [i + 1, null, "t"])).ToArray();
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => new PushingDevice(Server, Model, "anna", "copy" + i).PushAsync(commands)));
        Assert.All(answers, a => Assert.Equal(20, a.Successful.Count));
        Assert.Equal(20, (await device.PageAsync()).Changes.Count);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task A_step_back_of_the_push_sequence_is_a_forked_store()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]));
        var fault = await Assert.ThrowsAsync<ServerException>(() => device.SendAsync(new PushEnvelope { DeviceId = "d", StoreId = "one", PushSeq = 1 }, device.Create("boxes", ["b", "B"])));
        Assert.Equal(ErrorCodes.StoreForked, fault.Problem.Code);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task Unique_values_are_swapped_within_a_group_and_refused_without_one()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("boxes", ["b", "B"]))).Mark.Position;
        var refused = Assert.Single((await device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "name", "B"))).Failed);
        Assert.Equal(ErrorCodes.Unique, refused.Code);
        var swapped = await device.PushAsync(
            device.Update("boxes", EntityKey.Of("a"), version, "name", "B", "swap"), device.Update("boxes", EntityKey.Of("b"), version, "name", "A", "swap"));
        Assert.Equal(2, swapped.Successful.Count);
        Assert.Equal(["B", "A"], (await device.PageAsync()).Changes.Select(c => c.Row!["name"].AsText));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_refused_update_brings_the_servers_row_back()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("boxes", ["b", "B"]))).Mark.Position;
        var refused = Assert.Single((await device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "name", "B"))).Failed);
        Assert.Equal("""{"id":"a","name":"A"}""", System.Text.Encoding.UTF8.GetString(refused.ServerRow!.Value.Utf8.Span));
        Assert.Equal(version, refused.ServerVersion);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task Delete_rules_reach_rows_that_the_sender_never_saw()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("things", [1, "a", "t"]), device.Create("notes", ["n", 1, null]));
        var version = (await device.PageAsync()).Changes[0].Version;
        Assert.Single((await new PushingDevice(Server, Model, "anna", "two").PushAsync(device.Delete("boxes", EntityKey.Of("a"), version))).Successful);
        var page = await device.PageAsync();
        Assert.Equal([("boxes", Operation.Delete), ("notes", Operation.Update), ("things", Operation.Delete)], page.Changes.Select(c => (c.TypeName, c.Operation)));
        Assert.True(page.Changes[1].Row!["thing"].IsNull);
        Assert.Single(page.Changes.Select(c => c.Version).Distinct());
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_restricted_delete_is_refused_and_changes_nothing()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("things", [1, "a", "t"]), device.Create("notes", ["n", null, "a"]))).Mark.Position;
        var refused = Assert.Single((await device.PushAsync(device.Delete("boxes", EntityKey.Of("a"), version))).Failed);
        Assert.Equal(ErrorCodes.FkRestrict, refused.Code);
        Assert.Equal(3, (await device.PageAsync()).Changes.Count(c => c.Operation != Operation.Delete));
    }

    [Fact]
    [Trait("req", "PUSH-10")]
    public async Task Deleting_what_is_deleted_succeeds()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A"]))).Mark.Position;
        var deleted = Assert.Single((await device.PushAsync(device.Delete("boxes", EntityKey.Of("a"), version))).Successful);
        Assert.Equal(deleted.Version, Assert.Single((await device.PushAsync(device.Delete("boxes", EntityKey.Of("a"), version))).Successful).Version);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_command_may_follow_another_of_its_own_group()
    {
        var device = await DeviceAsync();
        var create = device.Create("boxes", ["a", "A"], group: "g");
        var answer = await device.PushAsync(create, device.Update("boxes", EntityKey.Of("a"), null, "name", "B", "g", create.Id));
        Assert.Empty(answer.Failed);
        Assert.Equal("B", Assert.Single((await device.PageAsync()).Changes).Row!["name"].AsText);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task Colliding_ids_get_new_ones_and_their_children_follow()
    {
        var device = await DeviceAsync();
        var other = new PushingDevice(Server, Model, "anna", "two");
        await device.PushAsync(device.Create("things", [1, null, "first"]));
        var thing = other.Create("things", [1, null, "second"]);
        var answer = await other.PushAsync(thing, other.Create("notes", ["n", -1, null], refs: ("thing", thing.Id)));
        Assert.Equal("2", System.Text.Encoding.UTF8.GetString(answer.Successful[0].ServerId.Utf8.Span));
        var note = (await device.PageAsync()).Changes.Single(c => c.TypeName == "notes");
        Assert.Equal(2, note.Row!["thing"].AsInteger);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_row_brought_back_from_an_older_deletion_is_the_same_row_and_meets_the_newer_one()
    {
        var device = await DeviceAsync();
        var other = new PushingDevice(Server, Model, "anna", "two");
        var made = (await device.PushAsync(device.Create("things", [1, null, "first"]))).Mark.Position;
        var first = (await device.PushAsync(device.Delete("things", EntityKey.Of(1), made))).Mark.Position;
        var back = Assert.Single((await device.PushAsync(device.Create("things", [1, null, "again"], first))).Successful).Version;
        var second = (await device.PushAsync(device.Delete("things", EntityKey.Of(1), back))).Mark.Position;

        var answer = await other.PushAsync(other.Create("things", [1, null, "mine"], first));
        Assert.Equal((true, second), (Assert.Single(answer.Conflicts).ServerDeleted, answer.Conflicts[0].ServerVersion));
        var again = Assert.Single((await other.PushAsync(other.Create("things", [1, null, "mine"], second))).Successful);
        Assert.Equal("1", System.Text.Encoding.UTF8.GetString(again.ServerId.Utf8.Span));

        // No deletion of this history: of a row that a restore lost, and whose id another row was given since.
        Time.Now += TimeSpan.FromSeconds(1);
        var deleted = (await other.PushAsync(other.Delete("things", EntityKey.Of(1), again.Version))).Mark.Position;
        Assert.Equal("2", System.Text.Encoding.UTF8.GetString(Assert.Single((await other.PushAsync(other.Create("things", [1, null, "lost"], deleted - 1))).Successful).ServerId.Utf8.Span));
    }

    [Fact]
    [Trait("req", "CUR-04")]
    public async Task Positions_rise_when_the_clock_steps_back()
    {
        var device = await DeviceAsync();
        var first = await device.PushAsync(device.Create("boxes", ["a", "A"]));
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        Time.Now -= TimeSpan.FromHours(1);
        var second = await device.PushAsync(device.Create("boxes", ["b", "B"]));
        Assert.True(second.Mark.Position > first.Mark.Position);
        Assert.Single((await device.PageAsync(new ChangesRequest { Cursor = cursor })).Changes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(250)]
    [Trait("req", "CUR-04")]
    [Trait("req", "CUR-03")]
    public async Task No_change_of_one_position_is_skipped_or_repeated_at_a_page_edge(int limit)
    {
        var device = await DeviceAsync();
        await device.PushAsync([.. Enumerable.Range(0, 250).Select(i => device.Create("boxes", [$"k{i:D3}", $"n{i}"]))]);
        var seen = new List<string>();
        ChangesPage page;
        string? cursor = null;
        do
        {
            page = await device.PageAsync(new ChangesRequest { Cursor = cursor, Limit = limit });
            seen.AddRange(page.Changes.Select(c => c.Key[0].AsText));
            cursor = page.Tail.NextCursor;
        }
        while (page.Tail.HasMore);

        Assert.Equal(Enumerable.Range(0, 250).Select(i => $"k{i:D3}"), seen);
    }

    [Fact]
    [Trait("req", "CUR-03")]
    public async Task The_cursor_of_an_empty_space_is_taken_back()
    {
        var device = await DeviceAsync();
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        Assert.Empty((await device.PageAsync(new ChangesRequest { Cursor = cursor })).Changes);
        await device.PushAsync(device.Create("boxes", ["a", "A"]));
        Assert.Single((await device.PageAsync(new ChangesRequest { Cursor = cursor })).Changes);
    }

    [Fact]
    [Trait("req", "CUR-06")]
    public async Task A_pull_ends_at_the_head_its_first_page_saw()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("boxes", ["b", "B"]));
        var first = await device.PageAsync(new ChangesRequest { Limit = 1 });
        await device.PushAsync(device.Create("boxes", ["c", "C"]));
        var second = await device.PageAsync(new ChangesRequest { Limit = 1, Cursor = first.Tail.NextCursor });
        Assert.Equal(("b", false), (second.Changes.Single().Key[0].AsText, second.Tail.HasMore));
        Assert.Equal("c", (await device.PageAsync(new ChangesRequest { Cursor = second.Tail.NextCursor })).Changes.Single().Key[0].AsText);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_first_pull_goes_on_through_rows_older_than_the_retention()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]), device.Create("boxes", ["b", "B"]));
        Time.Now += TimeSpan.FromDays(200);
        await device.PushAsync(device.Create("boxes", ["c", "C"]));
        await CompactAsync();
        var first = await device.PageAsync(new ChangesRequest { Limit = 1 });
        var rest = await device.PageAsync(new ChangesRequest { Cursor = first.Tail.NextCursor });
        Assert.Equal(["b", "c"], rest.Changes.Select(c => c.Key[0].AsText));
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_device_that_missed_nothing_need_not_resync_however_long_it_was_away()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]));
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        Time.Now += TimeSpan.FromDays(200);
        await CompactAsync();
        Assert.Empty((await device.PageAsync(new ChangesRequest { Cursor = cursor })).Changes);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_cursor_older_than_the_retention_must_resync()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A"]));
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        Time.Now += TimeSpan.FromDays(200);
        await device.PushAsync(device.Create("boxes", ["b", "B"]));
        await CompactAsync();
        var fault = await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Cursor = cursor }));
        Assert.Equal((ErrorCodes.ResyncRequired, ResyncReason.Retention), (fault.Problem.Code, fault.Problem.Reason));
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_commit_that_a_restore_lost_is_told_from_one_older_than_the_retention_long_after_it()
    {
        var device = await DeviceAsync();
        var first = (await device.PushAsync(device.Create("boxes", ["a", "A"]))).Mark;
        var lost = new Mark(first.Position + 1, new string('0', first.Token.Length));
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        Time.Now += TimeSpan.FromDays(200);
        await device.PushAsync(device.Create("boxes", ["b", "B"]));
        await CompactAsync();
        Assert.Equal((ResyncReason.Retention, null), await ResyncAsync(first));
        Assert.Equal((ResyncReason.Restored, first.Position), await ResyncAsync(first, lost));
        var pushedSince = await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Cursor = cursor, Marks = [first, lost] })); // Its cursor is known, and too old.
        Assert.Equal((ResyncReason.Restored, first.Position), (pushedSince.Problem.Reason, pushedSince.Problem.CommonPosition));
        Assert.Equal(ResyncReason.Retention, await RefusedPushAsync(first));
        Assert.Equal(ResyncReason.Restored, await RefusedPushAsync(lost));
        Time.Now += Retained.CommitsLonger + TimeSpan.FromDays(91);
        await device.PushAsync(device.Create("boxes", ["c", "C"]));
        await CompactAsync();
        Assert.Equal((ResyncReason.Retention, null), await ResyncAsync(first, lost)); // Nobody can tell any more.

        async Task<string?> RefusedPushAsync(Mark floor) =>
            (await Assert.ThrowsAsync<ServerException>(() => device.PushAsync(new PushEnvelope { DeviceId = "one", StoreId = "one", Floor = floor }, device.Create("boxes", ["z", "Z"])))).Problem.Reason;

        async Task<(string?, long?)> ResyncAsync(params Mark[] marks)
        {
            var fault = await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Marks = marks }));
            Assert.Equal(ErrorCodes.ResyncRequired, fault.Problem.Code);
            return (fault.Problem.Reason, fault.Problem.CommonPosition);
        }
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task An_offered_row_never_gets_a_version_at_or_below_the_lost_one()
    {
        var device = await DeviceAsync();
        var lost = (await device.PushAsync(device.Create("boxes", ["a", "A"]))).Mark.Position + 3_600_000_000;
        var answer = await device.PushAsync(device.Offer("boxes", ["z", "Z"], lost));
        Assert.True(Assert.Single(answer.Successful).Version > lost);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task An_offered_row_whose_optional_parent_is_missing_is_still_an_offered_one()
    {
        var device = await DeviceAsync();
        var first = await device.PushAsync(device.Offer("things", [7, "gone", "t"], 10));
        Assert.Contains("\"box\":null", System.Text.Encoding.UTF8.GetString(first.Successful[0].Row!.Value.Utf8.Span), StringComparison.Ordinal);
        var newer = await device.PushAsync(device.Offer("things", [7, null, "newer"], 20));
        Assert.Empty(newer.Conflicts);
        Assert.Equal("newer", (await device.PageAsync()).Changes.Single(c => c.TypeName == "things").Row!["title"].AsText);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_group_that_is_refused_moves_no_head()
    {
        var device = await DeviceAsync();
        var head = (await device.PushAsync(device.Create("boxes", ["a", "A"]))).Mark;
        var refused = await device.PushAsync(device.Create("boxes", ["b", "B"], group: "g"), device.Create("boxes", ["c", "A"], group: "g"));
        Assert.Equal(2, refused.Failed.Count);
        Assert.Equal(head, refused.Mark);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_correction_at_the_groups_end_keeps_what_a_later_command_of_the_group_wrote()
    {
        var device = await DeviceAsync();
        var create = device.Create("things", [7, "gone", "first"], group: "g");
        var answer = await device.PushAsync(create, device.Update("things", EntityKey.Of(7), null, "title", "second", "g", create.Id));
        Assert.Equal(2, answer.Successful.Count);
        var row = Assert.Single((await device.PageAsync()).Changes).Row!;
        Assert.Equal(("second", true), (row["title"].AsText, row["box"].IsNull));
    }

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("new\nline")]
    [InlineData("größe")]
    [InlineData("\u0000")]
    [Trait("req", "SRV-05")]
    public async Task A_device_or_store_with_a_name_that_is_none_is_a_bad_request(string name)
    {
        var device = await DeviceAsync();
        foreach (var bad in new[] { name, new string('x', 201) })
        {
            foreach (var envelope in new[] { new PushEnvelope { DeviceId = bad, StoreId = "s" }, new PushEnvelope { DeviceId = "d", StoreId = bad } })
            {
                Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(() => device.PushAsync(envelope, device.Create("boxes", ["a", "A"])))).Problem.Code);
            }

            Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { DeviceId = bad }))).Problem.Code);
        }

        Assert.Single((await device.PushAsync(new PushEnvelope { DeviceId = new string('x', 200), StoreId = "~!/.:@" }, device.Create("boxes", ["a", "A"]))).Successful);
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task A_space_with_a_name_that_is_none_is_a_bad_request_and_any_other_is_not_there()
    {
        var device = await DeviceAsync();
        foreach (var (name, code) in new[] { ("a\u0007", ErrorCodes.BadRequest), (new string('x', 201), ErrorCodes.BadRequest), ("u:größe", ErrorCodes.SpaceNotFound), (new string('x', 200), ErrorCodes.SpaceNotFound) })
        {
            Assert.Equal(code, (await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Space = name }))).Problem.Code);
        }
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task Two_users_never_see_each_others_rows_cursors_or_verdicts()
    {
        var anna = await DeviceAsync();
        var ben = new PushingDevice(Server, Model, "ben", "one");
        var command = anna.Create("boxes", ["a", "A"]);
        await anna.PushAsync(command);
        var cursor = (await anna.PageAsync()).Tail.NextCursor;
        Assert.Empty((await ben.PageAsync()).Changes);
        Assert.Empty((await Server.GetVerdictsAsync(ben.Caller, new VerdictsRequest { CommandIds = [command.Id] }, CancellationToken.None)).Successful);
        Assert.Equal(ErrorCodes.CursorInvalid, (await Assert.ThrowsAsync<ServerException>(() => ben.PageAsync(new ChangesRequest { Cursor = cursor }))).Problem.Code);
        foreach (var space in new[] { "u:anna", "u:nobody" })
        {
            Assert.Equal(ErrorCodes.SpaceNotFound, (await Assert.ThrowsAsync<ServerException>(() => ben.PageAsync(new ChangesRequest { Space = space }))).Problem.Code);
        }
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task A_cursor_with_any_character_changed_is_refused()
    {
        var device = await DeviceAsync();
        var cursor = (await device.PageAsync()).Tail.NextCursor;
        for (var i = 0; i < cursor.Length; i++)
        {
            var changed = cursor[..i] + (cursor[i] == 'A' ? 'B' : 'A') + cursor[(i + 1)..];
            Assert.Equal(ErrorCodes.CursorInvalid, (await Assert.ThrowsAsync<ServerException>(() => device.PageAsync(new ChangesRequest { Cursor = changed }))).Problem.Code);
        }
    }


    private Task CompactAsync() => Server.CompactAsync(CancellationToken.None);
}
