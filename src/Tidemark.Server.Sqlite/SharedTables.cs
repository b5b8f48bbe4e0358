using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Members and invitations of spaces; few for each space, so they are read and written whole.</summary>
internal static class SharedTables
{
    public static List<Membership> MembershipsOf(ServerConnection db, UserId user) =>
        db.Connection.Query(
            "SELECT m.space_id, m.role, s.name FROM _tm_member AS m LEFT JOIN _tm_shared AS s ON s.space_id = m.space_id WHERE m.user_id = ?1 ORDER BY m.space_id", Value.Text(user.Value))
            .ConvertAll(r => new Membership(new SpaceId(r[0].AsText), r[1].AsText, r[2].IsNull ? null : r[2].AsText));

    public static SharedSpace Read(ServerConnection db, SpaceId space)
    {
        var id = Value.Text(space.Value);
        var name = db.Connection.Scalar("SELECT name FROM _tm_shared WHERE space_id = ?1", id);
        var members = db.Connection.Query("SELECT user_id, role, since FROM _tm_member WHERE space_id = ?1 ORDER BY user_id", id)
            .ConvertAll(r => new StoredMember(new UserId(r[0].AsText), r[1].AsText, r[2].AsInteger));
        var invitations = db.Connection.Query("SELECT id, secret_hash, role, invited_by, expires FROM _tm_invitation WHERE space_id = ?1 ORDER BY id", id)
            .ConvertAll(r => new StoredInvitation(r[0].AsText, r[1].AsText, r[2].AsText, new UserId(r[3].AsText), r[4].AsInteger));
        return new SharedSpace(name.Kind == ValueKind.Text ? name.AsText : null, members, invitations);
    }

    public static void Write(ServerConnection db, SpaceId space, SharedSpace shared)
    {
        var id = Value.Text(space.Value);
        db.Connection.Run("INSERT OR REPLACE INTO _tm_shared(space_id, name) VALUES(?1, ?2)", id, shared.Name is { } name ? Value.Text(name) : Value.Null);
        db.Connection.Run("DELETE FROM _tm_member WHERE space_id = ?1", id);
        foreach (var member in shared.Members)
        {
            db.Connection.Run("INSERT INTO _tm_member(space_id, user_id, role, since) VALUES(?1, ?2, ?3, ?4)", id, Value.Text(member.User.Value), Value.Text(member.Role), Value.Integer(member.Since));
        }

        db.Connection.Run("DELETE FROM _tm_invitation WHERE space_id = ?1", id);
        foreach (var invitation in shared.Invitations)
        {
            db.Connection.Run(
                "INSERT INTO _tm_invitation(space_id, id, secret_hash, role, invited_by, expires) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                id, Value.Text(invitation.Id), Value.Text(invitation.SecretHash), Value.Text(invitation.Role), Value.Text(invitation.By.Value), Value.Integer(invitation.Expires));
        }
    }
}
