#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows that happen to stand under the id of another one, where the server gives the ids: they go to fresh ids before what is meant comes, goes or is referred to.</summary>
internal sealed class OtherRows(StoreSession session, IdCascade cascade, ParentLookup parents, long nowMs)
{
    private readonly MadeAgain _again = new(session, cascade, nowMs);
    private readonly Lazy<HashSet<RowId>> _adopted = new(() => AdoptedRows.Read(session));

    /// <summary>Did an app delete the row that the remote has shown under this id, and insert another one?</summary>
    public bool IsMadeAgain(IncomingRow incoming, RowEntry? entry) =>
        entry is not null && incoming.Table.Type.Identity == IdentityModel.ServerAssigned && (incoming.MadeAgain || _again.Is(incoming.Table, incoming.Key));

    public void Separate(IncomingRow incoming)
    {
        _again.Separate(incoming.Table, incoming.Key);
        parents.Forget(incoming.Id);
    }

    /// <summary>The remote refers to the row it has shown, not to the one that an app has made in its place.</summary>
    public void SeparateParent(RelationEdge edge, EntityKey target)
    {
        if (edge.TargetsKey && session.Table(edge.Target) is var table && _again.Is(table, target))
        {
            _again.Separate(table, target);
            parents.Forget(new RowId(table.Number, target));
        }
    }

    /// <summary>A row that was made here and is not the one referred to.</summary>
    public bool MoveParentAside(RelationEdge edge, EntityKey target)
    {
        var table = session.Table(edge.Target);
        var id = new RowId(table.Number, target);
        if (edge.Target.Identity != IdentityModel.ServerAssigned || _adopted.Value.Contains(id) || _again.IsRevived(table, target))
        {
            return false;
        }

        cascade.MoveAside(table, target, _again.IsAnother(table, target));
        parents.Forget(id);
        return true;
    }

    /// <summary>A row that was made here and is not the one that comes, or goes.</summary>
    public bool MoveAside(IncomingRow incoming, LiveRow live)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.IdTakenFromUnsyncedRow))
        {
            return false;
        }
#endif
        if (!IsAnother(incoming, live))
        {
            return false;
        }

        cascade.MoveAside(incoming.Table, incoming.Key, _again.IsAnother(incoming.Table, incoming.Key));
        return true;
    }

    /// <summary>A row that is marked as deleted is another one too, unless its deletion is remembered: then the remote has brought it back.</summary>
    public bool IsAnother(IncomingRow incoming, LiveRow live) =>
        incoming.Table.Type.Identity == IdentityModel.ServerAssigned && !incoming.IsOfLocalRow && !_adopted.Value.Contains(incoming.Id)
        && (live.Visible is not null ? !_again.IsRevived(incoming.Table, incoming.Key) : session.Tombstones.VersionOf(incoming.Table.Number, incoming.Key) == 0);
}
