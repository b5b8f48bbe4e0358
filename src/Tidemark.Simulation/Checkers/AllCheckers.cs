using Tidemark.Server.Leases;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>The checkers there are, fresh for one run.</summary>
internal static class AllCheckers
{
    public static IReadOnlyList<IChecker> Make(RandomSchema schema, LeaseOptions? leases = null) =>
    [
        new LedgerChecker(), new CursorChecker(), new OrphanChecker(), new AnnouncementChecker(), new BoundsChecker(), new RepeatChecker(), new PositionChecker(),
        new IsolationChecker(schema), new TwinChecker(schema), new ConvergenceChecker(schema), new LostEditChecker(schema), new AttachmentChecker(schema),
        new FrozenChecker(), new PushOrderChecker(), new BaseVersionChecker(), new ResurrectionChecker(schema), new CaptureChecker(), new KnowledgeChecker(), new AllOrNothingChecker(), new DoctorChecker(),
        new MergeChecker(schema), new WordPolicyChecker(schema), new DeletionWinsChecker(schema),
        new LeaseChecker(leases ?? new LeaseOptions()), new HintChecker(), new ReceiptChecker(), new DuplicateChecker(schema),
    ];
}
