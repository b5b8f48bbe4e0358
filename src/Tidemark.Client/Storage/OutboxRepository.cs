#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>One captured note that a row may have changed.</summary>
/// <param name="Seq">The outbox event's id.</param>
/// <param name="Type">The type's number; 0 marks the sentinel that keeps the sequence rising.</param>
/// <param name="Op">What was captured: I, U, D, R, K, N, A or M.</param>
/// <param name="Key">The stored key parts, not yet canonical.</param>
/// <param name="AtMs">Milliseconds since 1970.</param>
public sealed record Touch(long Seq, int Type, string Op, Value[] Key, long AtMs);

/// <summary>The state of a frozen command.</summary>
public enum CommandStatus
{
    /// <summary>Frozen and not yet handed to the network.</summary>
    Pending,

    /// <summary>Handed to the network; its fate is unknown until a verdict.</summary>
    InFlight,

    /// <summary>Refused for now; the same bytes again after the backoff.</summary>
    Failed,

    /// <summary>Out of retries or never valid; has a reason.</summary>
    DeadLetter,
}

/// <summary>A frozen command as it is stored.</summary>
public sealed record StoredCommand
{
    public required Guid Id { get; init; }

    public required int Type { get; init; }

    /// <summary>The row's key in this file today, in wire form; follows id replacement.</summary>
    public required string Key { get; init; }

    public required Operation Operation { get; init; }

    /// <summary>The frozen bytes.</summary>
    public required byte[] Payload { get; init; }

    public required byte[] Hash { get; init; }

    public long? BaseVersion { get; init; }

    /// <summary>The whole row as it was when the command was frozen, in wire form; null for a DELETE.</summary>
    public byte[]? Sent { get; init; }

    /// <summary><see cref="Sent"/> decoded, while the run that froze it still has it at hand.</summary>
    public Row? SentRow { get; init; }

    public string? Group { get; init; }

    public CommandStatus Status { get; init; }

    public int Attempts { get; init; }

    public long? NextAttemptAt { get; init; }

    public string? LastCode { get; init; }

    public string? LastError { get; init; }

    public string? Field { get; init; }

    public byte[]? ServerRow { get; init; }

    public long? ServerVersion { get; init; }

    public bool ServerDeleted { get; init; }

    /// <summary>Outbox events this command stands for: 1, or 0 when it was made for the sake of another.</summary>
    public int Events { get; init; }

    public long FirstSeq { get; init; }

    /// <summary>Ids it mentions that a restored server may have given once more: a part of <see cref="PushEnvelope.Lost"/>, as JSON.</summary>
    public string? Lost { get; init; }

    /// <summary>Its number in the order of the outbox; given when it is stored.</summary>
    public long Place { get; init; }

    public long StateUpdatedAtMs { get; init; }

    /// <summary>The command as it is once the network has it.</summary>
    public StoredCommand HandedOver() => this with { Status = CommandStatus.InFlight, Attempts = Attempts + 1 };
}

/// <summary>Where every captured event ended; the ledger of invariant 2.</summary>
public sealed record Ledger(long Captured, long Accepted, long Folded, long Absorbed, long Discarded, long Dead, long Waiting)
{
    /// <summary>Nothing ended silently.</summary>
    public bool AddsUp => Captured == Accepted + Folded + Absorbed + Discarded + Dead + Waiting;
}

/// <summary>Touches, frozen commands and their counters.</summary>
public sealed class OutboxRepository(StoreConnection db, int remote, long context)
{
    private const string CommandColumns =
        "id, type, key, operation, payload, hash, base_version, sent, grp, status, attempts, next_attempt_at, last_code, last_error, field, server_row, server_version, server_deleted, events, first_seq, lost, place, state_updated_at_ms";

    /// <summary>Does anything wait that speaks of rows by ids from before a restore of the server?</summary>
    public bool HasLost() =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_offer WHERE remote = ?2) OR EXISTS(SELECT 1 FROM _tm_command WHERE status <> 'DEAD_LETTER' AND lost IS NOT NULL AND ctx = ?1)", Value.Integer(context), Value.Integer(remote)) != 0;

    /// <summary>As <see cref="HasLost"/>, but for what waits for a parent that the server no longer has: only a pull can tell what became of it.</summary>
    public bool HasUnansweredLost() =>
        db.ScalarInt64(
            "SELECT EXISTS(SELECT 1 FROM _tm_offer WHERE remote = ?3) OR EXISTS(SELECT 1 FROM _tm_command WHERE status <> 'DEAD_LETTER' AND lost IS NOT NULL AND ctx = ?1 AND last_code IS NOT ?2)",
            Value.Integer(context), Value.Text(Model.Protocol.ErrorCodes.ParentMissing), Value.Integer(remote)) != 0;

    /// <summary>The server was restored: what is frozen mentions ids from before.</summary>
    public void SetLost(Guid id, string lost) =>
        db.Execute("UPDATE _tm_command SET lost = ?2 WHERE id = ?1", Value.Text(id.ToString("D")), Value.Text(lost));

    /// <summary>Is anything waiting to be pushed? Reads only.</summary>
    public bool HasWork() =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_touch WHERE type <> 0 AND ctx = ?1) OR EXISTS(SELECT 1 FROM _tm_command WHERE status <> 'DEAD_LETTER' AND ctx = ?1) OR EXISTS(SELECT 1 FROM _tm_offer WHERE remote = ?2)", Value.Integer(context), Value.Integer(remote)) != 0;

    /// <summary>Touches of this user and space in order, sentinels included.</summary>
    public List<Touch> ReadTouches(long afterSeq, int limit) =>
        db.Query(
            "SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE seq > ?1 AND (ctx = ?2 OR type = 0) ORDER BY seq LIMIT ?3",
            ReadTouch, Value.Integer(afterSeq), Value.Integer(context), Value.Integer(limit));

    /// <summary>Notes of changed keys, and of rows of these types that were deleted or thrown out, in order.</summary>
    public List<Touch> ReadLeaving(long afterSeq, IEnumerable<EntityTable> deletionsOf) =>
        db.Query($"SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE seq > ?1 AND ctx = ?2 AND (op IN ('K', 'N') OR (op IN ('D', 'R') AND type IN ({string.Join(',', deletionsOf.Select(t => t.Number))}))) ORDER BY seq",
            ReadTouch, Value.Integer(afterSeq), Value.Integer(context));

    /// <summary>The same up to a note, with those of rows inserted: what waits there was read and could not be sent.</summary>
    public List<Touch> ReadWaiting(long lastSeq) =>
        db.Query("SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE seq <= ?1 AND ctx = ?2 AND op IN ('D', 'R', 'K', 'N', 'I') ORDER BY seq",
            ReadTouch, Value.Integer(lastSeq), Value.Integer(context));

    /// <summary>Notes of rows inserted under these ids, in order.</summary>
    public List<Touch> ReadInserts(long afterSeq, EntityTable table, IReadOnlySet<RowId> ids) =>
        [.. db.Query("SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE seq > ?1 AND type = ?2 AND op = 'I' AND ctx = ?3 ORDER BY seq",
            s => ids.Contains(new RowId(table.Number, table.KeyAt(s, 3))) ? ReadTouch(s) : null, Value.Integer(afterSeq), Value.Integer(table.Number), Value.Integer(context)).OfType<Touch>()];

    /// <summary>Notes of changed keys: the former one, then the new one.</summary>
    public List<Touch> ReadKeyChanges() =>
        db.Query("SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE op IN ('K', 'N') AND ctx = ?1 ORDER BY seq", ReadTouch, Value.Integer(context));

    /// <summary>Touches of rows that were there when the file was adopted and have not been sent yet.</summary>
    public List<Touch> ReadAdopted() =>
        db.Query("SELECT seq, type, op, k0, k1, k2, k3, k4, k5, k6, k7, at FROM _tm_touch WHERE op = 'A' AND ctx = ?1", ReadTouch, Value.Integer(context));

    public long LastSeq() => db.ScalarInt64("SELECT max(seq) FROM _tm_touch");

    /// <summary>Removes notes that have found their end. The last one stays as a sentinel, so that the sequence never falls back.</summary>
    public void Consume(List<long> seqs)
    {
        if (seqs.Count == 0)
        {
            return;
        }

        var last = LastSeq();
        seqs.Sort();
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.TouchesSwallowed))
        {
            seqs = [.. Enumerable.Range(0, (int)Math.Min(1000, last - seqs[0] + 1)).Select(i => seqs[0] + i)];
        }
#endif
        new ChangedRepository(db).Consumed(seqs[0], seqs[^1]);
        for (int from = 0, to = 0; from < seqs.Count; from = to)
        {
            // Notes of others stand between: only an unbroken run of numbers is one statement.
            for (to = from + 1; to < seqs.Count && seqs[to] <= seqs[to - 1] + 1 && seqs[to] != last;)
            {
                to++;
            }

            db.Execute(
                seqs[from] == last
                    ? "UPDATE _tm_touch SET type = 0, op = '', k0 = NULL, k1 = NULL, k2 = NULL, k3 = NULL, k4 = NULL, k5 = NULL, k6 = NULL, k7 = NULL WHERE seq BETWEEN ?1 AND ?2"
                    : "DELETE FROM _tm_touch WHERE seq BETWEEN ?1 AND ?2",
                Value.Integer(seqs[from]), Value.Integer(seqs[to - 1]));
        }
    }

    /// <summary>A touch made by the engine itself.</summary>
    public void Touch(EntityTable table, EntityKey key, string op, long atMs)
    {
        var statement = db.Prepare("INSERT INTO _tm_touch(type, op, k0, k1, k2, k3, k4, k5, k6, k7, at, ctx) VALUES(?9, ?10, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?11, ?12)");
        for (var i = 0; i < StoreSchema.KeyColumnsMax; i++)
        {
            statement.Bind(i + 1, i < key.Count ? table.Stored(table.Type.KeyOrdinals[i], key[i]) : Value.Null);
        }

        statement.Bind(9, table.Number);
        statement.Bind(10, Value.Text(op));
        statement.Bind(11, atMs);
        statement.Bind(12, context);
        statement.Step();
        statement.Reset();
    }

    /// <summary>What was inserted under this key stands under another one now: the notes of it are of no new row any more.</summary>
    public void ForgetInserts(EntityTable table, EntityKey key) =>
        db.Execute("UPDATE _tm_touch SET op = 'M' WHERE type = ?1 AND op IN ('I', 'N') AND k0 IS ?2", Value.Integer(table.Number), table.Stored(table.Type.KeyOrdinals[0], key[0]));

    /// <summary>A command that was refused and waits for another try: there will be none.</summary>
    public void EndRefused(RowId id, string counter)
    {
        foreach (var command in ReadAll(CommandStatus.Failed).Where(c => c.Type == id.Type && c.Key == id.Key.ToString()))
        {
            Complete(command, counter);
        }
    }

    /// <summary>A change of key that is to be sent again.</summary>
    public void TouchRename(EntityTable table, EntityKey former, EntityKey key, long atMs)
    {
        Touch(table, former, "K", atMs);
        Touch(table, key, "N", atMs);
    }

    /// <summary>Behind everything that is in the outbox.</summary>
    public void Insert(StoredCommand c, long claim)
    {
        db.Execute(
            """
            INSERT INTO _tm_command(id, remote, ctx, type, key, operation, payload, hash, base_version, sent, grp, status, attempts, events, first_seq, lost, state_updated_at_ms, claim,
              last_code, last_error, field)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
            """,
            Value.Text(c.Id.ToString("D")), Value.Integer(remote), Value.Integer(context), Value.Integer(c.Type), Value.Text(c.Key),
            Value.Text(OperationNames.NameOf(c.Operation)), Value.Blob(c.Payload), Value.Blob(c.Hash), c.BaseVersion.OrNull(), c.Sent.OrNull(), c.Group.OrNull(),
            Value.Text(NameOf(c.Status)), Value.Integer(c.Attempts), Value.Integer(c.Events), Value.Integer(c.FirstSeq), c.Lost.OrNull(),
            Value.Integer(c.StateUpdatedAtMs), Value.Integer(claim), c.LastCode.OrNull(), c.LastError.OrNull(), c.Field.OrNull());
    }

    /// <summary>Commands without a verdict that are due, in their order: left in flight, or failed with the backoff over.</summary>
    /// <param name="nowMs">The time.</param>
    /// <param name="delayMaxMs">A backoff that has longer than this to go was noted before the clock was set back: it is over.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="only">Commands of this operation only.</param>
    public List<StoredCommand> ReadDue(long nowMs, long delayMaxMs, int limit, Operation? only = null) =>
        db.Query(
            $"SELECT {CommandColumns} FROM _tm_command WHERE ctx = ?1 AND (status IN ('PENDING', 'IN_FLIGHT') OR (status = 'FAILED' AND coalesce(next_attempt_at, 0) NOT BETWEEN ?2 + 1 AND ?2 + ?5)) AND (?4 IS NULL OR operation = ?4) ORDER BY place LIMIT ?3",
            ReadCommand, Value.Integer(context), Value.Integer(nowMs), Value.Integer(limit), only is { } operation ? Value.Text(OperationNames.NameOf(operation)) : Value.Null, Value.Integer(delayMaxMs));

    public List<StoredCommand> ReadAll(CommandStatus? status = null, int limit = int.MaxValue) =>
        db.Query(
            $"SELECT {CommandColumns} FROM _tm_command WHERE ctx = ?1 AND (?2 IS NULL OR status = ?2) ORDER BY place LIMIT ?3",
            ReadCommand, Value.Integer(context), status is { } s ? Value.Text(NameOf(s)) : Value.Null, Value.Integer(limit));

    /// <summary>
    /// Which rows have a command, and how it stands; of a REKEY its bytes too, which name the former key. What is kept of a space that was left holds no row:
    /// the row went with the space, and is another matter when that comes back.
    /// </summary>
    public List<(int Type, string Key, Operation Operation, CommandStatus Status, byte[]? Rename)> ReadRows() =>
        db.Query("SELECT type, key, operation, status, CASE operation WHEN 'REKEY' THEN payload END FROM _tm_command WHERE ctx = ?1 AND NOT (status = 'DEAD_LETTER' AND last_code IS ?2)",
            s => ((int)s.ColumnInt64(0), s.Text(1), OperationNames.Find(s.Text(2)) ?? Operation.Update, StatusOf(s.Text(3)), s.BlobOrNull(4)), Value.Integer(context), Value.Text(ErrorCodes.SpaceNotFound));

    public StoredCommand? Find(Guid id) =>
        db.Query($"SELECT {CommandColumns} FROM _tm_command WHERE id = ?1 AND ctx = ?2", ReadCommand, Value.Text(id.ToString("D")), Value.Integer(context)).FirstOrDefault();

    public void MarkInFlight(IEnumerable<Guid> ids, long nowMs, long claim)
    {
        foreach (var id in ids)
        {
            db.Execute("UPDATE _tm_command SET status = 'IN_FLIGHT', attempts = attempts + 1, state_updated_at_ms = ?2, claim = ?3 WHERE id = ?1",
                Value.Text(id.ToString("D")), Value.Integer(nowMs), Value.Integer(claim));
        }
    }

    public void MarkFailed(Guid id, string code, string error, long nextAttemptAt, long nowMs) =>
        db.Execute("UPDATE _tm_command SET status = 'FAILED', last_code = ?2, last_error = ?3, next_attempt_at = ?4, state_updated_at_ms = ?5 WHERE id = ?1",
            Value.Text(id.ToString("D")), Value.Text(code), Value.Text(error), Value.Integer(nextAttemptAt), Value.Integer(nowMs));

    /// <summary>Does a command of this kind wait for another try because it was refused with this code?</summary>
    public bool HasFailed(Operation operation, string code) =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_command WHERE ctx = ?1 AND status = 'FAILED' AND operation = ?2 AND last_code = ?3)",
            Value.Integer(context), Value.Text(OperationNames.NameOf(operation)), Value.Text(code)) != 0;

    /// <summary>Those wait no longer.</summary>
    public void MakeDue(Operation operation, string code) =>
        db.Execute("UPDATE _tm_command SET next_attempt_at = NULL WHERE ctx = ?1 AND status = 'FAILED' AND operation = ?2 AND last_code = ?3",
            Value.Integer(context), Value.Text(OperationNames.NameOf(operation)), Value.Text(code));

    public void MarkDeadLetter(Guid id, string code, string error, string? field, byte[]? serverRow, long? serverVersion, bool serverDeleted, long nowMs) =>
        db.Execute(
            "UPDATE _tm_command SET status = 'DEAD_LETTER', last_code = ?2, last_error = ?3, field = ?4, server_row = ?5, server_version = ?6, server_deleted = ?7, state_updated_at_ms = ?8, next_attempt_at = NULL WHERE id = ?1",
            Value.Text(id.ToString("D")), Value.Text(code), Value.Text(error), field.OrNull(), serverRow.OrNull(), serverVersion.OrNull(), Value.Integer(serverDeleted ? 1 : 0), Value.Integer(nowMs));

    /// <summary>The row's key or references changed here by id replacement; the frozen bytes stay as they are.</summary>
    public void Relocate(Guid id, string key, byte[]? sent) =>
        db.Execute("UPDATE _tm_command SET key = ?2, sent = ?3 WHERE id = ?1 AND (key <> ?2 OR sent IS NOT ?3)", Value.Text(id.ToString("D")), Value.Text(key), sent.OrNull());

    /// <summary>The command has its end: its events are counted under it and it leaves the outbox.</summary>
    public void Complete(StoredCommand command, string counter) => Complete([command], counter);

    /// <summary>The commands have their end: their events are counted under it and they leave the outbox.</summary>
    public void Complete(IReadOnlyList<StoredCommand> commands, string counter)
    {
        var delete = db.Prepare("DELETE FROM _tm_command WHERE id = ?1");
        var events = 0L;
        foreach (var command in commands)
        {
            delete.Bind(1, command.Id.ToString("D"));
            events += delete.Execute() > 0 ? command.Events : 0; // An answer may name a command twice; its events end once.
        }

        Count(counter, events);
    }

    public void Count(string counter, long by)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.EventsUncounted) && counter == Counters.Absorbed)
        {
            return;
        }
#endif
        if (by != 0)
        {
            db.Execute("INSERT INTO _tm_counter(remote, name, value) VALUES(?1, ?2, ?3) ON CONFLICT(remote, name) DO UPDATE SET value = value + excluded.value",
                Value.Integer(remote), Value.Text(counter), Value.Integer(by));
        }
    }

    public Ledger ReadLedger()
    {
        long Counter(string name) => db.ScalarInt64("SELECT sum(value) FROM _tm_counter WHERE name = ?1", Value.Text(name)); // All spaces: events are counted through the whole file.
        return new Ledger(
            LastSeq(), Counter(Counters.Accepted), Counter(Counters.Folded), Counter(Counters.Absorbed), Counter(Counters.Discarded),
            db.ScalarInt64("SELECT coalesce(sum(events), 0) FROM _tm_command WHERE status = 'DEAD_LETTER'"),
            db.ScalarInt64("SELECT count(*) FROM _tm_touch WHERE type <> 0") + db.ScalarInt64("SELECT coalesce(sum(events), 0) FROM _tm_command WHERE status <> 'DEAD_LETTER'"));
    }

    internal static string NameOf(CommandStatus status) => status switch
    {
        CommandStatus.Pending => "PENDING",
        CommandStatus.InFlight => "IN_FLIGHT",
        CommandStatus.Failed => "FAILED",
        _ => "DEAD_LETTER",
    };

    private static CommandStatus StatusOf(string name) => name switch
    {
        "PENDING" => CommandStatus.Pending,
        "IN_FLIGHT" => CommandStatus.InFlight,
        "FAILED" => CommandStatus.Failed,
        _ => CommandStatus.DeadLetter,
    };

    private static Touch ReadTouch(RawStatement s)
    {
        var key = new Value[StoreSchema.KeyColumnsMax];
        for (var i = 0; i < key.Length; i++)
        {
            key[i] = s.Column(3 + i);
        }

        return new Touch(s.ColumnInt64(0), (int)s.ColumnInt64(1), s.Text(2), key, s.ColumnInt64(11));
    }

    private static StoredCommand ReadCommand(RawStatement s) => new()
    {
        Id = Guid.Parse(s.Text(0)),
        Type = (int)s.ColumnInt64(1),
        Key = s.Text(2),
        Operation = OperationNames.Find(s.Text(3)) ?? Operation.Update,
        Payload = s.Column(4).AsBlob,
        Hash = s.Column(5).AsBlob,
        BaseVersion = s.Int64OrNull(6),
        Sent = s.BlobOrNull(7),
        Group = s.TextOrNull(8),
        Status = StatusOf(s.Text(9)),
        Attempts = (int)s.ColumnInt64(10),
        NextAttemptAt = s.Int64OrNull(11),
        LastCode = s.TextOrNull(12),
        LastError = s.TextOrNull(13),
        Field = s.TextOrNull(14),
        ServerRow = s.BlobOrNull(15),
        ServerVersion = s.Int64OrNull(16),
        ServerDeleted = s.ColumnInt64(17) != 0,
        Events = (int)s.ColumnInt64(18),
        FirstSeq = s.ColumnInt64(19),
        Lost = s.TextOrNull(20),
        Place = s.ColumnInt64(21),
        StateUpdatedAtMs = s.ColumnInt64(22),
    };
}

/// <summary>The names of the ledger's counters.</summary>
public static class Counters
{
    public const string Accepted = "accepted";
    public const string Folded = "folded";
    public const string Absorbed = "absorbed";
    public const string Discarded = "discarded";
}
