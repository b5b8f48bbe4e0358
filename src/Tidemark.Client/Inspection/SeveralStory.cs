using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>What a store with several remotes knows of one row: who wrote which field last, what each remote has of it, and what it waits for.</summary>
internal sealed class SeveralStory(StoreSession session, EntityTable table, EntityKey key)
{
    private readonly string _key = key.ToString();
    private readonly JoinBook _book = new(session);
    private readonly List<StoryEvent> _events = [];
    private readonly SortedSet<string> _lacking = new(StringComparer.Ordinal);
    private readonly List<string> _behind = []; // What is said of remotes that are not in step.

    public RowStory Tell()
    {
        var live = LiveRows.Read(session, table, key).Visible;
        var joined = _book.ReadJoined(table.Type, key);
        var touches = session.Outbox.ReadTouches(0, int.MaxValue).Where(t => StoryTeller.IsOfRow(t, table, key)).ToList();
        var conflicts = session.Conflicts.ReadOf(table.Type.Name, _key);
        touches.ForEach(t => Add(DateTimeOffset.FromUnixTimeMilliseconds(t.AtMs), "captured", $"Outbox event {t.Seq}: {StoryTeller.CapturedAs(t.Op)}."));
        foreach (var conflict in conflicts)
        {
            Add(conflict.At, conflict.Outcome is ConflictRecord.Discarded or ConflictRecord.AsideDiscarded ? "discarded" : "conflict", StoryTeller.ConflictText(conflict));
        }

        if (joined is not null)
        {
            AddWriters(joined);
        }

        _events.Sort((a, b) => Nullable.Compare(a.At, b.At));
        var standings = new BackendRepository(session.Db).ReadAll().ConvertAll(b => StandingAt(b, joined));
        var hidden = _book.ReadShown(table.Type, key);
        var asked = new QuarantineRepository(session.Db).IsAsked(table.Type.Name, _key);
        var standing = asked ? RowStanding.Diverged
            : touches.Count > 0 ? standings.Append(RowStanding.Pending).Max()
            : hidden is not null ? standings.Append(RowStanding.PutAside).Max()
            : joined is null ? standings.Append(RowStanding.Unknown).Max()
            : standings.Append(joined.IsDeleted ? RowStanding.Unknown : RowStanding.InStep).Max();
        standing = standing == RowStanding.Unknown && joined is not null ? RowStanding.Deleted : standing;
        var why = WhyOf(standing, asked, touches.Count > 0, hidden);
        Add(null, "now", why ?? (standing == RowStanding.Deleted ? "Deleted here and at every remote." : "In step: every remote has the row as it is here."));
        return new RowStory
        {
            Type = table.Type.Name, Key = _key, Standing = standing, Why = why, Live = live, Base = joined is { IsDeleted: false } ? joined.ToRow() : null, Pending = [.. _lacking], Events = _events, Conflicts = conflicts,
        };
    }

    // The last merge took of each field the value with the greatest stamp; where several count together, the stamp is that of the last of them.
    private void AddWriters(JoinedRow row)
    {
        var self = _book.ReadClock().Node;
        foreach (var group in row.Fields.Select((f, i) => (Field: f, Ordinal: i)).Where(f => f.Field.IsKnown).GroupBy(f => f.Field.Stamp))
        {
            var names = string.Join(", ", group.Select(f => FieldJoin.IsCollective(table.Type.Fields[f.Ordinal]) ? $"{table.Type.Fields[f.Ordinal].Name} (with what others add)" : table.Type.Fields[f.Ordinal].Name));
            Add(TimeOf(group.Key), "written", $"{names}: the greatest stamp is {WriterOf(group.Key, self)}, {group.Key}.");
        }

        if (row.IsMarked)
        {
            Add(TimeOf(row.Deletion.Stamp), "deleted", row.IsDeleted ? $"Deleted by {WriterOf(row.Deletion.Stamp, self)}." : $"Deleted by {WriterOf(row.Deletion.Stamp, self)}, who had not seen an edit that keeps it.");
        }
    }

    private RowStanding StandingAt(Backend backend, JoinedRow? row)
    {
        var shadow = _book.ReadShadow(backend.Id, table.Type, key);
        var unread = new QuarantineRepository(session.Db).Find(backend.Id, table.Type.Name, _key);
        var debt = _book.DebtsOf(table.Type.Name, _key).FindAll(d => d.Remote == backend.Name);
        if (row is { IsDeleted: false } && debt.Count > 0)
        {
            _lacking.UnionWith(shadow is null or { IsMissing: true } ? ["the whole row"] : shadow.Behind(row).Select(i => table.Type.Fields[i].Name));
        }

        var (standing, text) = (debt, unread) switch
        {
            ([{ Code: { } code } refused, ..], _) => (RowStanding.Diverged, $"refused it as it is: {code}: {refused.Message}"),
            (_, { } aside) => (RowStanding.PutAside, $"shows version {aside.Pulled.Row.Version}, which is in quarantine ({aside.Cause}{(aside.Detail is null ? "" : ": " + aside.Detail)}); tried {aside.Tries} times"),
            ([_, ..], _) => (RowStanding.Pending, $"{(shadow is null or { IsMissing: true } ? "has no such row" : "lacks " + (_lacking.Count == 0 ? "what became of it" : string.Join(", ", shadow.Behind(row!).Select(i => table.Type.Fields[i].Name).DefaultIfEmpty("the stamps"))))}; it is sent{(backend.Trouble is null ? "" : " when the remote is there: " + backend.Trouble)}"),
            _ when row is null => (RowStanding.Unknown, "has shown nothing of it"),
            _ => (RowStanding.Unknown, $"has what is here{(shadow?.Version is { } version ? $", as version {version}" : "")}"),
        };
        var said = $"{backend.Name} {text}{(text.EndsWith('.') ? "" : ".")}";
        Add(null, "remote", said);
        if (standing != RowStanding.Unknown || row is null)
        {
            _behind.Add(said);
        }

        return standing;
    }

    private string? WhyOf(RowStanding standing, bool isAsked, bool isTouched, ShownOtherwise? hidden) => standing switch
    {
        RowStanding.InStep or RowStanding.Deleted => null,
        _ when isAsked => "A person must decide: `tidemark conflicts settle`.",
        RowStanding.Pending when isTouched => "It has not been merged yet.",
        RowStanding.Unknown => "Neither this file nor its books have such a row.",
        RowStanding.PutAside when hidden is not null => $"It cannot stand here as it is: {hidden.Cause}.",
        _ => string.Join(" ", _behind),
    };

    private static string WriterOf(Stamp stamp, ulong self) =>
        stamp == Stamp.Zero ? "of what was there before anybody synced" : stamp.Node == self ? "this device's" : stamp.Node == Stamp.Foreign ? "of a writer that knows no stamps" : $"of another device ({stamp.Node:x16})";

    private static DateTimeOffset? TimeOf(Stamp stamp) => stamp == Stamp.Zero ? null : SeveralOutbox.TimeOf(stamp);

    private void Add(DateTimeOffset? at, string kind, string text) => _events.Add(new StoryEvent(at, kind, text));
}
