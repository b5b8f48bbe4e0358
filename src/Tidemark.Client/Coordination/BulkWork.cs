#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>Is what lies before a run so much that the server wants to admit it?</summary>
internal sealed class BulkWork(StoreSession session, WireLimits limits)
{
    public bool IsDue(SyncMode mode) =>
#if TIDEMARK_MUTANTS
        !Mutants.Is(Mutant.BulkUnadmitted) &&
#endif
        ((limits.LeaseRows > 0 && mode != SyncMode.PushOnly && session.Remotes.Read() is var state && (state.Cursor is null || state.Resync is not null))
        || (limits.LeaseCommands > 0 && mode != SyncMode.PullOnly && HasMany()));

    /// <summary>Is there something to send, so little that it needs no admission although the rest of the run does?</summary>
    public bool CanSendMeanwhile(SyncMode mode) => mode == SyncMode.Full && session.Outbox.HasWork() && !(limits.LeaseCommands > 0 && HasMany());

    /// <summary>The limits that hold for work that was not admitted.</summary>
    public static WireLimits WithoutLease(WireLimits limits) =>
#if TIDEMARK_MUTANTS
        Mutants.Is(Mutant.BulkUnadmitted) ? limits :
#endif
        limits.LeaseCommands > 0 ? limits with { CommandsMax = Math.Min(limits.CommandsMax, limits.LeaseCommands) } : limits;

    // Counted no further than it matters.
    private bool HasMany() =>
        session.Db.ScalarInt64(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM _tm_touch WHERE type <> 0 LIMIT ?1)) + (SELECT count(*) FROM (SELECT 1 FROM _tm_command WHERE status <> 'DEAD_LETTER' LIMIT ?1))",
            Value.Integer(limits.LeaseCommands + 1)) > limits.LeaseCommands;
}
