using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>The whole of a space was fetched: at first, or again because the server asked for a resync.</summary>
/// <param name="Id">The number of this fetch in its file.</param>
/// <param name="Reason">`first`, `cursor`, or the reason of the resync.</param>
/// <param name="StartedAt">When the first run of it began.</param>
/// <param name="Rows">Rows pulled by the run that ended it.</param>
/// <param name="DoneAt">When it was complete; null while it is under way.</param>
public sealed record FullFetch(long Id, string Reason, DateTimeOffset StartedAt, long Rows, DateTimeOffset? DoneAt);

/// <summary>Full fetches: begun, done, announced, handled.</summary>
internal sealed class FullFetchRepository(StoreConnection db, int remote)
{
    private const int KeptMax = 20;

    /// <summary>Notes that one begins, unless one is under way.</summary>
    public void Begin(string? resync, long nowMs)
    {
        if (Open() is not null)
        {
            return;
        }

        var reason = resync ?? (db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_fetch WHERE remote = ?1)", Value.Integer(remote)) == 0 ? "first" : "cursor");
        db.Execute("INSERT INTO _tm_fetch(remote, reason, started_at, rows) VALUES(?1, ?2, ?3, 0)", Value.Integer(remote), Value.Text(reason), Value.Integer(nowMs));
        db.Execute("DELETE FROM _tm_fetch WHERE id <= (SELECT max(id) FROM _tm_fetch) - ?1 AND handled_at IS NOT NULL", Value.Integer(KeptMax));
    }

    /// <summary>The one under way; null when none is.</summary>
    public FullFetch? Open() => Find("done_at IS NULL").FirstOrDefault();

    /// <summary>Done, and no other process that lives has it in hand; the oldest first.</summary>
    public List<FullFetch> Unhandled(string process, Func<string, bool> isAlive) =>
        [.. Find("done_at IS NOT NULL AND handled_at IS NULL").Where(f => Claim(f.Id) is not { } owner || owner == process || !isAlive(owner))];

    public void Done(long id, long rows, long nowMs) =>
        db.Execute("UPDATE _tm_fetch SET done_at = ?2, rows = ?3 WHERE id = ?1 AND done_at IS NULL", Value.Integer(id), Value.Integer(nowMs), Value.Integer(rows));

    public void SetClaim(long id, string? process) =>
        db.Execute("UPDATE _tm_fetch SET claimed_by = ?2 WHERE id = ?1 AND handled_at IS NULL", Value.Integer(id), process.OrNull());

    public void Handled(long id, long nowMs) => db.Execute("UPDATE _tm_fetch SET handled_at = ?2, claimed_by = NULL WHERE id = ?1", Value.Integer(id), Value.Integer(nowMs));

    private string? Claim(long id) => db.Scalar("SELECT claimed_by FROM _tm_fetch WHERE id = ?1", Value.Integer(id)) is { Kind: ValueKind.Text } owner ? owner.AsText : null;

    private List<FullFetch> Find(string condition) =>
        db.Query($"SELECT id, reason, started_at, rows, done_at FROM _tm_fetch WHERE remote = ?1 AND {condition} ORDER BY id",
            s => new FullFetch(
                s.ColumnInt64(0), s.Text(1), DateTimeOffset.FromUnixTimeMilliseconds(s.ColumnInt64(2)), s.ColumnInt64(3),
                s.Int64OrNull(4) is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null),
            Value.Integer(remote));
}
