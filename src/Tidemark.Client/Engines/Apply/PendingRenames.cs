using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows whose key was changed here and whose change was not sent yet: where each stands now.</summary>
internal sealed class PendingRenames(StoreSession session)
{
    private readonly Lazy<Dictionary<RowId, EntityKey>> _steps = new(() => Read(session));

    /// <summary>The key under which the row stands, however many steps it took; null when it was not renamed.</summary>
    public EntityKey? Find(EntityTable table, EntityKey key)
    {
        EntityKey? found = null;
        var at = key;
        for (var steps = 0; steps < _steps.Value.Count && _steps.Value.TryGetValue(new RowId(table.Number, at), out var next); steps++)
        {
            found = at = next;
        }

        return found != key ? found : null;
    }

    private static Dictionary<RowId, EntityKey> Read(StoreSession session)
    {
        var steps = new Dictionary<RowId, EntityKey>();
        Touch? former = null;
        foreach (var touch in session.Outbox.ReadKeyChanges())
        {
            if (former is { Op: "K" } from && touch.Op == "N" && touch.Seq == from.Seq + 1 && touch.Type == from.Type && session.FindTable(touch.Type) is { } table)
            {
                steps[new RowId(table.Number, table.KeyOf(from))] = table.KeyOf(touch);
            }

            former = touch;
        }

        return steps;
    }
}
