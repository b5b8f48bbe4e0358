using Tidemark.Client.Queries;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Receipts;

/// <summary>What became of a written row at the server. The later ones need a person.</summary>
public enum ReceiptState
{
    /// <summary>Nothing left to send: reverted, deleted before it was sent, or a table that is not synced.</summary>
    NothingToSend,

    /// <summary>The server has it, as it was written here last; of several remotes each.</summary>
    Accepted,

    /// <summary>The server has it, merged with what others wrote; <see cref="RowReceipt.Conflict"/> names the record that tells how.</summary>
    Merged,

    /// <summary>On its way, or waiting for a network; of several remotes one lacks it still.</summary>
    Waiting,

    /// <summary>A person took it back.</summary>
    Discarded,

    /// <summary>A person must decide between it and what others wrote.</summary>
    Conflict,

    /// <summary>The server refused it for good; <see cref="RowReceipt.Code"/> and <see cref="RowReceipt.Reason"/> say why.</summary>
    DeadLetter,
}

/// <summary>What became of one row of a write.</summary>
public sealed record RowReceipt
{
    public required OutboxEventId Event { get; init; }

    public required string Type { get; init; }

    /// <summary>The key as it is now: an id from the server, once it is known.</summary>
    public required EntityKey Key { get; init; }

    public required ReceiptState State { get; init; }

    /// <summary>The row version of an accepted or merged row; null where several remotes have one each.</summary>
    public long? Version { get; init; }

    /// <summary>The id of the conflict's record: of a merged row, and of one that waits for a person.</summary>
    public long? Conflict { get; init; }

    public string? Code { get; init; }

    public string? Reason { get; init; }
}

/// <summary>What became of a write.</summary>
/// <param name="State">That of the row that matters most: waiting rows first, then those that need a person.</param>
/// <param name="Rows">Every row of the write, once, in the order of their last change in it.</param>
public sealed record ReceiptOutcome(ReceiptState State, IReadOnlyList<RowReceipt> Rows);

/// <summary>Tells what becomes of a write, in this run of the app or in a later one.</summary>
public sealed class Receipt
{
    private readonly LocalStore _store;
    private readonly Lazy<Task<ReceiptOutcome>> _completion;

    internal Receipt(LocalStore store, OutboxEventId? id)
    {
        _store = store;
        Id = id;
        _completion = new Lazy<Task<ReceiptOutcome>>(CompleteAsync);
    }

    /// <summary>Opens the receipt again after a restart (<see cref="WriteReceipts.OpenReceipt"/>); null when the write touched no synced row.</summary>
    public OutboxEventId? Id { get; }

    /// <summary>
    /// Completes when every row has an end that the sync can give: accepted, merged, nothing to send, or waiting for a person. The first one counts; what a person
    /// decides later is told by <see cref="ReadAsync"/>. Fails with <see cref="ObjectDisposedException"/> when the store is closed before.
    /// </summary>
    public Task<ReceiptOutcome> Completion => _completion.Value;

    /// <summary>How it stands now. A receipt that is older than the last 10,000 has no rows any more.</summary>
    public Task<ReceiptOutcome> ReadAsync(CancellationToken cancellationToken = default) =>
        _store.ReadAsync(c => ReceiptRows.Read(_store, c, Id), cancellationToken);

    private async Task<ReceiptOutcome> CompleteAsync()
    {
        await foreach (var outcome in _store.WatchAsync(c => ReceiptRows.Read(_store, c, Id), ReceiptRows.Same).ConfigureAwait(false))
        {
            if (outcome.Rows.All(r => r.State != ReceiptState.Waiting))
            {
                return outcome;
            }
        }

        throw new ObjectDisposedException(nameof(LocalStore), "The store was closed before the write had its end; open the receipt again by its id.");
    }
}

/// <summary>The receipt of a write, with what the write returned.</summary>
/// <param name="Result">What the work returned.</param>
/// <param name="Receipt">Tells what becomes of it.</param>
public sealed record WriteReceipt<T>(T Result, Receipt Receipt);
