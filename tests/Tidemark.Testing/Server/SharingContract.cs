using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Live;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>Spaces that several users share, whatever the store: who may do what, from when, and until when.</summary>
[Trait("req", "SRV-06")]
[Trait("req", "SRV-05")]
public abstract class SharingContract : ServerContract
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("notes", e => e.Field("id", FieldType.Text).Field("title", FieldType.Text).Key("id"))
        .Build();

    protected SharingContract()
        : base(Model)
    {
    }

    [Fact]
    public async Task Everybody_has_a_space_of_his_own_and_those_he_joined()
    {
        var anna = (await DeviceAsync()).Caller;
        var ben = Of("ben");
        var space = await Server.MakeSpaceAsync(anna, new SpaceRequest { Name = "Trip" }, None);
        await JoinAsync(anna, ben, space.Space, SpaceRoles.Reader);
        Assert.Equal([("u:anna", "owner", true, null), (space.Space, "owner", false, "Trip")], Lines(await Server.GetSpacesAsync(anna, false, None)));
        Assert.Equal([("u:ben", "owner", true, null), (space.Space, "reader", false, "Trip")], Lines(await Server.GetSpacesAsync(ben, false, None)));
        Assert.Equal(["anna/owner", "ben/reader"], (await Server.GetMembersAsync(ben, space.Space, None)).Members.Select(m => m.User + "/" + m.Role));
    }

    [Fact]
    public async Task Rows_of_a_space_are_its_members_and_nobody_elses()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var (ben, eve) = (new PushingDevice(Server, Model, "ben", "b"), new PushingDevice(Server, Model, "eve", "e"));
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Writer);
        Assert.Single((await anna.PushAsync(In(space), anna.Create("notes", ["1", "shared"]))).Successful);
        Assert.Single((await ben.PushAsync(In(space), ben.Create("notes", ["2", "ben's"]))).Successful);
        await anna.PushAsync(anna.Create("notes", ["3", "own"]));
        Assert.Equal(["1", "2"], Keys(await ben.PageAsync(new ChangesRequest { Space = space })));
        Assert.Empty((await ben.PageAsync()).Changes);
        Assert.Equal(["3"], Keys(await anna.PageAsync()));
        foreach (var other in new[] { space, "u:anna", "s:" + Guid.Empty, "x" })
        {
            await NotFoundAsync(() => eve.PushAsync(In(other), eve.Create("notes", ["9", "x"])));
            await NotFoundAsync(() => eve.PageAsync(new ChangesRequest { Space = other }));
            await NotFoundAsync(() => Server.GetRowsAsync(eve.Caller, new RowsRequest { Space = other, EntityType = "notes", EntityIds = [new RawJson("\"1\""u8.ToArray())] }, None));
            await NotFoundAsync(() => Server.GetChecksumsAsync(eve.Caller, new ChecksumsRequest { Space = other }, None));
            await NotFoundAsync(() => Server.GetVerdictsAsync(eve.Caller, new VerdictsRequest { Space = other, CommandIds = [] }, None));
            await NotFoundAsync(() => Server.ListenAsync(eve.Caller, other, null, None));
            await NotFoundAsync(() => Server.GetMembersAsync(eve.Caller, other, None));
            await NotFoundAsync(() => Server.RemoveMemberAsync(eve.Caller, other, "anna", None));
            await NotFoundAsync(() => Server.InviteAsync(eve.Caller, new InvitationRequest { Space = other }, None));
        }

        // No space was made by asking for it.
        Assert.DoesNotContain(new SpaceId("s:" + Guid.Empty), await Store.GetSpacesAsync(None));
    }

    [Fact]
    public async Task A_cursor_of_one_member_is_not_anothers_nor_another_spaces()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var ben = new PushingDevice(Server, Model, "ben", "b");
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Writer);
        var cursor = (await anna.PageAsync(new ChangesRequest { Space = space })).Tail.NextCursor;
        foreach (var read in new Func<Task>[] { () => ben.PageAsync(new ChangesRequest { Space = space, Cursor = cursor }), () => anna.PageAsync(new ChangesRequest { Cursor = cursor }) })
        {
            Assert.Equal(ErrorCodes.CursorInvalid, (await Assert.ThrowsAsync<ServerException>(read)).Problem.Code);
        }
    }

    [Fact]
    public async Task A_reader_reads_and_each_of_his_commands_is_forbidden_with_the_servers_row()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var ben = new PushingDevice(Server, Model, "ben", "b");
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Reader);
        var made = Assert.Single((await anna.PushAsync(In(space), anna.Create("notes", ["1", "A"]))).Successful);
        var answer = await ben.PushAsync(In(space), ben.Update("notes", Key("1"), made.Version, "title", "mine"), ben.Create("notes", ["2", "B"]));
        Assert.All(answer.Failed, f => Assert.Equal((ErrorCodes.Forbidden, false), (f.Code, f.Retryable)));
        Assert.Equal(2, answer.Failed.Count);
        Assert.Contains("\"A\"", System.Text.Encoding.UTF8.GetString(answer.Failed[0].ServerRow!.Value.Utf8.Span), StringComparison.Ordinal);
        Assert.Equal(["1"], Keys(await ben.PageAsync(new ChangesRequest { Space = space })));

        // As a writer he may; what he was once accepted with stays accepted when he is a reader again.
        await Server.ChangeMemberAsync(anna.Caller, new MemberChange { Space = space, User = "ben", Role = SpaceRoles.Writer }, None);
        var command = ben.Create("notes", ["2", "B"]);
        Assert.Single((await ben.PushAsync(In(space), command)).Successful);
        await Server.ChangeMemberAsync(anna.Caller, new MemberChange { Space = space, User = "ben", Role = SpaceRoles.Reader }, None);
        Assert.Single((await ben.PushAsync(In(space), command)).Successful);
    }

    [Fact]
    public async Task Who_was_removed_is_refused_from_the_next_request_on_and_hears_no_more()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var ben = new PushingDevice(Server, Model, "ben", "b");
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Writer);
        using var listening = await Server.ListenAsync(ben.Caller, space, "b", None);
        using var all = await Server.ListenAsync(ben.Caller, "*", "b", None);
        var cursor = (await ben.PageAsync(new ChangesRequest { Space = space })).Tail.NextCursor;
        await listening.NextAsync(None);
        await all.NextAsync(None);

        Assert.True((await Server.RemoveMemberAsync(anna.Caller, space, "ben", None)).Removed);

        Assert.Equal(["u:ben"], (await Server.GetSpacesAsync(ben.Caller, false, None)).Select(s => s.Space));
        Assert.Equal([("u:ben", "owner"), (space, "removed")], (await Server.GetSpacesAsync(ben.Caller, true, None)).Select(s => (s.Space, s.Role)));
        await NotFoundAsync(() => ben.PageAsync(new ChangesRequest { Space = space, Cursor = cursor }));
        await NotFoundAsync(() => ben.PushAsync(In(space), ben.Create("notes", ["2", "B"])));
        Assert.Empty(await listening.NextAsync(None));
        Assert.Equal((LiveMessage.Members, space), Assert.Single((await all.NextAsync(None)).Select(m => (m.Type, m.Space))));
        await anna.PushAsync(In(space), anna.Create("notes", ["1", "A"]));
        await ben.PushAsync(ben.Create("notes", ["3", "own"]));
        using var other = await Server.ListenAsync(ben.Caller, "*", "c", None);
        Assert.Equal(["u:ben"], (await other.NextAsync(None)).Select(m => m.Space));
    }

    [Fact]
    public async Task Who_joins_hears_of_it_on_a_connection_to_all_his_spaces()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var ben = new PushingDevice(Server, Model, "ben", "b");
        using var all = await Server.ListenAsync(ben.Caller, "*", "b", None);
        Assert.Equal(["u:ben"], (await all.NextAsync(None)).Select(m => m.Space));
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Writer);
        Assert.Equal((LiveMessage.Members, space), Assert.Single((await all.NextAsync(None)).Select(m => (m.Type, m.Space))));
        await anna.PushAsync(In(space), anna.Create("notes", ["1", "A"]));
        Assert.Equal(("notes.updated", space), Assert.Single((await all.NextAsync(None)).Select(m => (m.Type, m.Space))));
    }

    [Fact]
    public async Task An_invitation_is_accepted_once_in_its_time_and_not_when_it_was_taken_back()
    {
        var (anna, ben, carl) = ((await DeviceAsync()).Caller, Of("ben"), Of("carl"));
        var space = (await Server.MakeSpaceAsync(anna, new SpaceRequest(), None)).Space;
        var first = await Server.InviteAsync(anna, new InvitationRequest { Space = space }, None);
        await Server.JoinSpaceAsync(ben, new JoinRequest { Token = first.Token! }, None);
        await NotFoundAsync(() => Server.JoinSpaceAsync(carl, new JoinRequest { Token = first.Token! }, None));

        var late = await Server.InviteAsync(anna, new InvitationRequest { Space = space, ExpiresInMs = 1000 }, None);
        Time.Advance(TimeSpan.FromSeconds(2));
        await NotFoundAsync(() => Server.JoinSpaceAsync(carl, new JoinRequest { Token = late.Token! }, None));

        var back = await Server.InviteAsync(anna, new InvitationRequest { Space = space }, None);
        Assert.Equal([back.Id], (await Server.GetInvitationsAsync(anna, space, None)).Invitations.Select(i => i.Id));
        Assert.All((await Server.GetInvitationsAsync(anna, space, None)).Invitations, i => Assert.Null(i.Token));
        Assert.True((await Server.UninviteAsync(anna, space, back.Id, None)).Removed);
        await NotFoundAsync(() => Server.JoinSpaceAsync(carl, new JoinRequest { Token = back.Token! }, None));
        foreach (var forged in new[] { "", "x", "a.b", first.Token![..^2] + "AA", new string('a', 3000) })
        {
            Assert.Contains((await Assert.ThrowsAsync<ServerException>(() => Server.JoinSpaceAsync(carl, new JoinRequest { Token = forged }, None))).Problem.Code, new[] { ErrorCodes.BadRequest, ErrorCodes.SpaceNotFound });
        }

        Assert.Equal(["anna", "ben"], (await Server.GetMembersAsync(anna, space, None)).Members.Select(m => m.User));
    }

    [Fact]
    public async Task Only_owners_say_who_is_a_member_and_one_of_them_always_stays()
    {
        var (anna, ben) = ((await DeviceAsync()).Caller, Of("ben"));
        var space = (await Server.MakeSpaceAsync(anna, new SpaceRequest(), None)).Space;
        await JoinAsync(anna, ben, space, SpaceRoles.Writer);
        foreach (var act in new Func<Task>[]
        {
            () => Server.InviteAsync(ben, new InvitationRequest { Space = space }, None),
            () => Server.GetInvitationsAsync(ben, space, None),
            () => Server.RemoveMemberAsync(ben, space, "anna", None),
            () => Server.ChangeMemberAsync(ben, new MemberChange { Space = space, User = "ben", Role = SpaceRoles.Owner }, None),
        })
        {
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<ServerException>(act)).Problem.Code);
        }

        foreach (var act in new Func<Task>[]
        {
            () => Server.LeaveSpaceAsync(anna, new LeaveRequest { Space = space }, None),
            () => Server.ChangeMemberAsync(anna, new MemberChange { Space = space, User = "anna", Role = SpaceRoles.Reader }, None),
            () => Server.ChangeMemberAsync(anna, new MemberChange { Space = space, User = "ben", Role = "king" }, None),
            () => Server.ChangeMemberAsync(anna, new MemberChange { Space = space, User = "nobody", Role = SpaceRoles.Reader }, None),
        })
        {
            Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(act)).Problem.Code);
        }

        await Server.ChangeMemberAsync(anna, new MemberChange { Space = space, User = "ben", Role = SpaceRoles.Owner }, None);
        Assert.True((await Server.LeaveSpaceAsync(anna, new LeaveRequest { Space = space }, None)).Removed);
        await NotFoundAsync(() => Server.LeaveSpaceAsync(anna, new LeaveRequest { Space = space }, None));
        Assert.True((await Server.LeaveSpaceAsync(ben, new LeaveRequest { Space = space }, None)).Removed);
        await NotFoundAsync(() => Server.GetMembersAsync(ben, space, None));
    }

    [Fact]
    public async Task Making_a_space_with_an_id_of_ones_own_may_be_repeated_and_takes_nobody_elses()
    {
        var (anna, eve) = ((await DeviceAsync()).Caller, Of("eve"));
        var request = new SpaceRequest { Space = "s:0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a", Name = "Trip" };
        var made = await Server.MakeSpaceAsync(anna, request, None);
        Assert.Equal((made.Space, made.Epoch), ((await Server.MakeSpaceAsync(anna, request, None)).Space, (await Server.MakeSpaceAsync(anna, request, None)).Epoch));
        await NotFoundAsync(() => Server.MakeSpaceAsync(eve, request, None));
        foreach (var wrong in new[] { "", "s:", "u:eve", "s:x", "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a", "s:0190B6A0-7F3E-7CC1-9A57-0F1E2D3C4B5A" })
        {
            Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(() => Server.MakeSpaceAsync(eve, new SpaceRequest { Space = wrong }, None))).Problem.Code);
        }
    }

    [Fact]
    public async Task A_revocation_stands_before_or_behind_every_push_never_in_one()
    {
        var anna = await DeviceAsync();
        var space = (await Server.MakeSpaceAsync(anna.Caller, new SpaceRequest(), None)).Space;
        var ben = new PushingDevice(Server, Model, "ben", "b");
        await JoinAsync(anna.Caller, ben.Caller, space, SpaceRoles.Writer);
        var before = 0;
        var pushing = Task.Run(async () =>
        {
            for (var i = 0; ; i++)
            {
                await ben.PushAsync(In(space), ben.Create("notes", ["n" + i, "B"]));
                Volatile.Write(ref before, i + 1);
            }
        });
        while (Volatile.Read(ref before) < 5)
        {
            await Task.Yield();
        }

        await Server.RemoveMemberAsync(anna.Caller, space, "ben", None);
        var rows = await CountAsync(anna, space);
        await NotFoundAsync(() => pushing);
        Assert.Equal(rows, await CountAsync(anna, space));
        Assert.Equal(rows, before);
    }

    private static async Task<int> CountAsync(PushingDevice device, string space)
    {
        var rows = 0;
        for (string? cursor = null; ;)
        {
            var page = await device.PageAsync(new ChangesRequest { Space = space, Cursor = cursor, Limit = 5000 });
            rows += page.Changes.Count;
            cursor = page.Tail.NextCursor;
            if (!page.Tail.HasMore)
            {
                return rows;
            }
        }
    }

    private static Caller Of(string user) => new(new UserId(user), IsAdministrator: false);

    private static EntityKey Key(string id) => new([Value.Text(id)]);

    private static PushEnvelope In(string space) => new() { DeviceId = "d", StoreId = space, Space = space };

    private static IEnumerable<string> Keys(ChangesPage page) => page.Changes.Select(c => c.Key[0].AsText);

    private static IEnumerable<(string, string, bool, string?)> Lines(IReadOnlyList<SpaceInfo> spaces) => spaces.Select(s => (s.Space, s.Role, s.Default, s.Name));

    private async Task JoinAsync(Caller owner, Caller user, string space, string role) =>
        await Server.JoinSpaceAsync(user, new JoinRequest { Token = (await Server.InviteAsync(owner, new InvitationRequest { Space = space, Role = role }, None)).Token! }, None);

    private static async Task NotFoundAsync(Func<Task> act) =>
        Assert.Equal(ErrorCodes.SpaceNotFound, (await Assert.ThrowsAsync<ServerException>(act)).Problem.Code);
}
