namespace Tidemark.Client.RowStates;

/// <summary>How a row stands with the server. Where several hold, the last one counts.</summary>
public enum RowSyncState
{
    /// <summary>As the server has it, of several remotes each, as far as is known here.</summary>
    Synced,

    /// <summary>Changed here; on its way, or waiting for a network. Of several remotes one lacks it, whoever wrote it.</summary>
    Pending,

    /// <summary>Cannot be sent, or brought up to date, before the row it refers to: that one is refused, or has not come.</summary>
    WaitingForParent,

    /// <summary>The server refused it for good: see the dead letter. Of several remotes one: `tidemark outbox` names it.</summary>
    DeadLetter,

    /// <summary>Changed on both sides; a person must decide.</summary>
    Conflict,
}
