using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// The note of a row whose command was refused and is a difference again. What was deleted stays noted as deleted, what was inserted or adopted as that:
/// else a row that is inserted under a deleted one's id would be taken for that one brought back.
/// </summary>
internal static class NotedAnew
{
    public static void Touch(StoreSession session, EntityTable table, EntityKey key, StoredCommand command, long nowMs) =>
        session.Outbox.Touch(table, key, OpOf(table, command, LiveRows.Read(session, table, key).Visible is not null), nowMs);

    private static string OpOf(EntityTable table, StoredCommand command, bool isHere) => command switch
    {
        { Operation: Operation.Delete } when !isHere => "D",
        { Operation: Operation.Create, BaseVersion: 0 } when isHere => "A",
        { Operation: Operation.Create, BaseVersion: null } when isHere && table.Type.Identity == IdentityModel.ServerAssigned => "I",
        _ => "M",
    };
}
