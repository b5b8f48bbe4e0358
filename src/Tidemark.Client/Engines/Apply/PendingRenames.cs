using Tidemark.Client.Engines.Push;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows whose key was changed here, and where each stands now: the change was not sent yet, is on its way, or was refused.</summary>
internal sealed class PendingRenames(StoreSession session, Lazy<Outstanding> outstanding)
{
    private readonly Lazy<Dictionary<RowId, EntityKey>> _steps = new(() => Read(session));

    /// <summary>The key under which the row stands, however many steps it took, the first of which may be a command; null when it was not renamed.</summary>
    public EntityKey? Find(EntityTable table, EntityKey key)
    {
        EntityKey? found = null;
        var at = key;
        if (outstanding.Value.Renames.TryGetValue(new RowId(table.Number, key), out var sent))
        {
            found = at = sent;
        }

        for (var steps = 0; steps < _steps.Value.Count && _steps.Value.TryGetValue(new RowId(table.Number, at), out var next); steps++)
        {
            found = at = next;
        }

        return found != key ? found : null;
    }

    /// <summary>The same change of key was made elsewhere: what the remote last showed of the row under its former key, which goes there now, is what was edited here. Else null.</summary>
    public Row? BaseOfFormer(IncomingRow incoming, Func<RowId, bool> isGoing)
    {
        var table = incoming.Table;
        foreach (var former in _steps.Value.Keys.Concat(outstanding.Value.Renames.Keys).Where(f => f.Type == table.Number && isGoing(f)))
        {
            if (Find(table, former.Key) == incoming.Key && table.ReadBase(session.Db, former.Key, session.Remote) is { } @base)
            {
                return EntityTable.Under(@base, incoming.Key);
            }
        }

        return null;
    }

    /// <summary>Every change of a key that was not sent yet, in order.</summary>
    public static List<Rename> ReadAll(StoreSession session)
    {
        var renames = new List<Rename>();
        Touch? former = null;
        foreach (var touch in session.Outbox.ReadKeyChanges())
        {
            if (former is { Op: "K" } from && touch.Op == "N" && touch.Seq == from.Seq + 1 && touch.Type == from.Type && session.FindTable(touch.Type) is { } table)
            {
                renames.Add(new Rename(table, table.KeyOf(from), table.KeyOf(touch), from.Seq));
            }

            former = touch;
        }

        return renames;
    }

    private static Dictionary<RowId, EntityKey> Read(StoreSession session)
    {
        var steps = new Dictionary<RowId, EntityKey>();
        foreach (var rename in ReadAll(session))
        {
            steps[new RowId(rename.Table.Number, rename.Former)] = rename.Key;
        }

        return steps;
    }
}
