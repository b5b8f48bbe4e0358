using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>A conflict as it was met and settled, kept so that it can be told and replayed.</summary>
public sealed record ConflictRecord(string Type, string Key, string? Command, string Outcome, Row? Base, Row? Local, Row? Server, Row? Merged, string? Fields, long ServerVersion);

/// <summary>Recorded conflicts; the oldest go when there are more than the bound.</summary>
public sealed class ConflictRepository(StoreConnection db, int remote)
{
    private const int RecordsMax = 10_000;

    public void Add(ConflictRecord conflict, long nowMs)
    {
        db.Execute(
            "INSERT INTO _tm_conflict(remote, at, type, key, command, outcome, base, local, server, merged, fields, server_version) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            Value.Integer(remote), Value.Integer(nowMs), Value.Text(conflict.Type), Value.Text(conflict.Key), conflict.Command.OrNull(), Value.Text(conflict.Outcome),
            Bytes(conflict.Base), Bytes(conflict.Local), Bytes(conflict.Server), Bytes(conflict.Merged), conflict.Fields.OrNull(), Value.Integer(conflict.ServerVersion));
        db.Execute("DELETE FROM _tm_conflict WHERE id <= (SELECT max(id) FROM _tm_conflict) - ?1", Value.Integer(RecordsMax));
    }

    public long Count() => db.ScalarInt64("SELECT count(*) FROM _tm_conflict WHERE remote = ?1", Value.Integer(remote));

    private static Value Bytes(Row? row) => row is null ? Value.Null : Value.Blob(RowBytes.Of(row));
}
