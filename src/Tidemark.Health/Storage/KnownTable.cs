using Microsoft.Data.Sqlite;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>A sample that was captured: what a recheck compares a source with.</summary>
internal readonly record struct KnownItem(long Version, long StartMs, long StopMs, long CapturedMs);

/// <summary>The recent samples that were captured from a source that can be asked for a time. Part of the transaction of their page.</summary>
internal sealed class KnownTable(KeptStatements statements, SqliteConnection connection)
{
    private const string PutSql = """
        INSERT INTO _tm_health_known(type, id, version, start, stop, captured) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT(type, id) DO UPDATE SET version = excluded.version, start = excluded.start, stop = excluded.stop, captured = excluded.captured WHERE excluded.version >= _tm_health_known.version
        """;

    /// <param name="samples">Those that end before the time are left out.</param>
    /// <param name="stopFromMs">Milliseconds since 1970.</param>
    /// <param name="nowMs">When they were captured.</param>
    public void Put(IReadOnlyList<HealthSample> samples, long stopFromMs, long nowMs)
    {
        foreach (var sample in samples.Where(s => s.EndMs >= stopFromMs))
        {
            statements.Get(PutSql).BindAll(
                Value.Text(sample.Type), Value.Blob(sample.Id.ToByteArray(bigEndian: true)), Value.Integer(sample.Version), Value.Integer(sample.StartMs), Value.Integer(sample.EndMs), Value.Integer(nowMs)).Execute();
        }
    }

    public void Forget(IReadOnlyList<HealthDelete> deletes)
    {
        foreach (var delete in deletes)
        {
            statements.Get("DELETE FROM _tm_health_known WHERE type = ?1 AND id = ?2 AND version <= ?3").BindAll(Value.Text(delete.Type), Value.Blob(delete.Id.ToByteArray(bigEndian: true)), Value.Integer(delete.Version)).Execute();
        }
    }

    /// <summary>Those of a type that overlap [from, to).</summary>
    public Dictionary<Guid, KnownItem> Overlapping(string type, long fromMs, long toMs) =>
        connection.Query("SELECT id, version, start, stop, captured FROM _tm_health_known WHERE type = ?1 AND stop >= ?2 AND start < ?3", Value.Text(type), Value.Integer(fromMs), Value.Integer(toMs))
            .ToDictionary(r => new Guid(r[0].AsBlob, bigEndian: true), r => new KnownItem(r[1].AsInteger, r[2].AsInteger, r[3].AsInteger, r[4].AsInteger));

    public int Clean(long stopBeforeMs) => connection.Run("DELETE FROM _tm_health_known WHERE stop < ?1", Value.Integer(stopBeforeMs));
}
