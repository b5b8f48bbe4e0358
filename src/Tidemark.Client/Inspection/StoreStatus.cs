using Tidemark.Client.Storage;

namespace Tidemark.Client.Inspection;

/// <summary>The rows of one type.</summary>
public sealed record TypeStatus(string Type, long Rows, long Synced, long Pending, long DeadLetters, long Aside);

/// <summary>What `status` shows.</summary>
public sealed record StoreStatus
{
    public required string Path { get; init; }

    public required string StoreId { get; init; }

    public required string DeviceId { get; init; }

    /// <summary>Empty until the first sync.</summary>
    public required string User { get; init; }

    public required string ModelHash { get; init; }

    public required IReadOnlyList<TypeStatus> Types { get; init; }

    public required Ledger Ledger { get; init; }

    public required RemoteState Remote { get; init; }

    public HistoryEntry? LastRun { get; init; }

    /// <summary>Rows that the server refused for good, by type and key.</summary>
    public required IReadOnlyList<string> Diverged { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>A touch or command as `outbox` shows it.</summary>
public sealed record OutboxItem(string State, string Type, string Key, string Operation, DateTimeOffset At, int Attempts, string? Code, string? Error, Guid? CommandId, long Seq)
{
    /// <summary>Of several remotes the one that lacks the row: then the state is OWED or REFUSED, and the error says what it waits for, or why it was refused.</summary>
    public string? Remote { get; init; }
}

/// <summary>A command out of retries or never valid.</summary>
public sealed record DeadLetter
{
    public required Guid Id { get; init; }

    public required string Type { get; init; }

    public required string Key { get; init; }

    public required string Operation { get; init; }

    public required string Code { get; init; }

    public required string Reason { get; init; }

    public string? Field { get; init; }

    public int Attempts { get; init; }

    /// <summary>The command as it was frozen, as JSON.</summary>
    public required string Command { get; init; }

    /// <summary>The row the server has, as JSON; null when it has none or did not say.</summary>
    public string? ServerRow { get; init; }

    /// <summary>Rows here that wait for this one.</summary>
    public IReadOnlyList<string> Dependents { get; init; } = [];
}

/// <summary>What `cursors` shows.</summary>
public sealed record CursorStatus(string Type, long Position, string At, string LastId, long SafePosition, long Aside);
