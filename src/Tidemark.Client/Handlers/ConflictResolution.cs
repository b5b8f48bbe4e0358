using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>What becomes of a conflict, and of the outbox event behind it.</summary>
public enum ConflictOutcome
{
    /// <summary>ADOPT_SERVER: the row is the server's; the command is completed.</summary>
    AdoptServer,

    /// <summary>REBASE_AND_RETRY: what still differs from the server's row is sent as a new command with a new id and base version.</summary>
    RebaseAndRetry,

    /// <summary>SKIPPED: there is nothing to merge with; the command ends as cancelled. Its record stays and can be replayed.</summary>
    Skipped,

    /// <summary>MANUAL_REQUIRED: a dead letter with reason conflict until a person has settled it.</summary>
    ManualRequired,
}

/// <summary>The names of the outcomes as they are stored and shown.</summary>
public static class ConflictOutcomes
{
    public static string NameOf(ConflictOutcome outcome) => outcome switch
    {
        ConflictOutcome.AdoptServer => "ADOPT_SERVER",
        ConflictOutcome.RebaseAndRetry => "REBASE_AND_RETRY",
        ConflictOutcome.Skipped => "SKIPPED",
        _ => "MANUAL_REQUIRED",
    };

    public static ConflictOutcome? Find(string name) => name switch
    {
        "ADOPT_SERVER" => ConflictOutcome.AdoptServer,
        "REBASE_AND_RETRY" => ConflictOutcome.RebaseAndRetry,
        "SKIPPED" => ConflictOutcome.Skipped,
        "MANUAL_REQUIRED" => ConflictOutcome.ManualRequired,
        _ => null,
    };
}

/// <summary>A pending edit that met another version of its row.</summary>
/// <param name="Type">The type of all rows.</param>
/// <param name="Base">The row as the remote last showed it; null when both sides made it.</param>
/// <param name="Local">The live row; null when it was deleted here.</param>
/// <param name="Remote">The row as the remote shows it now; null when it shows none.</param>
public sealed record ConflictInput(EntityType Type, Row? Base, Row? Local, Row? Remote)
{
    /// <summary>The remote says that the row was deleted. With neither this nor a row it has said nothing.</summary>
    public bool IsRemoteDeleted { get; init; }

    /// <summary>The row was rebased as often as it may be: a person is asked instead.</summary>
    public bool IsOutOfRebases { get; init; }
}

/// <summary>How a conflict is settled: a value, nothing was changed anywhere.</summary>
/// <param name="Outcome">What becomes of the command.</param>
/// <param name="Merged">The row as it is to be here; null when it is to be gone, or stays gone.</param>
/// <param name="Fields">What became of each field; empty when rows were chosen whole.</param>
/// <param name="HasConflict">Is there something to be told of: an edit that lost, or two that were made one?</param>
/// <param name="Reason">Why, where no field says it.</param>
public sealed record ConflictResolution(ConflictOutcome Outcome, Row? Merged, IReadOnlyList<FieldMerge> Fields, bool HasConflict, string? Reason = null);
