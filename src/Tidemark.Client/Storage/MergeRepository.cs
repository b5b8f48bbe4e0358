using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Client.Duplicates;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>Records of merged duplicates; the oldest that have their end go when there are more than the bound.</summary>
internal sealed class MergeRepository(StoreConnection db, int remote, SyncModel model)
{
    private const int RecordsMax = 10_000;
    private const string Columns = "m.id, m.at, t.name, m.key, m.into_key, m.state, m.gone, m.before, m.after, m.fields, m.moved";

    /// <summary>Stores it and gives it its number.</summary>
    public MergeRecord Add(int type, MergeRecord merge)
    {
        var id = db.ScalarInt64("SELECT coalesce(max(id), 0) + 1 FROM _tm_merge");
        db.Execute("UPDATE _tm_merge SET state = ?4 WHERE remote = ?1 AND type = ?2 AND key = ?3 AND state = 'MERGED'",
            Value.Integer(remote), Value.Integer(type), Value.Text(merge.Key), Value.Text(NameOf(MergeState.Returned)));
        db.Execute(
            "INSERT INTO _tm_merge(id, remote, at, type, key, into_key, state, gone, before, after, fields, moved) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            Value.Integer(id), Value.Integer(remote), Value.Integer(merge.At.ToUnixTimeMilliseconds()), Value.Integer(type), Value.Text(merge.Key), Value.Text(merge.Into), Value.Text(NameOf(merge.State)),
            Bytes(merge.Gone), Bytes(merge.Before), Bytes(merge.After), Value.Text(FieldMergeJson.Write(merge.Fields)), Value.Text(JsonSerializer.Serialize([.. merge.Moved], MergeJson.Default.MovedReferenceArray)));
        if (id > RecordsMax)
        {
            db.Execute("DELETE FROM _tm_merge WHERE id <= ?1 AND state <> 'MERGED'", Value.Integer(id - RecordsMax));
        }

        return merge with { Id = id };
    }

    /// <summary>The newest first.</summary>
    public List<MergeRecord> Read(int limit) =>
        db.Query($"SELECT {Columns} FROM _tm_merge m JOIN _tm_type t ON t.n = m.type WHERE m.remote = ?1 ORDER BY m.id DESC LIMIT ?2", ReadRecord, Value.Integer(remote), Value.Integer(limit));

    /// <summary>Merges in which a row went or stayed, the oldest first.</summary>
    public List<MergeRecord> ReadOf(int type, string key) =>
        db.Query($"SELECT {Columns} FROM _tm_merge m JOIN _tm_type t ON t.n = m.type WHERE m.remote = ?1 AND m.type = ?2 AND (m.key = ?3 OR m.into_key = ?3) ORDER BY m.id",
            ReadRecord, Value.Integer(remote), Value.Integer(type), Value.Text(key));

    /// <summary>The merge that a deletion here is the last step of; null when it is none.</summary>
    public MergeRecord? FindOpen(int type, string key) =>
        db.Query($"SELECT {Columns} FROM _tm_merge m JOIN _tm_type t ON t.n = m.type WHERE m.remote = ?1 AND m.type = ?2 AND m.key = ?3 AND m.state = 'MERGED' ORDER BY m.id DESC LIMIT 1",
            ReadRecord, Value.Integer(remote), Value.Integer(type), Value.Text(key)).FirstOrDefault();

    /// <summary>Merges into a row that have no end yet.</summary>
    public List<MergeRecord> OpenInto(int type, string key) =>
        db.Query($"SELECT {Columns} FROM _tm_merge m JOIN _tm_type t ON t.n = m.type WHERE m.remote = ?1 AND m.type = ?2 AND m.into_key = ?3 AND m.state = 'MERGED' ORDER BY m.id DESC",
            ReadRecord, Value.Integer(remote), Value.Integer(type), Value.Text(key));

    public bool HasOpen() => db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_merge WHERE state = 'MERGED')") != 0;

    public void End(int type, string key, MergeState state) =>
        db.Execute("UPDATE _tm_merge SET state = ?4 WHERE remote = ?1 AND type = ?2 AND key = ?3 AND state = 'MERGED'",
            Value.Integer(remote), Value.Integer(type), Value.Text(key), Value.Text(NameOf(state)));

    /// <summary>The server gave rows other ids.</summary>
    public void Follow(int type, IEnumerable<(EntityKey Old, EntityKey New)> map)
    {
        foreach (var (old, @new) in map)
        {
            db.Execute(
                "UPDATE _tm_merge SET key = CASE key WHEN ?3 THEN ?4 ELSE key END, into_key = CASE into_key WHEN ?3 THEN ?4 ELSE into_key END WHERE remote = ?1 AND type = ?2 AND state = 'MERGED' AND ?3 IN (key, into_key)",
                Value.Integer(remote), Value.Integer(type), Value.Text(old.ToString()), Value.Text(@new.ToString()));
        }
    }

    private MergeRecord ReadRecord(RawStatement s)
    {
        var type = model.Find(s.Text(2));
        Row? RowAt(int column) => type is null ? null : RowBytes.Read(type, s.BlobOrNull(column));
        return new MergeRecord
        {
            Id = s.ColumnInt64(0),
            At = DateTimeOffset.FromUnixTimeMilliseconds(s.ColumnInt64(1)),
            Type = s.Text(2),
            Key = s.Text(3),
            Into = s.Text(4),
            State = Enum.Parse<MergeState>(s.Text(5), ignoreCase: true),
            Gone = RowAt(6),
            Before = RowAt(7),
            After = RowAt(8),
            Fields = FieldMergeJson.Read(s.TextOrNull(9)),
            Moved = JsonSerializer.Deserialize(s.Text(10), MergeJson.Default.MovedReferenceArray) ?? [],
        };
    }

    private static string NameOf(MergeState state) => state.ToString().ToUpperInvariant();

    private static Value Bytes(Row? row) => row is null ? Value.Null : Value.Blob(RowBytes.Of(row));
}

[JsonSerializable(typeof(MovedReference[]))]
internal sealed partial class MergeJson : JsonSerializerContext;
