using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>
/// Reads the notes in their order for ids that the server gives and that an app gave again: to a row it inserted after the one that had the id was deleted, or
/// went on under another key.
/// </summary>
internal sealed class ReusedIds
{
    private readonly Dictionary<RowId, long> _left = [];
    private readonly Dictionary<RowId, RowId> _origins = []; // of rows that stand under another key by now
    private Touch? _last;
    private RowId _lastId;

    /// <summary>Ids whose row left, each with the note of it, or 0 where the deletion is a command already.</summary>
    public IReadOnlyDictionary<RowId, long> Left => _left;

    /// <summary>Ids under which another row was inserted since.</summary>
    public HashSet<RowId> Again { get; } = [];

    /// <summary>Ids under which an app inserted a row, or moved one.</summary>
    public HashSet<RowId> Inserted { get; } = [];

    /// <summary>Ids that another row than the first one had when it went on under another key.</summary>
    public HashSet<RowId> Others { get; } = [];

    public void NoteDeletion(RowId id) => _left[id] = 0;

    public void Note(EntityTable table, RowId id, Touch touch)
    {
        if (table.Type.Identity == IdentityModel.ServerAssigned)
        {
            switch (touch.Op)
            {
                // An INSERT that replaces a row makes no new one.
                case "D" when !(Follows(touch) && _last!.Op == "R" && _lastId == id):
                    _origins.Remove(id);
                    Leave(id, touch.Seq);
                    break;
                case "K":
                    if (Again.Contains(id))
                    {
                        Others.Add(id);
                    }

                    Leave(id, touch.Seq);
                    break;
                case "N" when Follows(touch) && _last!.Op == "K" && Return(_lastId, id):
                    _left.Remove(id);
                    Inserted.Add(id);
                    break;
                case "I" or "N":
                    Inserted.Add(id);
                    if (_left.ContainsKey(id))
                    {
                        Again.Add(id);
                    }

                    break;
            }
        }

        (_last, _lastId) = (touch, id);
    }

    // What was inserted under the id is gone as well: a row that stands there later was inserted later, or brought by the remote.
    private void Leave(RowId id, long seq)
    {
        _left[id] = seq;
        Again.Remove(id);
        Inserted.Remove(id);
    }

    private bool Follows(Touch touch) => _last is { } last && last.Seq == touch.Seq - 1;

    // A row that comes back to the id it had is the one it was.
    private bool Return(RowId from, RowId to)
    {
        var origin = _origins.Remove(from, out var first) ? first : from;
        if (origin == to)
        {
            return true;
        }

        _origins[to] = origin;
        return false;
    }
}
