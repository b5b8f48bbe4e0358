using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Simulation.Clock;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Sharing;

/// <summary>What people do: write, share, invite, join, leave, take others out.</summary>
internal sealed class SharingSteps(SharingRun run, Dice dice)
{
    private static readonly string[] Roles = [SpaceRoles.Reader, SpaceRoles.Writer, SpaceRoles.Writer, SpaceRoles.Owner];
    private int _names;

    public void Next()
    {
        var device = dice.Pick(run.Devices);
        if (run.HasDisasters && dice.Chance(0.15))
        {
            Disaster(device);
            return;
        }

        if (run.Catalog is { } catalog && dice.Chance(0.35))
        {
            catalog.Next(device);
            return;
        }

        switch (dice.Below(20))
        {
            case < 9:
                Edit(device);
                break;
            case < 15:
                run.Sync(device, isKilled: dice.Chance(0.1));
                break;
            case 15:
                MakeSpace(device.User);
                break;
            case < 18:
                Invite(device.User);
                break;
            case 18:
                Remove(device.User);
                break;
            default:
                ChangeRole(device.User);
                break;
        }
    }

    private void Disaster(SharingDevice device)
    {
        if (run.HasCatalog && dice.Chance(0.15))
        {
            run.TroubleServer(device, dice.Pick([StoreTrouble.Full, StoreTrouble.IoError]), dice.Pick([0.02, 0.2, 1.0]));
            return;
        }

        switch (dice.Below(10))
        {
            case < 3 when run.Catalog is not { IsMade: false }:
                run.Backup();
                break;
            case 3 or 4:
                run.Restore(dice.Below(3));
                break;
            case 5 or 6:
                run.CrashServer(device, dice.Below(100));
                break;
            default:
                device.Trouble(dice.Pick([StoreTrouble.Full, StoreTrouble.IoError, StoreTrouble.Busy]), dice.Pick([0.005, 0.05, 1.0]));
                run.Sync(device, isKilled: false);
                device.NoTrouble();
                break;
        }
    }

    public void Edit(SharingDevice device)
    {
        var lists = device.Read("SELECT id FROM list ORDER BY id");
        var items = device.Read("SELECT id FROM item ORDER BY id");
        switch (dice.Below(8))
        {
            case 0 or 1:
                MakeList(device);
                break;
            case 2 or 3 or 4 when lists.Count > 0:
                MakeItem(device, dice.Pick(lists)[0].AsText);
                break;
            case 5 when items.Count > 0:
                var changed = dice.Pick(items)[0];
                device.Write("UPDATE item SET title = ?2 WHERE id = ?1", changed, Value.Text(NextName(device)));
                run.Say(device.Name, $"changes item {changed}");
                run.Edits++;
                break;
            case 6 when items.Count > 0:
                var gone = dice.Pick(items)[0];
                device.Write("DELETE FROM item WHERE id = ?1", gone);
                run.Truth.Deleted(gone.AsText);
                run.Say(device.Name, $"deletes item {gone}");
                run.Edits++;
                break;
            case 7 when lists.Count > 0 && dice.Chance(0.3):
                DeleteList(device, dice.Pick(lists)[0]);
                break;
        }
    }

    private void MakeList(SharingDevice device)
    {
        // Now and then a space that the user is no member of, or has left.
        var spaces = dice.Chance(0.1) ? run.Truth.Spaces : run.Truth.SpacesOf(device.User);
        var space = spaces.Count > 0 && dice.Chance(0.7) ? dice.Pick(spaces) : null;
        var id = NextName(device);
        device.Write("INSERT INTO list(id, title, space) VALUES(?1, ?1, ?2)", Value.Text(id), space is null ? Value.Null : Value.Text(space));
        run.Truth.Note(new MadeRow(id, space ?? SpaceNames.OwnPrefix + device.User, device.Name, null));
        run.Say(device.Name, $"makes list {id} in {space ?? "his own space"}");
        run.Edits++;
    }

    private void MakeItem(SharingDevice device, string list)
    {
        var id = NextName(device);
        device.Write("INSERT INTO item(id, list_id, title) VALUES(?1, ?2, ?1)", Value.Text(id), Value.Text(list));
        run.Truth.Note(new MadeRow(id, run.Truth.Find(list)!.Space, device.Name, list));
        run.Say(device.Name, $"makes item {id} in list {list}");
        run.Edits++;
    }

    private void DeleteList(SharingDevice device, Value list)
    {
        device.Write("DELETE FROM list WHERE id = ?1", list);
        run.Truth.Deleted(list.AsText);
        run.Say(device.Name, $"deletes list {list}");
        run.Edits++;
    }

    private void MakeSpace(string user)
    {
        if (run.Truth.Spaces.Count < 4)
        {
            var space = run.Server(user, (server, caller) => server.MakeSpaceAsync(caller, new SpaceRequest(), default)).Space;
            run.Truth.Set(space, user, SpaceRoles.Owner);
            run.Say(user, $"makes space {space}");
        }
    }

    private void Invite(string user)
    {
        var owned = run.Truth.SpacesOf(user).Where(s => run.Truth.RoleOf(user, s) == SpaceRoles.Owner).ToList();
        var guest = dice.Pick(run.Users);
        if (owned.Count == 0 || guest == user)
        {
            return;
        }

        var (space, role) = (dice.Pick(owned), dice.Pick(Roles));
        var invitation = run.Server(user, (server, caller) => server.InviteAsync(caller, new InvitationRequest { Space = space, Role = role }, default));
        var joined = run.Server(guest, (server, caller) => server.JoinSpaceAsync(caller, new JoinRequest { Token = invitation.Token! }, default));
        run.Truth.Set(space, guest, joined.Role);
        run.Say(guest, $"joins {space} as {joined.Role}");
    }

    private void Remove(string user)
    {
        var spaces = run.Truth.SpacesOf(user);
        if (spaces.Count == 0)
        {
            return;
        }

        var space = dice.Pick(spaces);
        var other = run.Truth.RoleOf(user, space) == SpaceRoles.Owner && dice.Chance(0.7) ? dice.Pick(run.Truth.MembersOf(space)) : user;
        run.ExcuseLostOf(space);
        if (Done(() => run.Server(user, (server, caller) => server.RemoveMemberAsync(caller, space, other, default))))
        {
            run.Truth.Set(space, other, null);
            run.Say(other, other == user ? $"leaves {space}" : $"is taken out of {space} by {user}");
        }
    }

    private void ChangeRole(string user)
    {
        var owned = run.Truth.SpacesOf(user).Where(s => run.Truth.RoleOf(user, s) == SpaceRoles.Owner).ToList();
        if (owned.Count == 0)
        {
            return;
        }

        var space = dice.Pick(owned);
        var (other, role) = (dice.Pick(run.Truth.MembersOf(space)), dice.Pick(Roles));
        run.ExcuseLostOf(space);
        if (Done(() => run.Server(user, (server, caller) => server.ChangeMemberAsync(caller, new MemberChange { Space = space, User = other, Role = role }, default))))
        {
            run.Truth.Set(space, other, role);
            run.Say(other, $"is {role} of {space} now");
        }
    }

    // The last owner stays one.
    private static bool Done(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (ServerException e) when (e.Problem.Code == ErrorCodes.BadRequest)
        {
            return false;
        }
    }

    private string NextName(SharingDevice device) => FormattableString.Invariant($"{device.Name}{++_names}");
}
