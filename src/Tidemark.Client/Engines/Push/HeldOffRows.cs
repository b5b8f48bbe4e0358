using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>Rows of the server that another row here holds off by a unique value, and that nothing which waits here will free.</summary>
internal sealed class HeldOffRows(StoreSession session)
{
    private readonly UniqueHolders _holders = new(session);
    private HashSet<RowId>? _read;

    /// <summary>Is the row's value taken, and not only the one it would have with what was edited here? That edit is sent, and gets its answer.</summary>
    public bool IsHeldOff(AsideRow aside) => IncomingRow.FromAside(session, aside) is not { Row: { } row } incoming || !incoming.Table.LiveExists(session.Db, incoming.Key) || _holders.Of(incoming.Table, row).Any();

    /// <summary>Does the row that is put aside wait for such a parent, and stand here in an older version?</summary>
    public bool IsBelowOne(AsideRow aside)
    {
        if (IncomingRow.FromAside(session, aside) is not { Row: { } row } incoming || !incoming.Table.LiveExists(session.Db, incoming.Key))
        {
            return false;
        }

        return session.Model.Graph.From(incoming.Table.Type).Any(e => e.Relation.Required && e.TargetsKey
            && PushPlanner.KeyIn(row, e) is { } parent && Read().Contains(new RowId(session.Table(e.Target).Number, parent)));
    }

    private HashSet<RowId> Read() => _read ??= [.. session.Aside.ReadAll().Where(a => a.Cause == AsideCause.UniqueClash).Select(a => IncomingRow.FromAside(session, a))
        .Where(r => r is { Row: not null } && IsHeldForGood(r)).Select(r => r!.Id)];

    private bool IsHeldForGood(IncomingRow row)
    {
        var holders = _holders.Of(row.Table, row.Row!).ToList();
        return holders.Count > 0 && holders.TrueForAll(k => row.Table.ReadEntry(session.Db, k, session.Remote) is not null && row.Table.ReadBase(session.Db, k, session.Remote) is null);
    }
}
