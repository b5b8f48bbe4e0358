using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>Rows of the server that cannot stand where something here was taken back, and those that can since.</summary>
internal sealed class AsideRows(StoreSession session, SyncEnvironment environment, SyncBatchContext context)
{
    public void Put(EntityTable table, Row row, long version, string cause, string? detail)
    {
        var key = row.Key;
        var madeBy = table.ReadEntry(session.Db, key, session.Remote)?.MadeBy;
        table.Delete(session.Db, key);
        table.DropBase(session.Db, key, session.Remote);
        table.DropEntry(session.Db, key, session.Remote);
        session.Tombstones.Drop(table.Number, key); // Of a deletion that a restored server has lost: the row is older, and stands again.
        new RowApplier(session, environment, context).PutAside(new IncomingRow(table, key, version, row, null, default) { MadeBy = madeBy }, cause, detail);
    }

    /// <summary>What was taken back may have held off rows of the server: those below it need them now.</summary>
    public void Retry()
    {
        for (var applied = true; applied;)
        {
            applied = false;
            var applier = new RowApplier(session, environment, context);
            foreach (var aside in session.Aside.ReadAll())
            {
                if (ChangesPage.ReadChange(aside.Raw, session.Model) is { Fault: null, Type: { } type, Row: { } row } change)
                {
                    var incoming = new IncomingRow(session.Table(type), change.Key, change.Version, row, change.Origin, change.Raw) { MadeBy = change.MadeBy, ContentVersion = change.ContentVersion };
                    applied |= applier.Upsert(incoming) is ApplyOutcome.Applied or ApplyOutcome.Merged;
                }
            }
        }
    }
}
