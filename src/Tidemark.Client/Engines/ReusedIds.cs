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
    private readonly HashSet<RowId> _left = [];
    private readonly Dictionary<RowId, RowId> _origins = []; // of rows that stand under another key by now
    private readonly HashSet<RowId> _replaced = []; // By the INSERT whose note comes next, or by none that was carried out.
    private readonly HashSet<RowId> _thrown = []; // Perhaps: by the INSERT of a row with another id.
    private Touch? _last;
    private RowId _lastId;

    /// <summary>Ids whose row left, or may have.</summary>
    public IEnumerable<RowId> Left => _left.Concat(_replaced).Concat(_thrown);

    /// <summary>
    /// Was the row that was inserted under this id perhaps thrown out since? Then what stands there is what it was, or what the remote has brought back: only the
    /// latter is as the remote shows it.
    /// </summary>
    public bool MayBeThrown(RowId id) => _thrown.Contains(id) || _replaced.Contains(id);

    /// <summary>Ids under which another row was inserted since.</summary>
    public HashSet<RowId> Again { get; } = [];

    /// <summary>Ids under which an app inserted a row, or moved one.</summary>
    public HashSet<RowId> Inserted { get; } = [];

    /// <summary>Ids that another row than the first one had when it went on under another key.</summary>
    public HashSet<RowId> Others { get; } = [];

    public void NoteDeletion(RowId id) => _left.Add(id);

    public void Note(EntityTable table, RowId id, Touch touch)
    {
        if (table.Type.Identity == IdentityModel.ServerAssigned)
        {
            switch (touch.Op)
            {
                case "R":
                    _replaced.Add(id);
                    _thrown.Remove(id); // It is there.
                    break;
                case "D" when _replaced.Contains(id):
                    break; // By the INSERT whose note is still to come.
                case "D":
                    _origins.Remove(id);
                    Leave(id);
                    break;
                case "K":
                    if (Again.Contains(id))
                    {
                        Others.Add(id);
                    }

                    Leave(id);
                    break;
                case "N" when Follows(touch) && _last!.Op == "K" && Return(_lastId, id):
                    _left.Remove(id);
                    Inserted.Add(id);
                    break;
                case "I" or "N":
                    NoteThrown(id);
                    Inserted.Add(id);
                    if (_left.Contains(id))
                    {
                        Again.Add(id);
                    }

                    break;
            }
        }

        (_last, _lastId) = (touch, id);
    }

    // An INSERT that replaces the row of its own id makes no new one; others that it throws out are gone. An INSERT that was ignored has left the same notes
    // behind and no row: whether one was thrown out is told by what is inserted under its id later.
    private void NoteThrown(RowId id)
    {
        if (_thrown.Remove(id))
        {
            _origins.Remove(id);
            Leave(id);
        }

        _thrown.UnionWith(_replaced.Where(r => r != id));
        _replaced.Clear();
    }

    // What was inserted under the id is gone as well: a row that stands there later was inserted later, or brought by the remote.
    private void Leave(RowId id)
    {
        _left.Add(id);
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
