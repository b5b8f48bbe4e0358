using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Changes;

/// <summary>Takes changes into a page until it has enough rows or bytes.</summary>
internal sealed class PageSink(int rowsMax, int bytesMax, Func<Row, Row?>? show = null) : IChangeSink, IDisposable
{
    private readonly ChangesPageWriter _writer = new();
    private readonly Dictionary<string, (long Position, EntityKey Key)> _lastOf = new(StringComparer.Ordinal); // Of the types before the one that is being written.
    private bool _handedOver;

    public bool HasMore { get; private set; }

    public int Count => _writer.Count;

    /// <summary>The last change taken.</summary>
    public StoredChange? Last { get; private set; }

    /// <summary>The last change of each type that had one.</summary>
    public IReadOnlyDictionary<string, (long Position, string Id)> LastOf
    {
        get
        {
            NoteLast();
            return _lastOf.ToDictionary(l => l.Key, l => (l.Value.Position, l.Value.Key.ToString()), StringComparer.Ordinal);
        }
    }

    public bool TryAdd(in StoredChange change)
    {
        if (HasEnough())
        {
            return false;
        }

        if (CanSend(change))
        {
            var row = change.Row is null || show is null ? change.Row : show(change.Row);
            var operation = row is not null ? Operation.Update : change.Row is null ? Operation.Delete : Operation.Remove;
            _writer.Add(change.Type, operation, change.Key, change.Version, OriginOf(change), row, change.Origin.MadeBy, change.Origin.Offered);
            Take(change);
        }

        return true;
    }

    public bool TryAdd(in StoredChange change, IUnreadRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (show is not null)
        {
            return TryAdd(change with { Row = row.Read() });
        }

        if (HasEnough())
        {
            return false;
        }

        if (CanSend(change))
        {
            _writer.Add(change.Type, change.Key, change.Version, OriginOf(change), row, change.Origin.MadeBy, change.Origin.Offered);
            Take(change);
        }

        return true;
    }

    public ChangesPageBody Finish(ChangesPageTail tail)
    {
        var body = new ChangesPageBody(_writer, _writer.Finish(tail));
        _handedOver = true;
        return body;
    }

    private static ChangeOrigin? OriginOf(in StoredChange change) =>
        change.Origin is { Device: null, Command: null } ? null : new ChangeOrigin(change.Origin.Device, change.Origin.Command);

    // Not what was written past Tidemark under a key that no device could hold; its write stays refused, by name.
    private static bool CanSend(in StoredChange change) => WireRow.IsSendable(change.Type, change.Key);

    // Who is told so has another change: there is more.
    private bool HasEnough() => HasMore = _writer.Count >= rowsMax || (_writer.Count > 0 && _writer.Length >= bytesMax);

    private void Take(in StoredChange change)
    {
        if (Last is { } before && !ReferenceEquals(before.Type, change.Type))
        {
            NoteLast();
        }

        Last = change;
    }

    private void NoteLast()
    {
        if (Last is { } last)
        {
            _lastOf[last.Type.Name] = (last.Version, last.Key);
        }
    }

    public void Dispose()
    {
        if (!_handedOver)
        {
            _writer.Dispose();
        }
    }
}
