#if TIDEMARK_MUTANTS
namespace Tidemark.Model;

/// <summary>Deliberate bugs, one at a time. Compiled only into the build that shows that the simulator finds each of them.</summary>
public enum Mutant
{
    None,

    // Capture and outbox
    BaseOverwritten,
    ReplacedRowUnnoticed,
    KeyChangeUnnoticed,
    GuardLeftBehind,
    TouchesSwallowed,
    LastFieldOnly,
    EventsUncounted,
    DeadLetterDropped,
    NewIdOnRetry,
    BatchRefrozen,

    // Verdicts
    AckOverwritesNewerEdit,
    AckTakesLiveAsBase,
    ConflictTakesServerRow,

    // Apply
    CursorBeforeApply,
    PendingEditOverwritten,
    OlderVersionApplied,
    DeletionForgotten,
    UnknownFateIgnored,
    AsideDropped,
    AsideOverwritesNewer,
    ParentUnchecked,
    GateOpen,
    DeletionTakesPendingChildren,

    // Ids and references
    ChildrenKeepOldId,
    NumberInsteadOfReference,
    ReferenceNulledTooSoon,
    IdTakenFromUnsyncedRow,

    // Run
    NothingOffered,

    // Server
    RestoreUnnoticed,
    ForkUnnoticed,
    VerdictsUnrecorded,
    PositionByClockAlone,
    PageTearsPosition,
    PagePassesHead,
    DeletionsForgottenEarly,
    GroupTornApart,
    UniqueUncheckedByServer,
    ParentUncheckedByServer,
    CascadeUntold,
    BaseVersionUnchecked,

    // Merging: what only the third workload has
    CounterTakesServer,
    ArrayRemovalIgnored,
    MonotonicOverwritten,
    TextDropsOtherSide,
    ServerWinsIgnored,
    DeletionNeverWins,
    PoliciesIgnoredInPull,

    // Around the run: what only the fourth workload has
    LeaseOverbooked,
    LeaseUnfenced,
    BulkUnadmitted,
    HintSwallowed,
    ReceiptNotFollowed,
    ReceiptForgotten,

    // Shared spaces: what only the fifth workload has
    RevocationIgnored,
    ReaderWrites,
    LeftRowsStay,

    // Duplicates: what only the sixth workload has
    MergedChildrenUntold,

    // Lost answers: what only the twelfth workload meets often enough
    DeletionAheadOfAnswer,
    AnswerFollowsReusedId,

    // Several remotes: what only the ninth workload has
    UnreadableSkipped,
    RemoteOverwritesEdit,
    OneFlagForAllRemotes,
    ShadowJoined,
    EmptiedTakesRows,
    UnseenEditDeleted,
    CountedByLastWriter,
    UnreadableOverwritten,
    TokenBeforeRows,
    RuleDecidesAlone,

    // Health data: what only the eighth workload has
    HealthAcknowledgedOutOfOrder,
    HealthUnansweredForgotten,
    HealthDeletionsDropped,
    HealthClaimsOfDeadKept,
    HealthOlderVersionStored,
    HealthRowBeforeBlob,
    HealthEntityMadeTwice,
    HealthRowsBehindAnchor,

    // Catalogs and snapshots: what only the eleventh workload has
    SnapshotCursorAhead,
    SnapshotCursorBeforeFile,
    CatalogOlderFileTaken,
    CatalogGoneRowsStay,
    CatalogMixesVersions,
}

/// <summary>Which bug this process has.</summary>
public static class Mutants
{
    public static Mutant Active { get; set; }

    public static bool Is(Mutant mutant) => Active == mutant;

    /// <summary>Does only a workload with policies have what the bug is in?</summary>
    public static bool NeedsPolicies(Mutant mutant) => mutant is >= Mutant.CounterTakesServer and <= Mutant.PoliciesIgnoredInPull;

    /// <summary>Does only a workload with leases, hints and receipts have what the bug is in?</summary>
    public static bool NeedsService(Mutant mutant) => mutant is >= Mutant.LeaseOverbooked and <= Mutant.ReceiptForgotten;

    /// <summary>Does only a workload with shared spaces have what the bug is in?</summary>
    public static bool NeedsSpaces(Mutant mutant) => mutant is >= Mutant.RevocationIgnored and <= Mutant.LeftRowsStay;

    /// <summary>Does only a workload with health data have what the bug is in?</summary>
    public static bool NeedsHealth(Mutant mutant) => mutant is >= Mutant.HealthAcknowledgedOutOfOrder and <= Mutant.HealthRowsBehindAnchor;

    /// <summary>Does only a workload in which duplicates are merged have what the bug is in?</summary>
    public static bool NeedsDuplicates(Mutant mutant) => mutant == Mutant.MergedChildrenUntold;

    /// <summary>Does only a workload in which answers to new rows are lost meet the bug often enough?</summary>
    public static bool NeedsLostAnswers(Mutant mutant) => mutant is Mutant.DeletionAheadOfAnswer or Mutant.AnswerFollowsReusedId;

    /// <summary>Does only a workload with catalogs and snapshots have what the bug is in?</summary>
    public static bool NeedsCatalog(Mutant mutant) => mutant is >= Mutant.SnapshotCursorAhead and <= Mutant.CatalogMixesVersions;

    /// <summary>Does only a workload with several remotes have what the bug is in?</summary>
    public static bool NeedsRemotes(Mutant mutant) => mutant is >= Mutant.UnreadableSkipped and <= Mutant.RuleDecidesAlone;
}
#endif
