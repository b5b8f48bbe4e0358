using SQLitePCL;
using Tidemark.Client.Errors;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage.Several;

/// <summary>The tables of a file with several remotes; made when the first one is named. `docs/internals/store.md` tells what each column means.</summary>
internal static class SeveralSchema
{
    /// <summary>The statements that make them, in order.</summary>
    public static IReadOnlyList<string> CreateStatements { get; } =
    [
        """
        CREATE TABLE _tm_backend(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, address TEXT NOT NULL, user TEXT, token TEXT, epoch TEXT, push_seq INTEGER NOT NULL DEFAULT 0,
          listing INTEGER NOT NULL DEFAULT 0, page INTEGER NOT NULL DEFAULT 0, question TEXT, trouble TEXT, synced_at INTEGER, told TEXT)
        """,
        "CREATE TABLE _tm_joined(type TEXT NOT NULL, key TEXT NOT NULL, state BLOB NOT NULL, shown BLOB, cause TEXT, PRIMARY KEY(type, key)) WITHOUT ROWID",
        "CREATE INDEX _tm_joined_hidden ON _tm_joined(type, key) WHERE shown IS NOT NULL",
        "CREATE TABLE _tm_shadow(backend INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, version TEXT, state BLOB NOT NULL, extra BLOB, PRIMARY KEY(backend, type, key)) WITHOUT ROWID",
        "CREATE TABLE _tm_owed(backend INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, code TEXT, message TEXT, refused_at INTEGER, PRIMARY KEY(backend, type, key)) WITHOUT ROWID",
        """
        CREATE TABLE _tm_pulled(backend INTEGER NOT NULL, page INTEGER NOT NULL, place INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
          deleted INTEGER NOT NULL, modified INTEGER NOT NULL, fields BLOB, PRIMARY KEY(backend, page, place)) WITHOUT ROWID
        """,
        "CREATE INDEX _tm_pulled_row ON _tm_pulled(type, key)",
        "CREATE TABLE _tm_pulled_page(backend INTEGER NOT NULL, page INTEGER NOT NULL, token_before TEXT, token_after TEXT, epoch TEXT, complete INTEGER NOT NULL, PRIMARY KEY(backend, page)) WITHOUT ROWID",
        """
        CREATE TABLE _tm_quarantine(backend INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, page INTEGER NOT NULL, token_before TEXT, cause TEXT NOT NULL,
          detail TEXT, deleted INTEGER NOT NULL, modified INTEGER NOT NULL, fields BLOB, tried TEXT NOT NULL, tries INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
          PRIMARY KEY(backend, type, key)) WITHOUT ROWID
        """,
        "CREATE TABLE _tm_key(id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, secret BLOB NOT NULL) WITHOUT ROWID",
    ];

    /// <summary>Is the file synced with several remotes, or by their way?</summary>
    public static bool Exists(StoreConnection db) => db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_tm_backend')") != 0;

    /// <summary>For a run in the way for one server: the file may have taken the other one since the service was made.</summary>
    /// <exception cref="SyncException">It has. Nothing was sent.</exception>
    public static void Refuse(StoreConnection db)
    {
        // Asked of the schema as the statements of the run have just read it: not one more for every run.
        if (raw.sqlite3_table_column_metadata(db.Connection.Handle, "main", "_tm_backend", "id", out _, out _, out _, out _, out _) == 0)
        {
            throw new SyncException(SyncErrorCode.BadRequest, "This file has got remotes of its own meanwhile (`tidemark remotes list`). Nothing was sent. Make the service anew, with all of them.");
        }
    }

    /// <summary>Within a transaction.</summary>
    /// <exception cref="SyncException">The file has been synced in the way for one server.</exception>
    /// <returns>The file has taken this way just now.</returns>
    public static bool Ensure(StoreSession session)
    {
        var db = session.Db;
        if (Exists(db))
        {
            return false;
        }

        if (db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_remote WHERE epoch IS NOT NULL OR cursor IS NOT NULL) OR EXISTS(SELECT 1 FROM _tm_command)") != 0)
        {
            throw new SyncException(
                SyncErrorCode.BadRequest,
                "This file has been synced with one server, and keeps its books by that server's ids and versions. Several remotes need a file that has never been synced: adopt a copy of the app's tables.");
        }

        foreach (var statement in CreateStatements)
        {
            db.Execute(statement);
        }

        new MetaRepository(db).Set(JoinBook.TakeAll, Value.Integer(1));
        return true;
    }
}
