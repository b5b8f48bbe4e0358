using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Several;

/// <summary>A row that was staged, and where.</summary>
internal sealed record PulledRow(int Backend, int Page, string? TokenBefore, RemoteRow Row)
{
    /// <summary>The remote has no such row any more: it was in quarantine when a listing ended that did not show it.</summary>
    public bool IsGone => Page == QuarantineRepository.GonePage;
}

/// <summary>A staged page.</summary>
internal sealed record PulledPage(int Page, string? TokenBefore, string? TokenAfter, string? Epoch, bool IsComplete);

/// <summary>Where remotes stage what they show. Nothing here is part of the file's state before a merge has taken it.</summary>
internal sealed class PulledRepository(StoreConnection db)
{
    public void Add(int backend, PulledPage page, IReadOnlyList<RemoteRow> rows)
    {
        db.Execute("INSERT INTO _tm_pulled_page(backend, page, token_before, token_after, epoch, complete) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            Value.Integer(backend), Value.Integer(page.Page), page.TokenBefore.OrNull(), page.TokenAfter.OrNull(), page.Epoch.OrNull(), Value.Integer(page.IsComplete ? 1 : 0));
        for (var i = 0; i < rows.Count; i++)
        {
            var row = rows[i];
            db.Execute("INSERT INTO _tm_pulled(backend, page, place, type, key, version, deleted, modified, fields) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                Value.Integer(backend), Value.Integer(page.Page), Value.Integer(i), Value.Text(row.Type), Value.Text(row.Key), Value.Text(row.Version),
                Value.Integer(row.IsDeleted ? 1 : 0), Value.Integer(row.ModifiedMs), row.IsDeleted ? Value.Null : Value.Blob(row.Fields.ToArray()));
        }
    }

    /// <summary>Rows that were looked up, as a page of their own that moves no token.</summary>
    public void AddLookedUp(Backend backend, IReadOnlyList<RemoteRow> rows)
    {
        if (rows.Count > 0)
        {
            var pages = Pages(backend.Id);
            Add(backend.Id, new PulledPage((pages.Count == 0 ? backend.Page : pages[^1].Page) + 1, backend.Token, null, null, false), rows);
        }
    }

    public List<PulledPage> Pages(int backend) =>
        db.Query("SELECT page, token_before, token_after, epoch, complete FROM _tm_pulled_page WHERE backend = ?1 ORDER BY page",
            s => new PulledPage((int)s.ColumnInt64(0), s.TextOrNull(1), s.TextOrNull(2), s.TextOrNull(3), s.ColumnInt64(4) != 0), Value.Integer(backend));

    public bool HasAny() => db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_pulled)") != 0;

    /// <summary>Which rows the remote has staged.</summary>
    public List<(string Type, string Key)> Keys(int backend) =>
        db.Query("SELECT DISTINCT type, key FROM _tm_pulled WHERE backend = ?1", s => (s.Text(0), s.Text(1)), Value.Integer(backend));

    /// <summary>What the remote has staged of a row, in order.</summary>
    public List<PulledRow> Of(int backend, string type, string key) =>
        db.Query(
            """
            SELECT p.page, g.token_before, p.version, p.deleted, p.modified, p.fields FROM _tm_pulled AS p JOIN _tm_pulled_page AS g ON g.backend = p.backend AND g.page = p.page
            WHERE p.type = ?2 AND p.key = ?3 AND p.backend = ?1 ORDER BY p.page, p.place
            """,
            s => new PulledRow(backend, (int)s.ColumnInt64(0), s.TextOrNull(1), new RemoteRow
            {
                Type = type, Key = key, Version = s.Text(2), IsDeleted = s.ColumnInt64(3) != 0, ModifiedMs = s.ColumnInt64(4), Fields = s.BlobOrNull(5),
            }),
            Value.Integer(backend), Value.Text(type), Value.Text(key));

    public void Clear(int backend)
    {
        db.Execute("DELETE FROM _tm_pulled WHERE backend = ?1", Value.Integer(backend));
        db.Execute("DELETE FROM _tm_pulled_page WHERE backend = ?1", Value.Integer(backend));
    }
}

/// <summary>A row that a remote shows and that cannot be merged now, kept as it came.</summary>
internal sealed record QuarantinedRow(PulledRow Pulled, string Cause, string? Detail, string Tried, int Tries, long FirstAt);

/// <summary>Rows in quarantine: one for each remote and row. Closed by success, by a later good version of the row there, or by a person; never by a count of tries.</summary>
internal sealed class QuarantineRepository(StoreConnection db)
{
    private const string Columns = "backend, type, key, version, page, token_before, cause, detail, deleted, modified, fields, tried, tries, first_at";

    public long Count() => db.ScalarInt64("SELECT count(*) FROM _tm_quarantine");

    public List<QuarantinedRow> ReadAll() => db.Query($"SELECT {Columns} FROM _tm_quarantine ORDER BY backend, first_at, type, key", Read);

    /// <summary>What <c>tried</c> says of a row for which a person has decided.</summary>
    public const string TakeLocal = "TAKE_LOCAL";

    public const string TakeServer = "TAKE_SERVER";

    /// <summary>In place of the page of a row that the remote does not show any more.</summary>
    public const int GonePage = -1;

    /// <summary>Those whose cause may be gone: keys or model have changed since the last try, time has passed, all remotes are there, a person has decided.</summary>
    public List<QuarantinedRow> Due(string with, bool isWhole) =>
        db.Query(
            $"""
            SELECT {Columns} FROM _tm_quarantine WHERE CASE cause WHEN '{nameof(QuarantineCause.Drift)}' THEN 1 WHEN '{nameof(QuarantineCause.RemotesAbsent)}' THEN ?2
              WHEN '{nameof(QuarantineCause.PersonNeeded)}' THEN tried IN ('{TakeLocal}', '{TakeServer}') ELSE tried <> ?1 END ORDER BY backend, type, key
            """,
            Read, Value.Text(with), Value.Integer(isWhole ? 1 : 0));

    /// <summary>A person has decided between what is here and what remotes show.</summary>
    /// <returns>False: nothing waits for that.</returns>
    public bool Settle(string type, string key, string taken)
    {
        db.Execute("UPDATE _tm_quarantine SET tried = ?3 WHERE type = ?1 AND key = ?2 AND cause = ?4", Value.Text(type), Value.Text(key), Value.Text(taken), Value.Text(nameof(QuarantineCause.PersonNeeded)));
        return db.Changes > 0;
    }

    /// <summary>Does an edit of the row wait for a person?</summary>
    public bool IsAsked(string type, string key) =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_quarantine WHERE type = ?1 AND key = ?2 AND cause = ?3)", Value.Text(type), Value.Text(key), Value.Text(nameof(QuarantineCause.PersonNeeded))) != 0;

    public QuarantinedRow? Find(int backend, string type, string key) =>
        db.Query($"SELECT {Columns} FROM _tm_quarantine WHERE backend = ?1 AND type = ?2 AND key = ?3", Read, Value.Integer(backend), Value.Text(type), Value.Text(key)).FirstOrDefault();

    /// <summary>The oldest page that holds it stays: the safe token is before it.</summary>
    public void Put(PulledRow pulled, QuarantinedException why, string tried, long nowMs) =>
        db.Execute(
            """
            INSERT INTO _tm_quarantine(backend, type, key, version, page, token_before, cause, detail, deleted, modified, fields, tried, tries, first_at, last_at)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1, ?13, ?13)
            ON CONFLICT DO UPDATE SET version = excluded.version, cause = excluded.cause, detail = excluded.detail, deleted = excluded.deleted, modified = excluded.modified,
              page = CASE WHEN page < 0 THEN excluded.page ELSE page END, token_before = CASE WHEN page < 0 THEN excluded.token_before ELSE token_before END, fields = excluded.fields, tried = excluded.tried, tries = tries + 1, last_at = excluded.last_at
            """,
            Value.Integer(pulled.Backend), Value.Text(pulled.Row.Type), Value.Text(pulled.Row.Key), Value.Text(pulled.Row.Version), Value.Integer(pulled.Page), pulled.TokenBefore.OrNull(),
            Value.Text(why.Cause.ToString()), Value.Text(why.Message), Value.Integer(pulled.Row.IsDeleted ? 1 : 0), Value.Integer(pulled.Row.ModifiedMs),
            pulled.Row.IsDeleted ? Value.Null : Value.Blob(pulled.Row.Fields.ToArray()), Value.Text(tried), Value.Integer(nowMs));

    /// <summary>A listing has ended: what it does not show is not there any more. What it says is merged when it can be read, and the remote lacks it then.</summary>
    public void NoteUnlisted(int backend) =>
        db.Execute("UPDATE _tm_quarantine SET page = ?2 WHERE backend = ?1 AND NOT EXISTS(SELECT 1 FROM _tm_pulled AS p WHERE p.backend = ?1 AND p.type = _tm_quarantine.type AND p.key = _tm_quarantine.key)", Value.Integer(backend), Value.Integer(GonePage));

    /// <summary>The remote has no such row any more.</summary>
    public void NoteGone(int backend, string type, string key) =>
        db.Execute("UPDATE _tm_quarantine SET page = ?4 WHERE backend = ?1 AND type = ?2 AND key = ?3", Value.Integer(backend), Value.Text(type), Value.Text(key), Value.Integer(GonePage));

    public void Close(int backend, string type, string key) =>
        db.Execute("DELETE FROM _tm_quarantine WHERE backend = ?1 AND type = ?2 AND key = ?3", Value.Integer(backend), Value.Text(type), Value.Text(key));

    /// <summary>Before the oldest row in quarantine: what is backed up or exported, and where to read again in doubt.</summary>
    public string? SafeToken(Backend backend) =>
        db.Query("SELECT token_before FROM _tm_quarantine WHERE backend = ?1 AND page >= 0 ORDER BY page LIMIT 1", s => (Token: s.TextOrNull(0), IsThere: true), Value.Integer(backend.Id)).FirstOrDefault() is { IsThere: true } oldest
            ? oldest.Token
            : backend.Token;

    private static QuarantinedRow Read(RawStatement s) => new(
        new PulledRow((int)s.ColumnInt64(0), (int)s.ColumnInt64(4), s.TextOrNull(5), new RemoteRow
        {
            Type = s.Text(1), Key = s.Text(2), Version = s.Text(3), IsDeleted = s.ColumnInt64(8) != 0, ModifiedMs = s.ColumnInt64(9), Fields = s.BlobOrNull(10),
        }),
        s.Text(6), s.TextOrNull(7), s.Text(11), (int)s.ColumnInt64(12), s.ColumnInt64(13));
}
