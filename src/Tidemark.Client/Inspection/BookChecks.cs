using System.Globalization;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>What Tidemark keeps of a store: commands and who claims them, cursors, dead letters with what waits for them, rows put aside.</summary>
internal sealed class BookChecks(Examination visit)
{
    // A command that has been on its way for so long, with nobody syncing, waits for something that does not come by itself.
    private static readonly TimeSpan StuckAfter = TimeSpan.FromHours(24);

    private StoreSession Session => visit.Session;

    /// <param name="leftBy">Who held the run lock before this visit and is gone; null: nobody.</param>
    public void Run(string? leftBy)
    {
        CheckClaims(leftBy);
        CheckStuck();
        CheckCursors();
        CheckDead();
        var aside = Session.Aside.ReadAll();
        if (aside.Count > 0)
        {
            visit.Add(FindingCodes.PutAside, FindingSeverity.Warning, $"{aside.Count} pulled rows are put aside: {Examination.Named(aside.Select(a => $"{a.Type} {a.Key} ({a.Cause})"))}.", "Each run tries them again. `tidemark aside` lists them with their causes; what can never stand here is given up with `aside discard`.");
        }

        if (SeveralSchema.Exists(Session.Db) && new QuarantineRepository(Session.Db).ReadAll() is { Count: > 0 } quarantine)
        {
            visit.Add(FindingCodes.PutAside, FindingSeverity.Warning, $"{quarantine.Count} rows of remotes are in quarantine: {Examination.Named(quarantine.Select(q => $"{q.Pulled.Row.Type} {q.Pulled.Row.Key} ({q.Cause})"))}.",
                "Each is tried again when its cause may be gone; its remote keeps it as it is. `tidemark remotes quarantine` lists them, `tidemark keys unlock` brings keys that came wrapped.");
        }

        if (Session.Remotes.Read().Resync is { } reason)
        {
            visit.Add(FindingCodes.Resync, FindingSeverity.Note, $"A resync is under way ({reason}).", "The next `tidemark sync` goes on with it; what was not sent is kept.");
        }

        if (DuplicateFinder.Count(Session) is > 0 and var duplicates)
        {
            visit.Add(FindingCodes.Duplicates, FindingSeverity.Warning, $"{duplicates} groups of rows describe the same thing.", "`tidemark duplicates` shows and merges them.");
        }
    }

    /// <summary>The next run fetches from the start; what was not sent is not touched.</summary>
    public static void StartFetchAgain(StoreSession session)
    {
        session.Stage.Clear();
        session.Cursors.StartAgain();
        session.Remotes.SetCursor(null);
    }

    private void CheckClaims(string? leftBy)
    {
        if (leftBy is not null)
        {
            var claimed = Session.Outbox.ReadAll(CommandStatus.InFlight).Count;
            visit.AddRepairable(FindingCodes.ClaimLeft, FindingSeverity.Note, $"{leftBy} has ended in the middle of a run and left the run lock{(claimed == 0 ? "" : $" and {claimed} commands of unknown fate")}.",
                "Nothing: the next run takes over and sends the same bytes again. `tidemark doctor --repair` frees the lock now.", static _ => { });
        }
    }

    private void CheckStuck()
    {
        var now = visit.Environment.NowMs;
        var longAgo = now - (long)StuckAfter.TotalMilliseconds;
        var stuck = Session.Outbox.ReadAll().Where(c => c.Status != CommandStatus.DeadLetter && (c.StateUpdatedAtMs < longAgo || c.NextAttemptAt > now + (long)StuckAfter.TotalMilliseconds)).ToList();
        if (stuck.Count > 0)
        {
            visit.AddRepairable(
                FindingCodes.Stuck, FindingSeverity.Warning,
                $"{stuck.Count} commands have waited for more than {StuckAfter.TotalHours.ToString(CultureInfo.InvariantCulture)} hours: {Examination.Named(stuck.Select(c => $"{Session.FindTable(c.Type)?.Type.Name} {c.Key}{(c.LastCode is null ? "" : $" ({c.LastCode})")}"))}.",
                "`tidemark sync` sends them; `tidemark outbox` says what they met last. `tidemark doctor --repair` ends their back-off.",
                s => new PaceRepository(s.Db, s.Remote).MakeDue(stuck.Select(c => c.Id), now));
        }

        if (Session.Db.Query("SELECT until, message FROM _tm_pace WHERE remote = ?1 AND until > ?2", s => (Until: s.ColumnInt64(0), Why: s.Text(1)), Value.Integer(Session.Remote), Value.Integer(now + (long)StuckAfter.TotalMilliseconds)) is [var held])
        {
            visit.AddRepairable(
                FindingCodes.HeldBack, FindingSeverity.Warning, $"No run begins by itself before {DateTimeOffset.FromUnixTimeMilliseconds(held.Until):u}: {held.Why} The clock may have been set back.",
                "`tidemark sync` runs now; `tidemark doctor --repair` ends the pause.", s => new PaceRepository(s.Db, s.Remote).Clear());
        }
    }

    // A cursor beyond everything the server has ever said passes over what it says next.
    private void CheckCursors()
    {
        var remote = Session.Remotes.Read();
        var faults = new List<string>();
        if (Session.Db.Query("SELECT type FROM _tm_cursor WHERE typeof(last_created_at) <> 'integer' OR last_created_at < 0 OR typeof(last_id) <> 'text'", s => s.Text(0)) is { Count: > 0 } unreadable)
        {
            faults.Add($"those of {Examination.Named(unreadable)} cannot be read");
        }

        var known = remote.Floor?.Position ?? 0;
        var ahead = Session.Db.Query("SELECT type FROM _tm_cursor WHERE remote = ?1 AND typeof(last_created_at) = 'integer' AND last_created_at > ?2 ORDER BY type", s => s.Text(0), Value.Integer(Session.Remote), Value.Integer(known));
        if (ahead.Count > 0 && remote is { Resync: null, Lost: false })
        {
            faults.Add($"those of {Examination.Named(ahead)} stand past everything the server has told");
        }

        if (remote.Cursor is null && Session.Db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_cursor WHERE remote = ?1)", Value.Integer(Session.Remote)) != 0)
        {
            faults.Add("types have one and the store has none");
        }

        if (faults.Count > 0)
        {
            visit.AddRepairable(FindingCodes.CursorBroken, FindingSeverity.Fault, $"Cursors do not fit what is known of the server: {string.Join("; ", faults)}.",
                "`tidemark doctor --repair` drops them: the next sync fetches from the start; what was not sent is kept.", StartFetchAgain);
        }
    }

    private void CheckDead()
    {
        var dead = Session.Outbox.ReadAll(CommandStatus.DeadLetter);
        if (dead.Count == 0)
        {
            return;
        }

        var waiting = dead.SelectMany(c => Dependents.Of(Session, c)).Select(d => $"{d.Table.Type.Name} {d.Key}").Distinct(StringComparer.Ordinal).ToList();
        visit.Add(FindingCodes.DeadLetters, FindingSeverity.Warning,
            $"{dead.Count} dead letters: {Examination.Named(dead.Select(c => c.LastError ?? c.Key))}.{(waiting.Count == 0 ? "" : $" {waiting.Count} rows wait for them: {Examination.Named(waiting)}.")}",
            "`tidemark dead-letters` shows, retries or discards them; what waits goes along.");
    }
}
