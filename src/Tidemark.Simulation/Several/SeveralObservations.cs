using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Several;

/// <summary>How far a device is with a remote.</summary>
/// <param name="Device">The device.</param>
/// <param name="Remote">The remote.</param>
/// <param name="Fetched">The position of its token.</param>
/// <param name="Safe">The position of what a copy is good for.</param>
/// <param name="Shown">The versions of the rows that the remote shows.</param>
/// <param name="Known">The newest versions of them that are merged, staged or in quarantine.</param>
/// <param name="Unread">The versions of those in quarantine.</param>
internal sealed record ReachSeen(string Device, string Remote, long Fetched, long Safe, IReadOnlyDictionary<string, long> Shown, IReadOnlyDictionary<string, long> Known, IReadOnlyList<long> Unread) : Observation;

/// <summary>Stamp and value of each field that a device has.</summary>
internal sealed record StampsSeen(string Device, IReadOnlyDictionary<string, (string Stamp, string Value)> Fields) : Observation;

/// <summary>What a device takes for the stamps of a remote's fields, and what the remote shows; of rows in the version that the device knows.</summary>
internal sealed record ShadowsSeen(string Device, string Remote, IReadOnlyDictionary<string, (string? Known, string? Shown)> Fields) : Observation;

/// <summary>An edit that no run had taken up, behind the next run.</summary>
/// <param name="Device">Where it was made.</param>
/// <param name="Field">Of which row, and which one.</param>
/// <param name="Written">What was written.</param>
/// <param name="Stands">What stands now; null: the row is gone.</param>
/// <param name="IsRecorded">Is there a record of a conflict that has it?</param>
/// <param name="MayDecide">False: its rule needs all remotes, and one was away.</param>
internal sealed record EditMerged(string Device, string Field, string Written, string? Stands, bool IsRecorded, bool MayDecide) : Observation;

/// <summary>A device has written a row at a remote.</summary>
/// <param name="Device">Who writes.</param>
/// <param name="Remote">Where.</param>
/// <param name="Row">Which row.</param>
/// <param name="Former">What stood there; null: nothing.</param>
/// <param name="Now">What stands there now; null: it is deleted.</param>
internal sealed record RowWritten(string Device, string Remote, string Row, string? Former, string? Now) : Observation
{
    /// <summary>It was written on the condition that what stood there is what the device knew, and as single fields.</summary>
    public bool IsKnowing { get; init; }

    /// <summary>The device holds what stood there in quarantine.</summary>
    public bool IsUnread { get; init; }
}

/// <summary>Nothing strikes any more, and nobody has anything to do.</summary>
/// <param name="Devices">The rows of each device; the last one has just come, sees all remotes, and has fetched everything.</param>
/// <param name="Plain">What is not encrypted of the rows of the first one, by row and field.</param>
/// <param name="Unread">What is in quarantine anywhere, and why.</param>
/// <param name="Remotes">The rows of each remote as JSON.</param>
/// <param name="Unknown">What writers who know no stamps left at remotes in members that no model has: remote, row, value.</param>
internal sealed record SeveralAtRest(
    IReadOnlyList<(string Name, IReadOnlyList<string> Rows)> Devices, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string?>> Plain, IReadOnlyList<string> Unread, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Remotes, IReadOnlyList<(string Remote, string Row, string Value)> Unknown) : Observation;

/// <summary>Everything was fetched once more from the start.</summary>
/// <param name="Device">By whom.</param>
/// <param name="Before">Rows and stamps before.</param>
/// <param name="After">And after.</param>
/// <param name="Writes">How many rows it wrote at remotes.</param>
internal sealed record FetchedAgain(string Device, IReadOnlyList<string> Before, IReadOnlyList<string> After, int Writes) : Observation;
