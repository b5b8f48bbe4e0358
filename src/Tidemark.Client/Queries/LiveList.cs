using System.Collections;
using System.Collections.Specialized;
using System.ComponentModel;

namespace Tidemark.Client.Queries;

/// <summary>
/// A list that follows a query. Its changes are raised on one synchronization context (or, without one, on the thread that read), one result after the other.
/// Read it on that context only.
/// </summary>
public sealed class LiveList<T, TKey> : IReadOnlyList<T>, IList, INotifyCollectionChanged, INotifyPropertyChanged, IAsyncDisposable
    where TKey : notnull
{
    /// <summary>A result that differs in more rows than this is told as one reset: a user interface is faster with that.</summary>
    private const int ResetAbove = 1000;
    private static readonly NotifyCollectionChangedEventArgs ResetArgs = new(NotifyCollectionChangedAction.Reset);

    private readonly List<T> _items = [];
    private readonly Func<T, TKey> _key;
    private readonly ResultFollower<IReadOnlyList<T>> _follower;

    internal LiveList(IAsyncEnumerable<IReadOnlyList<T>> results, Func<T, TKey> key, SynchronizationContext? context)
    {
        _key = key;
        _follower = new ResultFollower<IReadOnlyList<T>>(results, context, Show, Fail);
    }

    public event NotifyCollectionChangedEventHandler? CollectionChanged;

    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>Completes when the first result is in the list; fails when the query cannot be read.</summary>
    public Task Ready => _follower.Ready;

    /// <summary>Why the list follows no more; null while it does.</summary>
    public Exception? Fault { get; private set; }

    public int Count => _items.Count;

    bool IList.IsFixedSize => false;

    bool IList.IsReadOnly => true;

    bool ICollection.IsSynchronized => false;

    object ICollection.SyncRoot => _items;

    public T this[int index] => _items[index];

    object? IList.this[int index]
    {
        get => _items[index];
        set => throw ReadOnly();
    }

    public IEnumerator<T> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();

    bool IList.Contains(object? value) => value is T item && _items.Contains(item);

    int IList.IndexOf(object? value) => value is T item ? _items.IndexOf(item) : -1;

    void ICollection.CopyTo(Array array, int index) => ((ICollection)_items).CopyTo(array, index);

    int IList.Add(object? value) => throw ReadOnly();

    void IList.Clear() => throw ReadOnly();

    void IList.Insert(int index, object? value) => throw ReadOnly();

    void IList.Remove(object? value) => throw ReadOnly();

    void IList.RemoveAt(int index) => throw ReadOnly();

    /// <summary>Follows no more; the rows stay as they are.</summary>
    public ValueTask DisposeAsync() => _follower.DisposeAsync();

    private void Show(IReadOnlyList<T> result)
    {
        var count = _items.Count;
        if (Math.Abs(count - result.Count) > ResetAbove)
        {
            _items.Clear();
            _items.AddRange(result);
            CollectionChanged?.Invoke(this, ResetArgs);
        }
        else
        {
            foreach (var step in ListSteps.Apply(_items, result, _key))
            {
                CollectionChanged?.Invoke(this, ArgsOf(step));
            }
        }

        if (count != _items.Count)
        {
            PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(nameof(Count)));
        }
    }

    private void Fail(Exception fault)
    {
        Fault = fault;
        PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(nameof(Fault)));
    }

    private static NotifyCollectionChangedEventArgs ArgsOf(ListStep<T> step) => step.Kind switch
    {
        ListStepKind.Insert => new(NotifyCollectionChangedAction.Add, step.Item, step.Index),
        ListStepKind.Remove => new(NotifyCollectionChangedAction.Remove, step.Item, step.Index),
        ListStepKind.Move => new(NotifyCollectionChangedAction.Move, step.Item, step.Index, step.From),
        _ => new(NotifyCollectionChangedAction.Replace, step.Item, step.Former, step.Index),
    };

    private static NotSupportedException ReadOnly() => new("The list follows a query; change the rows in the store.");
}
