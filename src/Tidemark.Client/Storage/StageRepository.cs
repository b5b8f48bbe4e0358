#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Pulled pages, raw and in order, until they are applied.</summary>
public sealed class StageRepository(StoreConnection db, int remote)
{
    public void Add(long page, byte[] body, int rows) =>
        db.Execute("INSERT OR REPLACE INTO _tm_stage(remote, page, body, rows) VALUES(?1, ?2, ?3, ?4)",
            Value.Integer(remote), Value.Integer(page), Value.Blob(body), Value.Integer(rows));

    public List<long> Pages() => db.Query("SELECT page FROM _tm_stage WHERE remote = ?1 ORDER BY page", s => s.ColumnInt64(0), Value.Integer(remote));

    public byte[] Read(long page) =>
        db.Scalar("SELECT body FROM _tm_stage WHERE remote = ?1 AND page = ?2", Value.Integer(remote), Value.Integer(page)).AsBlob;

    public long Rows() => db.ScalarInt64("SELECT coalesce(sum(rows), 0) FROM _tm_stage WHERE remote = ?1", Value.Integer(remote));

    public void Clear() => db.Execute("DELETE FROM _tm_stage WHERE remote = ?1", Value.Integer(remote));
}

/// <summary>Why a pulled row was put aside.</summary>
public static class AsideCause
{
    public const string ParentMissing = "PARENT_MISSING";
    public const string AwaitingVerdict = "AWAITING_VERDICT";
    public const string Diverged = "DIVERGED";
    public const string UniqueClash = "UNIQUE";
    public const string Unreadable = "UNREADABLE";
    public const string ApplyFailed = "APPLY_FAILED";

    /// <summary>A person must decide between it and an edit made here; the edit's own command brings the question.</summary>
    public const string ManualRequired = "MANUAL_REQUIRED";
}

/// <summary>A pulled row that cannot be applied yet, raw, with its cause.</summary>
public sealed record AsideRow(string Type, string Key, long Version, string Cause, string? Detail, byte[] Raw, int Tries, long FirstAtMs);

/// <summary>Rows put aside: retried every run, replaced by a newer version of the same key.</summary>
public sealed class AsideRepository(StoreConnection db, int remote)
{
    public void Put(string type, string key, long version, string cause, string? detail, byte[] raw, long nowMs) =>
        db.Execute(
            """
            INSERT INTO _tm_aside(remote, type, key, version, cause, detail, raw, tries, first_at, last_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8)
            ON CONFLICT(remote, type, key) DO UPDATE SET version = excluded.version, cause = excluded.cause, detail = excluded.detail, raw = excluded.raw, tries = tries + 1, last_at = excluded.last_at
              WHERE excluded.version >= version
            """
#if TIDEMARK_MUTANTS
            .Replace("excluded.version >= version", Mutants.Is(Mutant.AsideOverwritesNewer) ? "1" : "excluded.version >= version", StringComparison.Ordinal)
#endif
            ,
            Value.Integer(remote), Value.Text(type), Value.Text(key), Value.Integer(version), Value.Text(cause), detail.OrNull(), Value.Blob(raw), Value.Integer(nowMs));

    public List<AsideRow> ReadAll() =>
        db.Query("SELECT type, key, version, cause, detail, raw, tries, first_at FROM _tm_aside WHERE remote = ?1 ORDER BY version, type, key",
            s => new AsideRow(s.Text(0), s.Text(1), s.ColumnInt64(2), s.Text(3), s.TextOrNull(4), s.Column(5).AsBlob, (int)s.ColumnInt64(6), s.ColumnInt64(7)), Value.Integer(remote));

    public bool Contains(string type, string key) =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_aside WHERE remote = ?1 AND type = ?2 AND key = ?3)", Value.Integer(remote), Value.Text(type), Value.Text(key)) != 0;

    /// <summary>The row was brought up to this version; a newer one that was put aside stays.</summary>
    public void Drop(string type, string key, long version) =>
        db.Execute(
#if TIDEMARK_MUTANTS
            Mutants.Is(Mutant.AsideOverwritesNewer) ? "DELETE FROM _tm_aside WHERE remote = ?1 AND type = ?2 AND key = ?3 AND (version <= ?4 OR 1)" :
#endif
            "DELETE FROM _tm_aside WHERE remote = ?1 AND type = ?2 AND key = ?3 AND version <= ?4",
            Value.Integer(remote), Value.Text(type), Value.Text(key), Value.Integer(version));

    /// <summary>A restored server does not know these versions: they are nobody's to wait for, and what it has comes again.</summary>
    public void DropLost(long commonPosition) =>
        db.Execute("DELETE FROM _tm_aside WHERE remote = ?1 AND version > ?2", Value.Integer(remote), Value.Integer(commonPosition));

    public long Count() => db.ScalarInt64("SELECT count(*) FROM _tm_aside WHERE remote = ?1", Value.Integer(remote));
}
