using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Several;

/// <summary>Takes what the app has written into the joined rows: what differs from what it was shown gets a stamp. Part of the merge's transaction.</summary>
internal sealed class LocalEdits(JoinBook book, StampClock clock, long nowMs, List<string> warnings)
{
    private readonly List<JoinedRow> _changed = [];
    private readonly Judgement _judgement = new(book.Session.Merges);
    private readonly Dictionary<(EntityTable Table, EntityKey Key), Row?> _unfit = [];

    /// <summary>Rows as the app was last shown them (null: not at all) whose values do not fit their fields now: the app's, until they fit.</summary>
    public IReadOnlyDictionary<(EntityTable Table, EntityKey Key), Row?> Unfit => _unfit;

    /// <summary>The rows that were edited.</summary>
    public IReadOnlyList<JoinedRow> Take()
    {
        TakeTouched();
        var meta = new MetaRepository(book.Session.Db);
        if (meta.Integer(JoinBook.TakeAll) != 0)
        {
            TakeAll();
            meta.Set(JoinBook.TakeAll, Value.Integer(0));
        }

        return _changed;
    }

    // What was in the file before is older than anything that anybody wrote since: a remote that has the row otherwise is believed. What was edited since the adoption has been taken by its notes.
    private void TakeAll()
    {
        foreach (var table in book.Session.Tables)
        {
            var keys = book.Session.Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name}", s => table.KeyAt(s, 0));
            foreach (var key in keys.Where(k => book.ReadJoined(table.Type, k) is null))
            {
                if (Live(table, key) is (true, { } live))
                {
                    Write(JoinedRow.Nothing(table.Type, key).Edited(null, live, Stamp.Zero));
                }
            }
        }
    }

    private void TakeTouched()
    {
        var outbox = book.Session.Outbox;
        var touches = outbox.ReadTouches(0, int.MaxValue);
        var consumed = touches.Where(t => t.Type == 0).Select(t => t.Seq).ToList();
        var edited = 0;
        var folded = 0;
        var absorbed = 0;

        // In the order of each row's last note, so that the time of a long offline evening is not given to what was written in its morning.
        foreach (var row in touches.Where(t => t.Type != 0).GroupBy(t => (t.Type, Key: book.Session.FindTable(t.Type)?.KeyOf(t))).OrderBy(r => r.Last().Seq))
        {
            var notes = row.ToList();
            if (book.Session.FindTable(row.Key.Type) is { } table && row.Key.Key is { } key)
            {
                if (Live(table, key) is not (true, var live))
                {
                    _unfit[(table, key)] = book.ShownOf(table.Type, key, book.ReadJoined(table.Type, key));
                    continue; // Waits until its values fit.
                }

                if (TakeRow(table.Type, key, live, notes))
                {
                    edited++;
                    folded += notes.Count - 1;
                }
                else
                {
                    absorbed += notes.Count;
                }
            }

            consumed.AddRange(notes.Select(n => n.Seq));
        }

        consumed.Sort();
        outbox.Consume(consumed);
        outbox.Count(Counters.Accepted, edited);
        outbox.Count(Counters.Folded, folded);
        outbox.Count(Counters.Absorbed, absorbed);
    }

    private bool TakeRow(EntityType type, EntityKey key, Row? live, List<Touch> notes)
    {
        var joined = book.ReadJoined(type, key);
        var shown = book.ShownOf(type, key, joined);
        if (shown is null ? live is null : live is not null && shown.SameAs(live))
        {
            return false;
        }

        // Notes of the adoption alone are no edit.
        var stamp = notes.All(n => n.Op == "A") ? Stamp.Zero : clock.Next(Math.Min(notes[^1].AtMs, nowMs));
        var shadows = live is null || _judgement.Concerns(type) ? book.ReadShadows(type, key) : [];
        var edited = (joined ?? JoinedRow.Nothing(type, key)).Edited(shown, live, stamp, shadows.SelectMany(s => s is null ? [] : s.OtherStamps.Values.Select(o => o.Stamp)));
        if (ReferenceEquals(edited, joined))
        {
            return false;
        }

        Write(live is null ? edited : _judgement.Remember(joined, shown, edited, clock.Node, shadows));
        book.WriteShown(type, key, null);
        return true;
    }

    private void Write(JoinedRow row)
    {
        book.WriteJoined(row);
        _changed.Add(row);
    }

    private (bool Fits, Row? Live) Live(EntityTable table, EntityKey key)
    {
        try
        {
            return (true, table.ReadLive(book.Session.Db, key));
        }
        catch (UnfitValueException e)
        {
            warnings.Add($"{table.Type.Name} {key} is not sent: {e.Message}");
            return (false, null);
        }
    }
}
