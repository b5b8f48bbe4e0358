using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>Recorded conflicts; the oldest go when there are more than the bound, those that wait for a person and what was discarded never.</summary>
public sealed class ConflictRepository(StoreConnection db, int remote, SyncModel model)
{
    private const int RecordsMax = 10_000;
    private const string Columns = "id, at, type, key, command, outcome, base, local, server, merged, fields, server_version, server_deleted, reason, policies, settlement, settled_at";

    public void Add(ConflictRecord conflict)
    {
        var id = db.ScalarInt64("SELECT coalesce(max(id), 0) + 1 FROM _tm_conflict");
        db.Execute(
            """
            INSERT INTO _tm_conflict(id, remote, at, type, key, command, outcome, base, local, server, merged, fields, server_version, server_deleted, reason, policies)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
            """,
            Value.Integer(id), Value.Integer(remote), Value.Integer(conflict.At.ToUnixTimeMilliseconds()), Value.Text(conflict.Type), Value.Text(conflict.Key), conflict.Command.OrNull(), Value.Text(conflict.Outcome),
            Bytes(conflict.Base), Bytes(conflict.Local), Bytes(conflict.Server), Bytes(conflict.Merged), Value.Text(FieldMergeJson.Write(conflict.Fields)), Value.Integer(conflict.ServerVersion),
            Value.Integer(conflict.IsServerDeleted ? 1 : 0), conflict.Reason.OrNull(), conflict.PolicyHash.OrNull());
        if (id > RecordsMax)
        {
            db.Execute("DELETE FROM _tm_conflict WHERE id <= ?1 AND (outcome NOT IN ('MANUAL_REQUIRED', 'DISCARDED', 'ASIDE_DISCARDED') OR settlement IS NOT NULL)", Value.Integer(id - RecordsMax));
        }
    }

    public long Count() => db.ScalarInt64("SELECT count(*) FROM _tm_conflict WHERE remote = ?1", Value.Integer(remote));

    /// <summary>The newest first.</summary>
    public List<ConflictRecord> Read(int limit, bool onlyOpen = false) =>
        db.Query(
            $"SELECT {Columns} FROM _tm_conflict WHERE remote = ?1 AND (?2 = 0 OR (outcome = 'MANUAL_REQUIRED' AND settlement IS NULL)) ORDER BY id DESC LIMIT ?3",
            ReadRecord, Value.Integer(remote), Value.Integer(onlyOpen ? 1 : 0), Value.Integer(limit));

    /// <summary>The conflicts of one row, the oldest first.</summary>
    public List<ConflictRecord> ReadOf(string type, string key) =>
        db.Query($"SELECT {Columns} FROM _tm_conflict WHERE remote = ?1 AND type = ?2 AND key = ?3 ORDER BY id", ReadRecord, Value.Integer(remote), Value.Text(type), Value.Text(key));

    public ConflictRecord? Find(long id) =>
        db.Query($"SELECT {Columns} FROM _tm_conflict WHERE remote = ?1 AND id = ?2", ReadRecord, Value.Integer(remote), Value.Integer(id)).FirstOrDefault();

    /// <summary>A person has decided.</summary>
    public void Settle(long id, string settlement, Row? merged, long nowMs) =>
        db.Execute("UPDATE _tm_conflict SET settlement = ?2, merged = ?3, settled_at = ?4 WHERE id = ?1", Value.Integer(id), Value.Text(settlement), Bytes(merged), Value.Integer(nowMs));

    /// <summary>Closes what waits for a person on a row whose dead letter went another way.</summary>
    public void SettleOf(string command, string settlement, long nowMs) =>
        db.Execute("UPDATE _tm_conflict SET settlement = ?2, settled_at = ?3 WHERE command = ?1 AND outcome = 'MANUAL_REQUIRED' AND settlement IS NULL",
            Value.Text(command), Value.Text(settlement), Value.Integer(nowMs));

    private ConflictRecord ReadRecord(RawStatement s)
    {
        var type = model.Find(s.Text(2));
        Row? RowAt(int column) => type is null ? null : RowBytes.Read(type, s.BlobOrNull(column));
        return new ConflictRecord
        {
            Id = s.ColumnInt64(0),
            At = DateTimeOffset.FromUnixTimeMilliseconds(s.ColumnInt64(1)),
            Type = s.Text(2),
            Key = s.Text(3),
            Command = s.TextOrNull(4),
            Outcome = s.Text(5),
            Base = RowAt(6),
            Local = RowAt(7),
            Server = RowAt(8),
            Merged = RowAt(9),
            Fields = FieldMergeJson.Read(s.TextOrNull(10)),
            ServerVersion = s.ColumnInt64(11),
            IsServerDeleted = s.ColumnInt64(12) != 0,
            Reason = s.TextOrNull(13),
            PolicyHash = s.TextOrNull(14),
            Settlement = s.TextOrNull(15),
            SettledAt = s.Int64OrNull(16) is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null,
        };
    }

    private static Value Bytes(Row? row) => row is null ? Value.Null : Value.Blob(RowBytes.Of(row));
}

/// <summary>How often a row's command came back with a conflict since one was accepted.</summary>
public sealed class RebaseRepository(StoreConnection db, int remote)
{
    /// <summary>One more; how many that makes.</summary>
    public long Count(int type, string key)
    {
        db.Execute("INSERT INTO _tm_rebase(remote, type, key, count) VALUES(?1, ?2, ?3, 1) ON CONFLICT(remote, type, key) DO UPDATE SET count = count + 1", Value.Integer(remote), Value.Integer(type), Value.Text(key));
        return db.ScalarInt64("SELECT count FROM _tm_rebase WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key));
    }

    public void Drop(int type, string key) =>
        db.Execute("DELETE FROM _tm_rebase WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key));
}
