using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Inspection;
using Tidemark.Client.Queries;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inbox;

/// <summary>
/// The one place where a person is needed: dead letters and conflicts that no rule decides, and duplicates when it is asked for them, with what can be done about each. Its count and items follow every
/// commit; changes are raised on the synchronization context it was made on.
/// </summary>
public sealed class NeedsYouInbox : INotifyPropertyChanged, IAsyncDisposable
{
    private static readonly PropertyChangedEventArgs CountArgs = new(nameof(Count));
    private static readonly PropertyChangedEventArgs ItemsArgs = new(nameof(Items));
    private readonly LocalStore _store;
    private readonly ResultFollower<IReadOnlyList<InboxItem>> _follower;

    /// <param name="store">The store.</param>
    /// <param name="showsDuplicates">Also rows that share a natural key of the model. Every commit to a table that has one is then followed by reading through it twice.</param>
    public NeedsYouInbox(LocalStore store, bool showsDuplicates = false)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _follower = new ResultFollower<IReadOnlyList<InboxItem>>(
            store.WatchAsync<IReadOnlyList<InboxItem>>(c => store.OnSession(c, s => new InboxReader(s).Read(showsDuplicates)), SameItems.One), SynchronizationContext.Current, Show, _ => { });
    }

    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>Raised when <see cref="Items"/> is another list.</summary>
    public event EventHandler? Changed;

    /// <summary>Completes when the items are there.</summary>
    public Task Ready => _follower.Ready;

    /// <summary>How many rows wait for a person.</summary>
    public int Count => Items.Count;

    /// <summary>The oldest first.</summary>
    public IReadOnlyList<InboxItem> Items { get; private set; } = [];

    /// <summary>Settles a conflict field by field. Fields that are not chosen are as they are here, merged with what others changed besides.</summary>
    /// <returns>False: it is settled already.</returns>
    /// <exception cref="ArgumentException">The type has no such field, or it is part of the key, or the item is no conflict.</exception>
    public Task<bool> SettleAsync(InboxItem item, IReadOnlyDictionary<string, FieldChoice> choices, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(choices);
        return SettleAsync(item, (type, theirs) =>
        {
            var values = new Value[type.Fields.Count];
            foreach (var (name, choice) in choices)
            {
                var ordinal = Enumerable.Range(0, type.Fields.Count).FirstOrDefault(i => type.Fields[i].Name == name, -1);
                if (ordinal < 0 || type.IsKey(ordinal))
                {
                    throw new ArgumentException($"{type.Name} has no field {name} that could be chosen.", nameof(choices));
                }

                values[ordinal] = choice.Value ?? (choice.IsTheirs ? theirs?[ordinal] ?? Value.Null : Value.Absent);
            }

            return ConflictSettlement.Take(new Row(type, values));
        }, cancellationToken);
    }

    /// <summary>Settles a conflict: the row as it is here, merged with what others changed besides.</summary>
    public Task<bool> KeepMineAsync(InboxItem item, CancellationToken cancellationToken = default) => SettleAsync(item, (_, _) => ConflictSettlement.TakeLocal, cancellationToken);

    /// <summary>Settles a conflict: the row as the server has it.</summary>
    public Task<bool> TakeTheirsAsync(InboxItem item, CancellationToken cancellationToken = default) => SettleAsync(item, (_, _) => ConflictSettlement.TakeServer, cancellationToken);

    /// <summary>Sends a dead letter again, as its row is now.</summary>
    public Task<bool> RetryAsync(InboxItem item, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        return _store.RetryAsync(item.Command, cancellationToken);
    }

    /// <summary>Merges duplicates into the first of them. Rows that were edited since and are none any more stay.</summary>
    /// <exception cref="ArgumentException">The item is something else.</exception>
    public Task<DuplicateMergeReport> MergeAsync(InboxItem item, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        return new StoreDuplicates(_store).MergeAsync(item.Duplicates ?? throw new ArgumentException("These are no duplicates.", nameof(item)), cancellationToken);
    }

    /// <summary>Takes it back: the server's state returns, for the rows that wait for it too.</summary>
    public Task<bool> DiscardAsync(InboxItem item, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        return _store.DiscardAsync(item.Command, cancellationToken);
    }

    public ValueTask DisposeAsync() => _follower.DisposeAsync();

    private async Task<bool> SettleAsync(InboxItem item, Func<Model.Entities.EntityType, Row?, ConflictSettlement> decide, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (item.Kind != InboxItemKind.Conflict)
        {
            throw new ArgumentException("A dead letter is retried or discarded, duplicates are merged; there are no two sides to settle.", nameof(item));
        }

        if (item.Conflict is not { } id)
        {
            return false;
        }

        var record = await _store.ReadAsync(c => _store.OnSession(c, s => s.Conflicts.Find(id)), cancellationToken).ConfigureAwait(false);
        return record is { IsOpen: true } && await _store.SettleAsync(id, decide(_store.Model.Get(item.Type), record.Server), cancellationToken).ConfigureAwait(false);
    }

    private void Show(IReadOnlyList<InboxItem> items)
    {
        if (SameItems.One.Equals(Items, items))
        {
            return;
        }

        var count = Count;
        Items = items;
        PropertyChanged?.Invoke(this, ItemsArgs);
        if (count != Count)
        {
            PropertyChanged?.Invoke(this, CountArgs);
        }

        Changed?.Invoke(this, EventArgs.Empty);
    }

    private sealed class SameItems : IEqualityComparer<IReadOnlyList<InboxItem>>
    {
        public static SameItems One { get; } = new();

        public bool Equals(IReadOnlyList<InboxItem>? x, IReadOnlyList<InboxItem>? y) =>
            x is not null && y is not null && x.Count == y.Count && x.Zip(y).All(p => p.First.IsSame(p.Second));

        public int GetHashCode([DisallowNull] IReadOnlyList<InboxItem> obj) => obj.Count;
    }
}
