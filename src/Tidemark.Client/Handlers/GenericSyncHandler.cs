using Tidemark.Client.Storage;
using Tidemark.Model;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>Serves every type that has no handler of its own: rows as they are, conflicts by the model.</summary>
public class GenericSyncHandler : ISyncEntityHandler
{
    /// <summary>Why a person is asked about a row whose commands never reach the server in time.</summary>
    public const string OutOfRebases = "The row was changed elsewhere again and again while its command was on its way.";

    public virtual void Insert(StoreConnection db, EntityTable table, Row row)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Insert(db, row);
    }

    public virtual void Update(StoreConnection db, EntityTable table, Row row)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Update(db, row);
    }

    public virtual void Delete(StoreConnection db, EntityTable table, EntityKey key)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Delete(db, key);
    }

    public virtual ConflictResolution HandleConflict(ConflictInput input, MergeContext context)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(context);
        return (input.Local, input.Remote) switch
        {
            ({ } local, { } remote) => Merge(input, local, remote, context),
            (null, { } remote) => DeletedHere(input, remote),
            ({ } local, null) when input.IsRemoteDeleted => DeletedThere(input, local),
            (null, null) when input.IsRemoteDeleted => new ConflictResolution(ConflictOutcome.AdoptServer, null, [], HasConflict: false, "Deleted on both sides."),
            _ => new ConflictResolution(ConflictOutcome.Skipped, input.Local, [], HasConflict: true, "The server refused the command and showed no row to merge it with."),
        };
    }

    private static ConflictResolution Merge(ConflictInput input, Row local, Row remote, MergeContext context)
    {
        var result = EntityMerger.Merge(input.Type, input.Base, local, remote, context);
        if (result.ManualReason is { } reason)
        {
            return new ConflictResolution(ConflictOutcome.ManualRequired, local, result.Fields, HasConflict: true, reason);
        }

        if (result.Merged.SameAs(remote))
        {
            return new ConflictResolution(ConflictOutcome.AdoptServer, remote, result.Fields, result.HasConflict);
        }

        return input.IsOutOfRebases
            ? new ConflictResolution(ConflictOutcome.ManualRequired, local, result.Fields, HasConflict: true, OutOfRebases)
            : new ConflictResolution(ConflictOutcome.RebaseAndRetry, result.Merged, result.Fields, result.HasConflict);
    }

    private static ConflictResolution DeletedHere(ConflictInput input, Row remote)
    {
        var isUnchanged = input.Base is not null && input.Base.SameAs(remote);
        if (!isUnchanged && UpdateWins(input))
        {
            return new ConflictResolution(ConflictOutcome.AdoptServer, remote, [], input.Base is not null, "Deleted here, changed there: the update wins.");
        }

        return new ConflictResolution(
            ConflictOutcome.RebaseAndRetry, null, [], input.Base is not null && !isUnchanged,
            isUnchanged ? "Deleted here, unchanged there." : "Deleted here, changed there: the deletion wins.");
    }

    private static ConflictResolution DeletedThere(ConflictInput input, Row local)
    {
        var isUnchanged = input.Base is null || input.Base.SameAs(local);
        if (!isUnchanged && UpdateWins(input))
        {
            return new ConflictResolution(ConflictOutcome.RebaseAndRetry, local, [], HasConflict: true, "Changed here, deleted there: the update wins, and the row is made anew.");
        }

        return new ConflictResolution(ConflictOutcome.AdoptServer, null, [], !isUnchanged, isUnchanged ? "Deleted there, unchanged here." : "Changed here, deleted there: the deletion wins.");
    }

    private static bool UpdateWins(ConflictInput input)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.DeletionNeverWins))
        {
            return true;
        }
#endif
        return input.Type.DeletePolicy == DeletePolicy.UpdateWins;
    }
}
