using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>One thing that was seen in a run. A history is a list of them; checkers look at nothing else.</summary>
internal abstract record Observation;

/// <summary>An app's transaction was committed.</summary>
internal sealed record EditSeen(string Device, string User, EditFacts Facts) : Observation;

/// <summary>A person has made one row of two, by tag; those below them that were alike too. What changed with it was seen as an edit before.</summary>
internal sealed record DuplicatesMerged(string Device, IReadOnlyList<(string Gone, string Stays)> Pairs) : Observation;

/// <summary>The doctor has looked at a store.</summary>
internal sealed record Examined(string Device, IReadOnlyList<string> Faults) : Observation;

/// <summary>The server was asked and answered; whether the answer arrived is another matter.</summary>
internal sealed record ExchangeSeen(string Device, string User, string Path, byte[] Request, int Status, byte[] Reply) : Observation
{
    /// <summary>The lease that was named.</summary>
    public string? Lease { get; init; }

    /// <summary>When it was answered, by the server's clock.</summary>
    public long ServerMs { get; init; }
}

/// <summary>A hint has reached a device.</summary>
internal sealed record HintSeen(string Device, long Position, long? Floor, bool IsDue) : Observation;

/// <summary>A write was committed with a receipt; the words that stand in the file for it.</summary>
internal sealed record ReceiptSeen(string Device, string User, long Write, IReadOnlyList<string> Words) : Observation;

/// <summary>What all receipts of a device say at rest, and the words that stand on the server.</summary>
internal sealed record ReceiptsAtRest(string Device, long Waiting, IReadOnlyList<(long Write, string State, long? Version)> Lines, IReadOnlySet<string> WordsThere) : Observation;

/// <summary>A run of the engine ended.</summary>
internal sealed record RunSeen(string Device, string Outcome, string? Code, bool Resynced, bool LockFree) : Observation;

/// <summary>The state of a device's own books.</summary>
internal sealed record DeviceSeen(string Device, Books Books) : Observation;

/// <summary>A device's file became another: a copy that was kept, or a new one. Words written since that copy may be gone with the old file.</summary>
internal sealed record FileReplaced(string Device, string How, long WordsKept) : Observation;

/// <summary>A copy of a device's file is kept: what waits in it may be sent again by whoever gets it.</summary>
internal sealed record CopyKept(string Device) : Observation;

/// <summary>The server forgets deletions, verdicts and commits that are older than it promises to keep them, or than it promised.</summary>
internal sealed record ServerCompacted : Observation
{
    /// <summary>Commands that were sent and have no verdict, as JSON.</summary>
    public IReadOnlyList<string> Unanswered { get; init; } = [];
}

/// <summary>A device began with a copy of another's file.</summary>
internal sealed record DeviceCloned(string Device, string From) : Observation;

/// <summary>The rows of one user on the server after a push was executed.</summary>
internal sealed record ServerSeen(string User, long Head, DatabaseImage Rows) : Observation;

/// <summary>The server went back to a backup.</summary>
internal sealed record ServerRestored : Observation
{
    /// <summary>What devices have sent without an answer, as text: the server that carried it out has forgotten that it did.</summary>
    public IReadOnlyList<string> Unanswered { get; init; } = [];
}

/// <summary>Faults are over and nobody has anything to do any more.</summary>
internal sealed record Quiet(IReadOnlyList<ReplicaAtRest> Replicas) : Observation;

/// <summary>A person has discarded what was refused, and all is quiet again.</summary>
internal sealed record Settled(IReadOnlyList<ReplicaAtRest> Replicas) : Observation;

/// <summary>One database at rest: a device's, or a user's part of the server (Device is empty then).</summary>
internal sealed record ReplicaAtRest(string Device, string User, DatabaseImage Rows, IReadOnlySet<string> OpenTypes, Books? Books)
{
    /// <summary>Rows, as text, that stand in the record of a conflict: a restored server had lost them, or a deletion took them along.</summary>
    public IReadOnlyList<string> Recorded { get; init; } = [];

    /// <summary>Rows that wait, are refused or are put aside, as the story tells them.</summary>
    public IReadOnlyList<string> OpenRows { get; init; } = [];
}

/// <summary>What a store's metadata says of itself.</summary>
internal sealed record Books
{
    public required string File { get; init; }

    public long Captured { get; init; }

    public long Accepted { get; init; }

    public long Folded { get; init; }

    public long Absorbed { get; init; }

    public long Discarded { get; init; }

    public long Dead { get; init; }

    public long Waiting { get; init; }

    /// <summary>Commands that were refused for good; one may stand for no event of its own.</summary>
    public long DeadLetters { get; init; }

    /// <summary>Position per entity type.</summary>
    public IReadOnlyList<(string Type, long Position, string LastId)> Cursors { get; init; } = [];

    public long? Floor { get; init; }

    public string? Epoch { get; init; }

    public string? Resync { get; init; }

    /// <summary>Rows without the parent that a required reference names.</summary>
    public IReadOnlyList<string> Orphans { get; init; } = [];

    /// <summary>Rows whose optional reference leads nowhere.</summary>
    public IReadOnlyList<string> Dangling { get; init; } = [];

    public bool GuardLeft { get; init; }

    public long Marks { get; init; }

    public long Staged { get; init; }

    public long Aside { get; init; }

    /// <summary>There are unique indexes that the server does not know: rows that clash on one may be put aside for good.</summary>
    public bool Unchecked { get; init; }

    /// <summary>Rows that are put aside and will come.</summary>
    public long AsideForNow => Unchecked ? 0 : Aside;

    public long WalBytes { get; init; }

    public long FileBytes { get; init; }

    /// <summary>The rows the remote has shown, as of which version.</summary>
    public IReadOnlyList<(string Type, string Key, long Version)> Rows { get; init; } = [];

    /// <summary>The deletions the remote has shown, as of which version.</summary>
    public IReadOnlyList<(string Type, string Key, long Version)> Deleted { get; init; } = [];
}
