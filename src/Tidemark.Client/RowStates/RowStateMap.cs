using System.ComponentModel;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Queries;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.RowStates;

/// <summary>The state of one row, to be bound to.</summary>
public sealed class RowStateView : INotifyPropertyChanged
{
    private static readonly PropertyChangedEventArgs StateArgs = new(nameof(State));

    internal RowStateView(EntityKey key, RowSyncState state) => (Key, State) = (key, state);

    public event PropertyChangedEventHandler? PropertyChanged;

    public EntityKey Key { get; }

    public RowSyncState State { get; private set; }

    internal void Set(RowSyncState state)
    {
        if (state != State)
        {
            State = state;
            PropertyChanged?.Invoke(this, StateArgs);
        }
    }
}

/// <summary>
/// The states of all rows of one type, kept up to date by every commit that moves one: a dictionary of what is not synced, so thousands of rows cost nothing.
/// Changes are raised on the synchronization context it was made on; use it there.
/// </summary>
public sealed class RowStateMap : IAsyncDisposable
{
    private readonly ResultFollower<IReadOnlyDictionary<EntityKey, RowSyncState>> _follower;
    private readonly Dictionary<EntityKey, WeakReference<RowStateView>> _views = [];
    private IReadOnlyDictionary<EntityKey, RowSyncState> _states = new Dictionary<EntityKey, RowSyncState>();

    internal RowStateMap(LocalStore store, EntityType type) =>
        _follower = new ResultFollower<IReadOnlyDictionary<EntityKey, RowSyncState>>(
            store.WatchAsync<IReadOnlyDictionary<EntityKey, RowSyncState>>(c => Read(store, c, type), new SameStates()), SynchronizationContext.Current, Show, _ => { });

    /// <summary>Raised with the keys of the rows whose state has changed.</summary>
    public event EventHandler<IReadOnlyCollection<EntityKey>>? Changed;

    /// <summary>Completes when the states are there.</summary>
    public Task Ready => _follower.Ready;

    /// <summary>The rows that are not synced.</summary>
    public IReadOnlyDictionary<EntityKey, RowSyncState> NotSynced => _states;

    public RowSyncState this[EntityKey key] => _states.GetValueOrDefault(key);

    /// <summary>One row's state, to be bound to; the same object for as long as somebody has it.</summary>
    public RowStateView For(EntityKey key)
    {
        if (_views.TryGetValue(key, out var known) && known.TryGetTarget(out var view))
        {
            return view;
        }

        view = new RowStateView(key, this[key]);
        _views[key] = new WeakReference<RowStateView>(view);
        return view;
    }

    public ValueTask DisposeAsync() => _follower.DisposeAsync();

    internal static IReadOnlyDictionary<EntityKey, RowSyncState> Read(LocalStore store, SqliteConnection connection, EntityType type) =>
        store.OnSession(connection, session => new RowStateReader(session).Read(type));

    private void Show(IReadOnlyDictionary<EntityKey, RowSyncState> states)
    {
        var before = _states;
        _states = states;
        var changed = states.Where(s => before.GetValueOrDefault(s.Key) != s.Value).Select(s => s.Key).Concat(before.Keys.Where(k => !states.ContainsKey(k))).ToArray();
        foreach (var key in changed)
        {
            if (_views.TryGetValue(key, out var known))
            {
                if (known.TryGetTarget(out var view))
                {
                    view.Set(this[key]);
                }
                else
                {
                    _views.Remove(key);
                }
            }
        }

        if (changed.Length > 0)
        {
            Changed?.Invoke(this, changed);
        }
    }

    private sealed class SameStates : IEqualityComparer<IReadOnlyDictionary<EntityKey, RowSyncState>>
    {
        public bool Equals(IReadOnlyDictionary<EntityKey, RowSyncState>? x, IReadOnlyDictionary<EntityKey, RowSyncState>? y) =>
            x is not null && y is not null && x.Count == y.Count && x.All(s => y.TryGetValue(s.Key, out var other) && other == s.Value);

        public int GetHashCode(IReadOnlyDictionary<EntityKey, RowSyncState> obj) => obj.Count;
    }
}

/// <summary>How rows stand with the server.</summary>
public static class RowStateQueries
{
    /// <summary>The rows of a type that are not synced, now. What is not in it is synced.</summary>
    /// <exception cref="ArgumentException">The model has no such type.</exception>
    public static Task<IReadOnlyDictionary<EntityKey, RowSyncState>> ReadRowStatesAsync(this LocalStore store, string type, CancellationToken cancellationToken = default)
    {
        var entity = TypeOf(store, type);
        return store.ReadAsync(c => RowStateMap.Read(store, c, entity), cancellationToken);
    }

    /// <summary>The states of a type's rows, followed.</summary>
    /// <exception cref="ArgumentException">The model has no such type.</exception>
    public static RowStateMap FollowRowStates(this LocalStore store, string type) => new(store, TypeOf(store, type));

    private static EntityType TypeOf(LocalStore store, string type)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.Model.Find(type) ?? throw new ArgumentException($"The model has no entity type {type}.", nameof(type));
    }
}
