using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination.Watching;

/// <summary>What others have committed since the last look.</summary>
/// <param name="HasNewNotes">Rows were written that are to be pushed.</param>
/// <param name="Types">The types they are of.</param>
/// <param name="IsAll">Another instance or process has synced: any type may have changed.</param>
/// <param name="Waiting">What waits to be pushed now.</param>
internal sealed record FileNews(bool HasNewNotes, IReadOnlyList<string> Types, bool IsAll, long Waiting);

/// <summary>
/// Notices commits of any other connection, of any process, by SQLite's own counter; only when that has moved are the books looked into.
/// Used by one at a time.
/// </summary>
internal sealed class FileChangeWatch : IDisposable
{
    private readonly StoreConnection _db;
    private readonly Dictionary<long, string> _types;
    private long? _version;
    private long _lastNote;
    private long _lastToken;

    private FileChangeWatch(StoreConnection db, Dictionary<long, string> types)
    {
        _db = db;
        _types = types;
    }

    public static FileChangeWatch Open(LocalStore store, IStatementWatch? statements)
    {
        var connection = SqliteFile.Open(store.Path, new OpenOptions { QueryOnly = true, Watch = statements });
        var watch = new FileChangeWatch(new StoreConnection(connection), store.EngineSession.Tables.ToDictionary(t => (long)t.Number, t => t.Type.Name));
        (watch._lastNote, watch._lastToken) = (watch.NewestNote(), watch.Token());
        return watch;
    }

    /// <summary>Looks; null when nobody has committed anything since the last look.</summary>
    /// <param name="isOwn">Was the run lock's token one of this service's runs?</param>
    public FileNews? Look(Func<long, bool> isOwn)
    {
        var version = _db.ScalarInt64("PRAGMA data_version");
        if (version == _version)
        {
            return null;
        }

        _version = version;
        _db.Execute("BEGIN");
        try
        {
            var types = _db.Query("SELECT DISTINCT type FROM _tm_touch WHERE seq > ?1 AND type <> 0", s => s.ColumnInt64(0), Value.Integer(_lastNote))
                .Select(n => _types.GetValueOrDefault(n)).OfType<string>().Order(StringComparer.Ordinal).ToList();
            var hasNotes = _db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_touch WHERE seq > ?1 AND type <> 0)", Value.Integer(_lastNote)) != 0;
            var token = Token();
            var isAll = Enumerable.Range(1, (int)Math.Clamp(token - _lastToken, 0, 1000)).Any(i => !isOwn(_lastToken + i));
            (_lastNote, _lastToken) = (NewestNote(), token);
            return new FileNews(hasNotes, types, isAll, Waiting());
        }
        finally
        {
            _db.Execute("ROLLBACK");
        }
    }

    public void Dispose() => _db.Dispose();

    // A sentinel stays behind when notes are taken out, so that their numbers never come again.
    private long NewestNote() => _db.ScalarInt64("SELECT coalesce(max(seq), 0) FROM _tm_touch");

    private long Token() => _db.ScalarInt64("SELECT token FROM _tm_lock WHERE id = 1");

    private long Waiting() =>
        _db.ScalarInt64("SELECT count(*) FROM _tm_touch WHERE type <> 0") + _db.ScalarInt64("SELECT coalesce(sum(events), 0) FROM _tm_command WHERE status <> 'DEAD_LETTER'");
}
