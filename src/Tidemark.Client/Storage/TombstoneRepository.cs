using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>The delivery state of a deletion.</summary>
public enum TombstoneStatus
{
    Pending,
    Synced,
    Failed,
}

/// <summary>Remembered deletions: made here and on their way, or learned from the remote with the version they have there.</summary>
public sealed class TombstoneRepository(StoreConnection db, int remote)
{
    public void Save(int type, EntityKey key, long version, TombstoneStatus status, long nowMs, Guid? madeBy) =>
        db.Execute(
            """
            INSERT INTO _tm_tombstone(remote, type, key, deleted_at, version, status, made_by) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT(remote, type, key) DO UPDATE SET version = max(version, excluded.version), status = excluded.status, made_by = coalesce(excluded.made_by, made_by)
            """,
            Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()), Value.Integer(nowMs), Value.Integer(version), Value.Text(NameOf(status)), (madeBy?.ToString("D")).OrNull());

    /// <summary>The CREATE that made the deleted row, where one is known.</summary>
    public Guid? MadeBy(int type, EntityKey key) =>
        db.Scalar("SELECT made_by FROM _tm_tombstone WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()))
            is { Kind: ValueKind.Text } made ? Guid.Parse(made.AsText) : null;

    public void Mark(int type, EntityKey key, TombstoneStatus status) =>
        db.Execute("UPDATE _tm_tombstone SET status = ?4 WHERE remote = ?1 AND type = ?2 AND key = ?3",
            Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()), Value.Text(NameOf(status)));

    /// <summary>The version the deletion has at the remote; 0 when it is not known to be deleted there.</summary>
    public long VersionOf(int type, EntityKey key) =>
        db.ScalarInt64("SELECT version FROM _tm_tombstone WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()));

    /// <summary>The greatest integer id among the deleted rows of a type; 0 without any.</summary>
    public long MaxId(int type) =>
        db.ScalarInt64("SELECT coalesce(max(CAST(key AS INTEGER)), 0) FROM _tm_tombstone WHERE remote = ?1 AND type = ?2 AND key NOT LIKE '\"%'", Value.Integer(remote), Value.Integer(type));

    public TombstoneStatus? Find(int type, EntityKey key) =>
        db.Scalar("SELECT status FROM _tm_tombstone WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()))
            is { Kind: ValueKind.Text } status ? Enum.Parse<TombstoneStatus>(status.AsText, ignoreCase: true) : null;

    public void Drop(int type, EntityKey key) =>
        db.Execute("DELETE FROM _tm_tombstone WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key.ToString()));

    private static string NameOf(TombstoneStatus status) => status.ToString().ToUpperInvariant();
}
