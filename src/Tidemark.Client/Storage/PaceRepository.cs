using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>The back-off in force, as the file has it. Times are the wall time of whoever noted it, in ms.</summary>
/// <param name="Failures">Failures in a row, at least 1.</param>
/// <param name="NotedAt">When it was noted.</param>
/// <param name="Until">No run by itself before.</param>
/// <param name="AskedUntil">No run at all before: the server asked for it.</param>
/// <param name="Code">What failed last.</param>
/// <param name="WireCode">The server's code, when it gave one.</param>
/// <param name="Message">What it said.</param>
internal sealed record PaceNote(int Failures, long NotedAt, long Until, long? AskedUntil, string Code, string? WireCode, string Message);

/// <summary>When runs began, by trigger, and what holds the next one back.</summary>
internal sealed class PaceRepository(StoreConnection db, int remote)
{
    private const int CausesMax = 64;

    public PaceNote? Read() =>
        db.Query("SELECT failures, noted_at, until, asked_until, code, wire_code, message FROM _tm_pace WHERE remote = ?1",
            s => new PaceNote((int)s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2), s.Int64OrNull(3), s.Text(4), s.TextOrNull(5), s.Text(6)),
            Value.Integer(remote)).SingleOrDefault();

    public void Write(PaceNote note) =>
        db.Execute("INSERT OR REPLACE INTO _tm_pace(remote, failures, noted_at, until, asked_until, code, wire_code, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            Value.Integer(remote), Value.Integer(note.Failures), Value.Integer(note.NotedAt), Value.Integer(note.Until), note.AskedUntil.OrNull(),
            Value.Text(note.Code), note.WireCode.OrNull(), Value.Text(note.Message));

    public void Clear() => db.Execute("DELETE FROM _tm_pace WHERE remote = ?1", Value.Integer(remote));

    /// <summary>Commands without their back-off, waiting from now on.</summary>
    public void MakeDue(IEnumerable<Guid> ids, long nowMs)
    {
        foreach (var id in ids)
        {
            db.Execute("UPDATE _tm_command SET next_attempt_at = NULL, state_updated_at_ms = ?2 WHERE id = ?1", Value.Text(id.ToString("D")), Value.Integer(nowMs));
        }
    }

    /// <summary>By trigger.</summary>
    public List<KeyValuePair<string, long>> ReadTimes() =>
        db.Query("SELECT cause, at FROM _tm_synced WHERE remote = ?1 ORDER BY cause", s => KeyValuePair.Create(s.Text(0), s.ColumnInt64(1)), Value.Integer(remote));

    public void WriteTime(string trigger, long at)
    {
        db.Execute("INSERT OR REPLACE INTO _tm_synced(remote, cause, at) VALUES(?1, ?2, ?3)", Value.Integer(remote), Value.Text(trigger), Value.Integer(at));
        db.Execute("DELETE FROM _tm_synced WHERE remote = ?1 AND cause NOT IN (SELECT cause FROM _tm_synced WHERE remote = ?1 ORDER BY at DESC LIMIT ?2)", Value.Integer(remote), Value.Integer(CausesMax));
    }
}
