#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Values;

namespace Tidemark.Client.Receipts;

/// <summary>
/// Brings the open receipts up to the books, at the end of every transaction of the engine and inside it: what each row's change has become is read from notes,
/// commands, accepted verdicts and recorded conflicts. The engine itself knows nothing of receipts.
/// </summary>
internal sealed class ReceiptBook(StoreSession session)
{
    private Dictionary<(int Type, string Key), string>? _commands;
    private Dictionary<(int Type, string Key), long>? _notes;
    private bool? _isSeveral;

    public static bool HasOpen(StoreConnection db) => db.ScalarInt64($"SELECT EXISTS(SELECT 1 FROM _tm_receipt WHERE state IN ({ReceiptRows.OpenStates}))") != 0;

    public void Reconcile()
    {
        foreach (var line in ReadOpen())
        {
            if (Next(line) is { } next && next != line)
            {
                Save(next);
            }
        }
    }

    /// <summary>Rows have other keys now.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="map">The former and the new keys.</param>
    /// <param name="unsynced">They are rows that no remote has seen: what is frozen or deleted under the former key is another row's.</param>
    public void Follow(int type, IReadOnlyList<(EntityKey Old, EntityKey New)> map, bool unsynced)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ReceiptNotFollowed))
        {
            return;
        }
#endif
        var news = map.ToDictionary(p => p.Old.ToString(), p => p.New.ToString(), StringComparer.Ordinal);
        foreach (var line in ReadOpen().Where(l => l.Type == type))
        {
            if (news.TryGetValue(line.Key, out var key) && !(unsynced && (line.Command is not null || IsDeletion(line))))
            {
                // Its note names the former key; what is noted under the new one counts now.
                Save(line with { Key = key, Seq = line.Command is null ? -1 : line.Seq });
            }
        }
    }

    /// <summary>The app gave a row another key: what was written under the former one, and is not frozen, is sent under this one.</summary>
    public void Follow(Rename rename)
    {
        foreach (var line in ReadOpen().Where(l => l.Type == rename.Table.Number && l.Command is null && l.Key == rename.Former.ToString() && !(l.Seq > rename.Seq)))
        {
            Save(line with { Key = rename.Key.ToString(), Seq = -1 });
        }
    }

    /// <summary>Commands hold their rows as they are now: with every write so far, also where its own note stays for a later batch.</summary>
    public void Cover(IEnumerable<StoredCommand> frozen)
    {
        var ids = new Dictionary<(int Type, string Key), string>();
        foreach (var command in frozen)
        {
            ids[(command.Type, command.Key)] = command.Id.ToString("D");
        }

        foreach (var line in ReadOpen().Where(l => l.Command is null))
        {
            if (ids.TryGetValue((line.Type, line.Key), out var id))
            {
                Save(line with { Seq = null, Command = id });
            }
        }
    }

    private bool IsDeletion(Line line) =>
        line.Seq is { } seq && session.Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_touch WHERE seq = ?1 AND op IN ('D', 'R'))", Value.Integer(seq)) != 0;

    private Line? Next(Line line)
    {
        if (line.Command is { } id)
        {
            return Answered(line, id);
        }

        if (line.Seq is > 0 && session.Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_touch WHERE seq = ?1 AND type <> 0)", Value.Integer(line.Seq.Value)) != 0)
        {
            return line;
        }

        if (_isSeveral ??= SeveralSchema.Exists(session.Db))
        {
            return AtRemotes(line);
        }

        var command = CommandOf(line);
        if (command is null)
        {
            return LastNote(line) is { } seq ? line with { Seq = seq } : line with { Seq = null, State = IsDiscarded(line) ? ReceiptState.Discarded : ReceiptState.NothingToSend };
        }

        return Answered(line with { Seq = null, Command = command }, command);
    }

    // With several remotes a merge takes the note, and the row is owed to each of them until it has it. What is taken has no note.
    private Line AtRemotes(Line line)
    {
        if (LastNote(line) is { } seq)
        {
            return line with { Seq = seq };
        }

        if (session.FindTable(line.Type) is not { } table)
        {
            return line with { State = ReceiptState.NothingToSend };
        }

        var taken = line with { Seq = null, Code = null, Reason = null, Conflict = ConflictOf(line)?.Id };
        var debts = new JoinBook(session).DebtsOf(table.Type.Name, line.Key);
        return new QuarantineRepository(session.Db).IsAsked(table.Type.Name, line.Key) ? taken with { State = ReceiptState.Conflict }
            : debts.Exists(d => d.Code is null) ? taken with { State = ReceiptState.Waiting, Conflict = null }
            : debts is [var refused, ..] ? taken with { State = ReceiptState.DeadLetter, Code = refused.Code, Reason = $"{refused.Remote}: {refused.Message}" }
            : taken with { State = taken.Conflict is not null ? ReceiptState.Merged : line.Seq is null ? ReceiptState.Accepted : ReceiptState.NothingToSend };
    }

    private Line Answered(Line line, string id)
    {
        if (session.Db.Query("SELECT status, last_code, last_error FROM _tm_command WHERE id = ?1", s => (Status: s.Text(0), Code: s.TextOrNull(1), Reason: s.TextOrNull(2)), Value.Text(id)) is [var command])
        {
            return command.Status != OutboxRepository.NameOf(CommandStatus.DeadLetter) ? line with { State = ReceiptState.Waiting }
                : line with
                {
                    State = command.Code == DeadLetterCodes.Conflict ? ReceiptState.Conflict : ReceiptState.DeadLetter,
                    Code = command.Code,
                    Reason = command.Reason,
                    Conflict = ConflictOf(line)?.Id,
                };
        }

#if TIDEMARK_MUTANTS
        if (!Mutants.Is(Mutant.ReceiptForgotten) && session.Answers.Latest.TryGetValue(Guid.Parse(id), out var version))
#else
        if (session.Answers.Latest.TryGetValue(Guid.Parse(id), out var version))
#endif
        {
            var merged = ConflictOf(line);
            return line with { State = merged is null ? ReceiptState.Accepted : ReceiptState.Merged, Version = version, Conflict = merged?.Id, Code = null, Reason = null };
        }

        if (LastNote(line) is { } seq)
        {
            return line with { Command = null, Seq = seq, State = ReceiptState.Waiting, Code = null, Reason = null }; // It came back, and is frozen anew.
        }

        if (line.State is ReceiptState.Conflict or ReceiptState.DeadLetter || IsDiscarded(line))
        {
            return line with { State = ReceiptState.Discarded };
        }

        return ConflictOf(line) is { } record
            ? line with { State = ReceiptState.Merged, Version = record.Version, Conflict = record.Id }
            : line with { State = ReceiptState.NothingToSend };
    }

    private string? CommandOf(Line line) => (_commands ??= ReadCommands()).GetValueOrDefault((line.Type, line.Key));

    private long? LastNote(Line line) => (_notes ??= ReadNotes()).TryGetValue((line.Type, line.Key), out var seq) ? seq : null;

    // Read once for all lines of a transaction: neither notes nor commands have an index by row, which every write of the app would pay for.
    private Dictionary<(int Type, string Key), string> ReadCommands()
    {
        var last = new Dictionary<(int, string), string>();
        foreach (var (type, key, id) in session.Db.Query("SELECT type, key, id FROM _tm_command ORDER BY place", s => ((int)s.ColumnInt64(0), s.Text(1), s.Text(2))))
        {
            last[(type, key)] = id;
        }

        return last;
    }

    private Dictionary<(int Type, string Key), long> ReadNotes()
    {
        var last = new Dictionary<(int, string), long>();
        foreach (var touch in session.Outbox.ReadTouches(0, int.MaxValue))
        {
            if (session.FindTable(touch.Type) is { } table)
            {
                last[(touch.Type, table.KeyOf(touch).ToString())] = touch.Seq;
            }
        }

        return last;
    }

    private (long Id, long? Version)? ConflictOf(Line line) => session.FindTable(line.Type) is { } table
        && session.Db.Query(
            "SELECT id, server_version FROM _tm_conflict WHERE type = ?1 AND key = ?2 AND at >= ?3 AND outcome NOT IN ('DISCARDED', 'ASIDE_DISCARDED') ORDER BY id DESC LIMIT 1",
            s => (s.ColumnInt64(0), s.Int64OrNull(1)), Value.Text(table.Type.Name), Value.Text(line.Key), Value.Integer(line.At)) is [var found]
            ? found
            : null;

    private bool IsDiscarded(Line line) => session.FindTable(line.Type) is { } table
        && session.Db.ScalarInt64(
            "SELECT EXISTS(SELECT 1 FROM _tm_conflict WHERE type = ?1 AND key = ?2 AND at >= ?3 AND outcome = 'DISCARDED')",
            Value.Text(table.Type.Name), Value.Text(line.Key), Value.Integer(line.At)) != 0;

    private List<Line> ReadOpen() => session.Db.Query(
        $"SELECT event, seq, type, key, command, state, version, conflict, code, reason, at FROM _tm_receipt WHERE state IN ({ReceiptRows.OpenStates}) ORDER BY event",
        s => new Line(s.ColumnInt64(0), s.Int64OrNull(1), (int)s.ColumnInt64(2), s.Text(3), s.TextOrNull(4), ReceiptRows.StateOf(s.Text(5)), s.Int64OrNull(6), s.Int64OrNull(7), s.TextOrNull(8), s.TextOrNull(9), s.ColumnInt64(10)));

    private void Save(Line line) => session.Db.Execute(
        "UPDATE _tm_receipt SET seq = ?2, key = ?3, command = ?4, state = ?5, version = ?6, conflict = ?7, code = ?8, reason = ?9 WHERE event = ?1",
        Value.Integer(line.Event), line.Seq.OrNull(), Value.Text(line.Key), line.Command.OrNull(), Value.Text(ReceiptRows.NameOf(line.State)), line.Version.OrNull(), line.Conflict.OrNull(), line.Code.OrNull(), line.Reason.OrNull());

    private sealed record Line(long Event, long? Seq, int Type, string Key, string? Command, ReceiptState State, long? Version, long? Conflict, string? Code, string? Reason, long At);
}
