using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>What a store knows of its remote.</summary>
public sealed record RemoteState
{
    /// <summary>The incarnation of the space; null before the first answer.</summary>
    public string? Epoch { get; init; }

    /// <summary>Fetched up to here; opaque; null from the start.</summary>
    public string? Cursor { get; init; }

    public long PushSeq { get; init; }

    /// <summary>The newest mark seen in any answer.</summary>
    public Mark? Floor { get; init; }

    /// <summary>The hash of the model the server is known to have taken.</summary>
    public string? ModelHash { get; init; }

    /// <summary>The server was restored, and not everything that mentions ids from before has its verdict.</summary>
    public bool Lost { get; init; }

    /// <summary>Why a resync is under way; null when none is.</summary>
    public string? Resync { get; init; }

    /// <summary>Would the next page be the same one?</summary>
    public bool IsWhere(RemoteState other) => Cursor == other.Cursor && Epoch == other.Epoch && Resync == other.Resync;
}

/// <summary>State and marks of one remote.</summary>
public sealed class RemoteRepository(StoreConnection db, int remote)
{
    private const int MarksMax = 64;

    public RemoteState Read() =>
        db.Query("SELECT epoch, cursor, push_seq, floor_position, floor_token, model_hash, resync, lost FROM _tm_remote WHERE id = ?1",
            s => new RemoteState
            {
                Epoch = s.TextOrNull(0),
                Cursor = s.TextOrNull(1),
                PushSeq = s.ColumnInt64(2),
                Floor = s.Int64OrNull(3) is { } position ? new Mark(position, s.Text(4)) : null,
                ModelHash = s.TextOrNull(5),
                Resync = s.TextOrNull(6),
                Lost = s.ColumnInt64(7) != 0,
            },
            Value.Integer(remote)).SingleOrDefault() ?? throw db.Damaged($"it knows nothing of remote {remote}");

    /// <summary>The number of the next request; kept before it is sent.</summary>
    public long NextPushSeq()
    {
        db.Execute("UPDATE _tm_remote SET push_seq = push_seq + 1 WHERE id = ?1", Value.Integer(remote));
        return db.ScalarInt64("SELECT push_seq FROM _tm_remote WHERE id = ?1", Value.Integer(remote));
    }

    public void SetCursor(string? cursor) => Set("cursor", cursor);

    public void SetModelHash(string? hash) => Set("model_hash", hash);

    public void SetLost(bool lost) =>
        db.Execute("UPDATE _tm_remote SET lost = ?2 WHERE id = ?1", Value.Integer(remote), Value.Integer(lost ? 1 : 0));

    public void SetResync(string? reason) => Set("resync", reason);

    /// <summary>Notes a mark of an answer, before anything else is done with that answer.</summary>
    public void Note(string epoch, Mark mark)
    {
        db.Execute(
            "UPDATE _tm_remote SET epoch = ?2, floor_position = ?3, floor_token = ?4 WHERE id = ?1 AND (epoch IS NOT ?2 OR coalesce(floor_position, -1) < ?3)",
            Value.Integer(remote), Value.Text(epoch), Value.Integer(mark.Position), Value.Text(mark.Token));
        db.Execute("INSERT OR REPLACE INTO _tm_mark(remote, position, token) VALUES(?1, ?2, ?3)", Value.Integer(remote), Value.Integer(mark.Position), Value.Text(mark.Token));
        Thin();
    }

    /// <summary>Would <see cref="Note"/> change anything?</summary>
    public bool IsNews(string epoch, Mark mark)
    {
        var state = Read();
        return !string.Equals(state.Epoch, epoch, StringComparison.Ordinal) || state.Floor is null || state.Floor.Position < mark.Position;
    }

    /// <summary>Newest first.</summary>
    public List<Mark> ReadMarks() =>
        db.Query("SELECT position, token FROM _tm_mark WHERE remote = ?1 ORDER BY position DESC", s => new Mark(s.ColumnInt64(0), s.Text(1)), Value.Integer(remote));

    /// <summary>Another incarnation: marks above the common position mean nothing there. After the retention all stay: they tell that it was restored before the listing begins.</summary>
    public void StartAgain(string? epoch, long commonPosition, string reason)
    {
        if (reason != ResyncReason.Retention)
        {
            db.Execute("DELETE FROM _tm_mark WHERE remote = ?1 AND position > ?2", Value.Integer(remote), Value.Integer(commonPosition));
        }

        db.Execute("UPDATE _tm_remote SET epoch = ?2, cursor = NULL, floor_position = NULL, floor_token = NULL, resync = ?3 WHERE id = ?1", Value.Integer(remote), epoch.OrNull(), Value.Text(reason));
    }

    public void ResetPushSeq() => db.Execute("UPDATE _tm_remote SET push_seq = 0 WHERE id = ?1", Value.Integer(remote));

    // Of the oldest marks every second one goes: recent ones stay dense, old ones thin out, the number is bounded.
    private void Thin()
    {
        if (db.ScalarInt64("SELECT count(*) FROM _tm_mark WHERE remote = ?1", Value.Integer(remote)) > MarksMax)
        {
            db.Execute(
                "DELETE FROM _tm_mark WHERE remote = ?1 AND position IN (SELECT position FROM (SELECT position, row_number() OVER (ORDER BY position) AS n FROM _tm_mark WHERE remote = ?1) WHERE n % 2 = 0 AND n <= 48)",
                Value.Integer(remote));
        }
    }

    private void Set(string column, string? value) =>
        db.Execute($"UPDATE _tm_remote SET {column} = ?2 WHERE id = ?1", Value.Integer(remote), value.OrNull());
}
