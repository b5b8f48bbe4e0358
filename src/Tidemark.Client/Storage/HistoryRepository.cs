using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>One run as it is remembered.</summary>
public sealed record HistoryEntry
{
    public required DateTimeOffset StartedAt { get; init; }

    public long DurationMs { get; init; }

    /// <summary>Who asked for the run: user, periodic, change, hint, ...</summary>
    public required string Trigger { get; init; }

    public required string Mode { get; init; }

    public required string Outcome { get; init; }

    public int Pushed { get; init; }

    public int Pulled { get; init; }

    public int Conflicts { get; init; }

    public int Failed { get; init; }

    /// <summary>Runs with nothing to do since the row before.</summary>
    public int IdleRuns { get; init; }

    public string? ErrorCode { get; init; }

    public string? Error { get; init; }

    /// <summary>What each phase took, in ms: `push 12, pull 340, apply 55`; null of runs before format 3.</summary>
    public string? Phases { get; init; }
}

/// <summary>Past runs, the newest first; bounded.</summary>
public sealed class HistoryRepository(StoreConnection db)
{
    private const int RunsMax = 1000;

    public void Add(HistoryEntry e)
    {
        db.Execute(
            "INSERT INTO _tm_history(started_at, duration_ms, cause, mode, outcome, pushed, pulled, conflicts, failed, idle_runs, error_code, error, phases) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            Value.Integer(e.StartedAt.ToUnixTimeMilliseconds()), Value.Integer(e.DurationMs), Value.Text(e.Trigger), Value.Text(e.Mode), Value.Text(e.Outcome), Value.Integer(e.Pushed),
            Value.Integer(e.Pulled), Value.Integer(e.Conflicts), Value.Integer(e.Failed), Value.Integer(e.IdleRuns), e.ErrorCode.OrNull(), e.Error.OrNull(), e.Phases.OrNull());
        db.Execute("DELETE FROM _tm_history WHERE id <= (SELECT max(id) FROM _tm_history) - ?1", Value.Integer(RunsMax));
    }

    public List<HistoryEntry> Read(int limit) =>
        db.Query(
            "SELECT started_at, duration_ms, cause, mode, outcome, pushed, pulled, conflicts, failed, idle_runs, error_code, error, phases FROM _tm_history ORDER BY id DESC LIMIT ?1",
            s => new HistoryEntry
            {
                StartedAt = DateTimeOffset.FromUnixTimeMilliseconds(s.ColumnInt64(0)),
                DurationMs = s.ColumnInt64(1),
                Trigger = s.Text(2),
                Mode = s.Text(3),
                Outcome = s.Text(4),
                Pushed = (int)s.ColumnInt64(5),
                Pulled = (int)s.ColumnInt64(6),
                Conflicts = (int)s.ColumnInt64(7),
                Failed = (int)s.ColumnInt64(8),
                IdleRuns = (int)s.ColumnInt64(9),
                ErrorCode = s.TextOrNull(10),
                Error = s.TextOrNull(11),
                Phases = s.TextOrNull(12),
            },
            Value.Integer(limit));
}
