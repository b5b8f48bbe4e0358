using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>The lease book as a table; small, so it is read whole.</summary>
internal static class LeaseTable
{
    public static List<StoredLease> Read(ServerConnection db) =>
        db.Connection.Query("SELECT id, user_id, device, state, since, expires FROM _tm_lease ORDER BY since, id")
            .ConvertAll(r => new StoredLease(new Guid(r[0].AsBlob, bigEndian: true), new UserId(r[1].AsText), r[2].AsText, Enum.Parse<LeaseState>(r[3].AsText, ignoreCase: true), r[4].AsInteger, r[5].AsInteger));

    public static void Write(ServerConnection db, List<StoredLease> before, List<StoredLease> after)
    {
        foreach (var gone in before.Except(after))
        {
            db.Connection.Run("DELETE FROM _tm_lease WHERE id = ?1", Id(gone));
        }

        foreach (var lease in after.Except(before))
        {
            db.Connection.Run(
                "INSERT INTO _tm_lease(id, user_id, device, state, since, expires) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                Id(lease), Value.Text(lease.User.Value), Value.Text(lease.Device), Value.Text(lease.State.ToString().ToUpperInvariant()), Value.Integer(lease.Since), Value.Integer(lease.Expires));
        }
    }

    private static Value Id(StoredLease lease) => Value.Blob(lease.Id.ToByteArray(bigEndian: true));
}
