using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows that were in the file before it was first synced and have not been sent: their keys are theirs.</summary>
internal static class AdoptedRows
{
    public static HashSet<RowId> Read(StoreSession session)
    {
        var adopted = new HashSet<RowId>();
        foreach (var touch in session.Outbox.ReadAdopted())
        {
            if (session.FindTable(touch.Type) is { } table)
            {
                adopted.Add(new RowId(touch.Type, new EntityKey(touch.Key.AsSpan(0, table.Type.KeyOrdinals.Count).ToArray())));
            }
        }

        return adopted;
    }
}
