#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Buffers;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>Where an item of the queue is.</summary>
public enum QueueStatus
{
    /// <summary>It waits until it is due.</summary>
    Pending = 0,

    /// <summary>Somebody sends it now; when the sender dies it is pending again.</summary>
    Uploading = 1,

    /// <summary>It was tried and waits for its next try.</summary>
    Failed = 2,

    /// <summary>The server has it. Kept for seven days, without its data.</summary>
    Uploaded = 3,

    /// <summary>The server will never take it; its reason says why. Kept until it is sent again or dropped.</summary>
    Rejected = 4,
}

/// <summary>One item that was claimed for sending.</summary>
internal sealed record QueueItem(long Item, long Page, string Type, Guid Id, long Version, byte[] Body, bool IsDelete, int Tries);

/// <summary>What the queue holds of one type.</summary>
public sealed record QueueCount(string Type, QueueStatus Status, long Items);

/// <summary>
/// What was captured and is not on the server. Every method is a part of a transaction of the store: a page is captured in one, and acknowledged in one. Anchors:
/// captured is where reading goes on; acknowledged is after the last page before which everything is on the server, and never moves back.
/// </summary>
internal sealed class UploadQueue(KeptStatements statements, SqliteConnection connection, SyncEnvironment environment)
{
    private const string WaitingSql = "SELECT count(*) FROM _tm_health_queue WHERE status IN (0, 1, 2)";
    private const string InsertSql = "INSERT INTO _tm_health_queue(page, type, id, version, body, status, priority, due, created, tries, blob) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?7, 0, ?8)";
    private const string DueSql = """
        SELECT item, page, type, id, version, body, tries FROM _tm_health_queue WHERE status IN (0, 2) AND due <= ?1 AND blob IS NULL
          AND type = (SELECT type FROM _tm_health_queue WHERE status IN (0, 2) AND due <= ?1 AND blob IS NULL ORDER BY priority DESC, item LIMIT 1) ORDER BY priority DESC, item LIMIT ?2
        """;

    private const string DueOfPageSql = "SELECT item, page, type, id, version, body, tries FROM _tm_health_queue WHERE page = ?1 AND status = 0 AND blob IS NULL ORDER BY item LIMIT ?2";
    private const string ClaimSql = "UPDATE _tm_health_queue SET status = 1, owner = ?1, claimed = ?2, last_attempt = ?2, tries = tries + 1 WHERE item = ?3";
    private const long ClaimBytesMax = 4 << 20;

    // No other part of a sample comes near the rest.
    private const int ItemBytesMax = HealthLimits.ExtraBytesMax + (16 * 1024);
    private const string NeedsBlobs = "BLOBS_NEEDED: it is larger than a sample may be, and nothing here sends large parts by themselves. It goes as soon as something does: a server with blobs, and an uploader that uses them.";
    private static readonly byte[] DeleteMark = [(byte)'D'];

    /// <summary>Large parts go by themselves, before their samples; null: inside of them.</summary>
    public BlobTable? Blobs { get; set; }

    /// <summary>Items that were too large to be sent, since the file was opened.</summary>
    public long SetAsides { get; private set; }

    /// <summary>Items that are not on the server and may still get there.</summary>
    public long Waiting => connection.Scalar(WaitingSql).AsInteger;

    public HealthAnchor? Captured(string source, string type) => AnchorOf(source, type, 0);

    public HealthAnchor? Acknowledged(string source, string type) => AnchorOf(source, type, 1);

    /// <summary>Rows and anchor of one page.</summary>
    /// <returns>The page's number; null when it was empty, or when another capture moved the anchor since it was read.</returns>
    public long? Capture(string source, string type, HealthAnchor? from, HealthChangePage page, int priority)
    {
        if (!Equals(Captured(source, type), from))
        {
            return null;
        }

        var now = environment.NowMs;
        if (page.Count == 0)
        {
            var isIdle = connection.Scalar("SELECT count(*) FROM _tm_health_page WHERE source = ?1 AND type = ?2", Value.Text(source), Value.Text(type)).AsInteger == 0;
            SetAnchor(source, type, page.Next, isIdle ? page.Next : Acknowledged(source, type));
            return null;
        }

        connection.Run("INSERT INTO _tm_health_page(source, type, anchor, waiting) VALUES(?1, ?2, ?3, ?4)", Value.Text(source), Value.Text(type), Value.Blob(page.Next.Bytes.ToArray()), Value.Integer(page.Count));
        var number = connection.Scalar("SELECT last_insert_rowid()").AsInteger;
        Insert(number, type, page.Upserts, page.Deletes, priority, now);
        SetAnchor(source, type, page.Next, Acknowledged(source, type));
        return number;
    }

    /// <summary>Moves an anchor by which nothing is sent.</summary>
    /// <returns>False: another one has moved it since it was read.</returns>
    public bool Advance(string source, string type, HealthAnchor? from, HealthAnchor to)
    {
        if (!Equals(Captured(source, type), from))
        {
            return false;
        }

        SetAnchor(source, type, to, to);
        return true;
    }

    /// <summary>Reading goes on from a place where everything before is on the server. What waits stays in the queue, and moves no anchor any more.</summary>
    public void Place(string source, string type, HealthAnchor? anchor)
    {
        connection.Run("UPDATE _tm_health_queue SET page = 0 WHERE page IN (SELECT page FROM _tm_health_page WHERE source = ?1 AND type = ?2)", Value.Text(source), Value.Text(type));
        connection.Run("DELETE FROM _tm_health_page WHERE source = ?1 AND type = ?2", Value.Text(source), Value.Text(type));
        SetAnchor(source, type, anchor, anchor);
    }

    public int BackUp(string name)
    {
        connection.Run("DELETE FROM _tm_health_backup WHERE name = ?1", Value.Text(name));
        return connection.Run(
            "INSERT INTO _tm_health_backup(name, source, type, captured, acknowledged, made) SELECT ?1, source, type, captured, acknowledged, ?2 FROM _tm_health_anchor", Value.Text(name), Value.Integer(environment.NowMs));
    }

    public int Restore(string name)
    {
        var anchors = connection.Query("SELECT source, type, acknowledged FROM _tm_health_backup WHERE name = ?1", Value.Text(name));
        var others = anchors.Count == 0 ? [] : connection.Query("SELECT source, type FROM _tm_health_anchor a WHERE NOT EXISTS (SELECT 1 FROM _tm_health_backup b WHERE b.name = ?1 AND b.source = a.source AND b.type = a.type)", Value.Text(name));
        foreach (var row in anchors)
        {
            Place(row[0].AsText, row[1].AsText, row[2].Kind == ValueKind.Blob ? new HealthAnchor(row[2].AsBlob) : null);
        }

        foreach (var row in others)
        {
            Place(row[0].AsText, row[1].AsText, null);
        }

        return anchors.Count;
    }

    /// <summary>Samples that are to be sent once more, whatever the anchors say; those that wait already are left out.</summary>
    public void Again(string type, IReadOnlyList<HealthSample> samples, IReadOnlyList<HealthDelete> deletes, int priority)
    {
        var waiting = connection.Query("SELECT id, version, body = ?2 FROM _tm_health_queue WHERE type = ?1 AND status IN (0, 1, 2)", Value.Text(type), Value.Blob(DeleteMark))
            .Select(r => (new Guid(r[0].AsBlob, bigEndian: true), r[1].AsInteger, r[2].AsInteger != 0)).ToHashSet();
        Insert(0, type, [.. samples.Where(s => !waiting.Contains((s.Id, s.Version, false)))], [.. deletes.Where(d => !waiting.Contains((d.Id, d.Version, true)))], priority, environment.NowMs);
    }

    /// <summary>Takes items for sending, no more bytes than one request carries; of one page, or of whatever is due: then those of the type that goes first. What a dead process had taken, or a living one for too long, is free again.</summary>
    public List<QueueItem> Claim(long? page, int itemsMax, TimeSpan claimTime)
    {
        var now = environment.NowMs;
        FreeDeadClaims(now - (long)claimTime.TotalMilliseconds);
        var items = new List<QueueItem>();
        var statement = statements.Get(page is null ? DueSql : DueOfPageSql);
        statement.Bind(1, page ?? now);
        statement.Bind(2, itemsMax);
        var bytes = 0L;
        while (statement.Step())
        {
            var body = statement.ColumnBlob(5) ?? [];
            bytes += body.Length;
            if (bytes > ClaimBytesMax && items.Count > 0)
            {
                break;
            }

            items.Add(new QueueItem(statement.ColumnInt64(0), statement.ColumnInt64(1), statement.ColumnText(2)!, new Guid(statement.ColumnBytes(3), bigEndian: true), statement.ColumnInt64(4), body, body.AsSpan().SequenceEqual(DeleteMark), (int)statement.ColumnInt64(6)));
        }

        statement.Reset();
        if (items.RemoveAll(i => i.Body.Length > ItemBytesMax && SetAside(i)) > 0 && items.Count == 0)
        {
            return Claim(page, itemsMax, claimTime);
        }

        var claim = statements.Get(ClaimSql);
        foreach (var item in items)
        {
            claim.Bind(1, environment.ProcessName);
            claim.Bind(2, now);
            claim.Bind(3, item.Item);
            claim.Execute();
        }

        return items;
    }

    /// <summary>What was too large to be sent inside of samples goes by itself from now on.</summary>
    public void SendLargeParts()
    {
        if (Blobs is not { } blobs)
        {
            return;
        }

        foreach (var row in connection.Query("SELECT item, body FROM _tm_health_queue WHERE status = 4 AND reason = ?1", Value.Text(NeedsBlobs)))
        {
            if (blobs.Take(row[1].AsBlob) is var (body, hash))
            {
                connection.Run("UPDATE _tm_health_queue SET status = 0, due = 0, page = 0, reason = NULL, body = ?1, blob = ?2 WHERE item = ?3", Value.Blob(body), Value.Blob(hash), row[0]);
            }
        }
    }

    // True: no server takes it as it is. It is kept with the reason, and does not keep the others waiting.
    private bool SetAside(QueueItem item)
    {
        Settle([item], static _ => NeedsBlobs, keep: true);
        SetAsides++;
        return true;
    }

    /// <summary>The server's verdicts: what it has is done, what it refuses is kept with the reason. Pages that are done move the acknowledged anchor.</summary>
    /// <param name="items">What was sent.</param>
    /// <param name="reasonOf">Null where the server has the item now.</param>
    /// <param name="keep">Done items stay for a while, as those do that have waited in the queue.</param>
    public void Settle(IReadOnlyList<QueueItem> items, Func<int, string?> reasonOf, bool keep)
    {
        for (var i = 0; i < items.Count; i++)
        {
            var reason = reasonOf(i);
            if (reason is not null)
            {
                statements.Get("UPDATE _tm_health_queue SET status = 4, owner = NULL, reason = ?1 WHERE item = ?2").BindAll(Value.Text(reason), Value.Integer(items[i].Item)).Execute();
            }
            else if (keep)
            {
                statements.Get("UPDATE _tm_health_queue SET status = 3, owner = NULL, body = NULL, reason = NULL WHERE item = ?1").BindAll(Value.Integer(items[i].Item)).Execute();
            }
            else
            {
                statements.Get("DELETE FROM _tm_health_queue WHERE item = ?1").BindAll(Value.Integer(items[i].Item)).Execute();
            }
        }

        foreach (var page in items.Where(i => i.Page > 0).GroupBy(i => i.Page))
        {
            statements.Get("UPDATE _tm_health_page SET waiting = waiting - ?1 WHERE page = ?2").BindAll(Value.Integer(page.Count()), Value.Integer(page.Key)).Execute();
            Acknowledge(page.Key);
        }
    }

    /// <summary>No verdict: each item waits longer than the last time.</summary>
    public void Postpone(IReadOnlyList<QueueItem> items, Func<int, TimeSpan> delayOf, string reason)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.HealthUnansweredForgotten))
        {
            Settle(items, static _ => null, keep: true);
            return;
        }
#endif
        foreach (var item in items)
        {
            statements.Get("UPDATE _tm_health_queue SET status = 2, owner = NULL, due = ?1, reason = ?2 WHERE item = ?3")
                .BindAll(Value.Integer(environment.NowMs + (long)delayOf(item.Tries + 1).TotalMilliseconds), Value.Text(reason), Value.Integer(item.Item)).Execute();
        }
    }

    /// <summary>Rejected items, and those that wait for their next try, are due now. A rejected one has left its page: the anchor has gone on without it.</summary>
    public int Retry(string? type)
    {
        var ofType = type is null ? Value.Null : Value.Text(type);
        return connection.Run("UPDATE _tm_health_queue SET status = 0, due = 0 WHERE status = 2 AND (?1 IS NULL OR type = ?1)", ofType)
            + connection.Run("UPDATE _tm_health_queue SET status = 0, due = 0, page = 0 WHERE status = 4 AND (?1 IS NULL OR type = ?1)", ofType);
    }

    /// <summary>What waits for its next try is due now.</summary>
    public void Hurry()
    {
        connection.Run("UPDATE _tm_health_blob SET due = 0");
        connection.Run("UPDATE _tm_health_queue SET due = ?1 WHERE status IN (0, 2) AND due > ?1", Value.Integer(environment.NowMs));
    }

    /// <summary>Forgets items that the server has had for so long.</summary>
    public int Clean(TimeSpan keptFor) =>
        connection.Run("DELETE FROM _tm_health_queue WHERE status = 3 AND last_attempt < ?1", Value.Integer(environment.NowMs - (long)keptFor.TotalMilliseconds));

    public List<QueueCount> Counts() =>
        connection.Query("SELECT type, status, count(*) FROM _tm_health_queue GROUP BY type, status ORDER BY type, status").ConvertAll(r => new QueueCount(r[0].AsText, (QueueStatus)r[1].AsInteger, r[2].AsInteger));

    public List<(string Type, Guid Id, string Reason)> Rejected(int limit) =>
        connection.Query("SELECT type, id, reason FROM _tm_health_queue WHERE status = 4 ORDER BY item LIMIT ?1", Value.Integer(limit)).ConvertAll(r => (r[0].AsText, new Guid(r[1].AsBlob, bigEndian: true), r[2].Kind == ValueKind.Text ? r[2].AsText : ""));

    /// <summary>When the next try is due, milliseconds since 1970; null when nothing waits.</summary>
    public long? NextDue() => connection.Scalar("SELECT min(due) FROM _tm_health_queue WHERE status IN (0, 2)") is { Kind: ValueKind.Integer } due ? due.AsInteger : null;

    /// <summary>A source that has forgotten an anchor is read again from its beginning; what is known is recognised by its id.</summary>
    public void ForgetAnchor(string source, string type) =>
        connection.Run("UPDATE _tm_health_anchor SET captured = NULL WHERE source = ?1 AND type = ?2", Value.Text(source), Value.Text(type));

    private void Insert(long page, string type, IReadOnlyList<HealthSample> samples, IReadOnlyList<HealthDelete> deletes, int priority, long now)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = HealthSampleJson.CreateWriter(buffer);
        foreach (var sample in samples)
        {
            buffer.ResetWrittenCount();
            json.Reset();
            var (slim, blob) = Blobs?.Take(sample) ?? (sample, null);
            HealthSampleJson.Write(json, slim);
            json.Flush();
            Insert(page, type, sample.Id, sample.Version, buffer.WrittenSpan, blob, priority, now);
        }

#if TIDEMARK_MUTANTS
        deletes = Mutants.Is(Mutant.HealthDeletionsDropped) ? [] : deletes;
#endif
        foreach (var delete in deletes)
        {
            Insert(page, type, delete.Id, delete.Version, DeleteMark, null, priority, now);
        }
    }

    private void Insert(long page, string type, Guid id, long version, ReadOnlySpan<byte> body, byte[]? blob, int priority, long now)
    {
        var statement = statements.Get(InsertSql);
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        statement.Bind(1, page);
        statement.Bind(2, type);
        statement.Bind(3, bytes);
        statement.Bind(4, version);
        statement.Bind(5, body);
        statement.Bind(6, priority);
        statement.Bind(7, now);
#if TIDEMARK_MUTANTS
        blob = Mutants.Is(Mutant.HealthRowBeforeBlob) ? null : blob;
#endif
        if (blob is not null)
        {
            statement.Bind(8, blob.AsSpan());
        }

        statement.Execute();
    }

    // The first pages of a type that have nothing waiting are done; the anchor of the last of them is acknowledged.
    private void Acknowledge(long page)
    {
        var row = connection.Query("SELECT source, type FROM _tm_health_page WHERE page = ?1", Value.Integer(page));
        if (row.Count == 0)
        {
            return;
        }

        var (source, type) = (row[0][0], row[0][1]);
        var first = connection.Scalar("SELECT min(page) FROM _tm_health_page WHERE source = ?1 AND type = ?2 AND waiting > 0", source, type);
#if TIDEMARK_MUTANTS
        first = Mutants.Is(Mutant.HealthAcknowledgedOutOfOrder) ? Value.Null : first;
#endif
        var done = first.Kind == ValueKind.Integer
            ? connection.Query("SELECT page, anchor FROM _tm_health_page WHERE source = ?1 AND type = ?2 AND page < ?3 ORDER BY page DESC LIMIT 1", source, type, first)
            : connection.Query("SELECT page, anchor FROM _tm_health_page WHERE source = ?1 AND type = ?2 ORDER BY page DESC LIMIT 1", source, type);
        if (done.Count == 0)
        {
            return;
        }

        SetAnchor(source.AsText, type.AsText, Captured(source.AsText, type.AsText), new HealthAnchor(done[0][1].AsBlob));
        connection.Run("DELETE FROM _tm_health_page WHERE source = ?1 AND type = ?2 AND page <= ?3", source, type, done[0][0]);
    }

    private void FreeDeadClaims(long claimedBefore)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.HealthClaimsOfDeadKept))
        {
            return;
        }
#endif
        foreach (var row in connection.Query("SELECT DISTINCT owner FROM _tm_health_queue WHERE status = 1"))
        {
            var owner = row[0].Kind == ValueKind.Text ? row[0].AsText : "";
            if (owner.Length == 0 || !environment.IsAlive(owner))
            {
                connection.Run("UPDATE _tm_health_queue SET status = 0, owner = NULL WHERE status = 1 AND owner IS ?1", row[0]);
            }
        }

        connection.Run("UPDATE _tm_health_queue SET status = 0, owner = NULL WHERE status = 1 AND claimed < ?1", Value.Integer(claimedBefore));
    }

    private HealthAnchor? AnchorOf(string source, string type, int column)
    {
        var statement = statements.Get("SELECT captured, acknowledged FROM _tm_health_anchor WHERE source = ?1 AND type = ?2");
        statement.BindAll(Value.Text(source), Value.Text(type));
        var anchor = statement.Step() && statement.ColumnBlob(column) is { } bytes ? new HealthAnchor(bytes) : null;
        statement.Reset();
        return anchor;
    }

    private void SetAnchor(string source, string type, HealthAnchor? captured, HealthAnchor? acknowledged) =>
        connection.Run(
            "INSERT INTO _tm_health_anchor(source, type, captured, acknowledged, changed) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(source, type) DO UPDATE SET captured = excluded.captured, acknowledged = excluded.acknowledged, changed = excluded.changed",
            Value.Text(source), Value.Text(type), ValueOf(captured), ValueOf(acknowledged), Value.Integer(environment.NowMs));

    private static Value ValueOf(HealthAnchor? anchor) => anchor is null ? Value.Null : Value.Blob(anchor.Bytes.ToArray());
}
