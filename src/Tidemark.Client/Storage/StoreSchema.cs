using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>The metadata tables of a store. Every name is spelled here once; `docs/internals/store.md` tells what each column means.</summary>
public static class StoreSchema
{
    /// <summary>The version of the file's metadata; a file from a newer one is refused.</summary>
    public const int FormatVersion = 8;

    /// <summary>The widest key a synced table may have.</summary>
    public const int KeyColumnsMax = 8;

    /// <summary>The home remote: the one that replaces ids.</summary>
    public const int HomeRemote = 1;

    internal const string ConflictIndex = "CREATE INDEX _tm_conflict_row ON _tm_conflict(type, key)";

    internal const string RebaseTable = "CREATE TABLE _tm_rebase(remote INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(remote, type, key)) WITHOUT ROWID";

    internal const string AnswerTable = "CREATE TABLE _tm_answer(id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, body TEXT NOT NULL)";

    internal const string ReceiptTable =
        """
        CREATE TABLE _tm_receipt(event INTEGER PRIMARY KEY, write INTEGER NOT NULL, seq INTEGER, type INTEGER NOT NULL, key TEXT NOT NULL, command TEXT, state TEXT NOT NULL,
          version INTEGER, conflict INTEGER, code TEXT, reason TEXT, at INTEGER NOT NULL)
        """;

    internal const string ReceiptIndex = "CREATE INDEX _tm_receipt_open ON _tm_receipt(event) WHERE state IN ('WAITING', 'CONFLICT', 'DEAD')";

    internal const string MergeTable =
        """
        CREATE TABLE _tm_merge(id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, at INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL, into_key TEXT NOT NULL, state TEXT NOT NULL,
          gone BLOB, before BLOB, after BLOB, fields TEXT, moved TEXT NOT NULL)
        """;

    internal const string MergeIndex = "CREATE INDEX _tm_merge_open ON _tm_merge(type, key) WHERE state = 'MERGED'";

    /// <summary>The statements that make the tables of a new store, in order.</summary>
    public static IReadOnlyList<string> CreateStatements { get; } =
    [
        "CREATE TABLE _tm_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        "CREATE TABLE _tm_guard(held INTEGER)",
        "CREATE TABLE _tm_context(id INTEGER PRIMARY KEY, user TEXT NOT NULL, space TEXT NOT NULL, UNIQUE(user, space))",
        "CREATE TABLE _tm_current(ctx INTEGER NOT NULL)",
        "CREATE TABLE _tm_type(n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE _tm_touch(seq INTEGER PRIMARY KEY, type INTEGER NOT NULL, op TEXT NOT NULL, k0, k1, k2, k3, k4, k5, k6, k7, at INTEGER, ctx INTEGER)",
        """
        CREATE TABLE _tm_remote(id INTEGER PRIMARY KEY, name TEXT NOT NULL, ctx INTEGER NOT NULL, epoch TEXT, cursor TEXT, push_seq INTEGER NOT NULL DEFAULT 0,
          floor_position INTEGER, floor_token TEXT, model_hash TEXT, resync TEXT, lost INTEGER NOT NULL DEFAULT 0, until INTEGER, gone INTEGER NOT NULL DEFAULT 0)
        """,
        """
        CREATE TABLE _tm_command(place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, remote INTEGER NOT NULL, ctx INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL,
          operation TEXT NOT NULL, payload BLOB NOT NULL, hash BLOB NOT NULL, base_version INTEGER, sent BLOB, grp TEXT, status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
          next_attempt_at INTEGER, last_code TEXT, last_error TEXT, field TEXT, server_row BLOB, server_version INTEGER, server_deleted INTEGER,
          events INTEGER NOT NULL, first_seq INTEGER NOT NULL, lost TEXT, state_updated_at_ms INTEGER NOT NULL, claim INTEGER)
        """,
        "CREATE INDEX _tm_command_open ON _tm_command(place) WHERE status <> 'DEAD_LETTER'",
        "CREATE TABLE _tm_cursor(remote INTEGER NOT NULL, type TEXT NOT NULL, last_created_at INTEGER NOT NULL, last_id TEXT NOT NULL, PRIMARY KEY(remote, type)) WITHOUT ROWID",
        "CREATE TABLE _tm_idmap(remote INTEGER NOT NULL, type INTEGER NOT NULL, client_id TEXT NOT NULL, server_id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(remote, type, client_id, server_id)) WITHOUT ROWID",
        "CREATE INDEX _tm_idmap_server ON _tm_idmap(remote, type, server_id)",
        "CREATE TABLE _tm_tombstone(remote INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL, deleted_at INTEGER NOT NULL, version INTEGER NOT NULL, made_by TEXT, status TEXT NOT NULL, PRIMARY KEY(remote, type, key)) WITHOUT ROWID",
        "CREATE TABLE _tm_stage(remote INTEGER NOT NULL, page INTEGER NOT NULL, body BLOB NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY(remote, page))",
        """
        CREATE TABLE _tm_aside(remote INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, cause TEXT NOT NULL, detail TEXT, raw BLOB NOT NULL,
          tries INTEGER NOT NULL DEFAULT 0, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY(remote, type, key)) WITHOUT ROWID
        """,
        "CREATE TABLE _tm_offer(remote INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY(remote, type, key)) WITHOUT ROWID",
        "CREATE TABLE _tm_content(remote INTEGER NOT NULL, type INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, content INTEGER NOT NULL, PRIMARY KEY(remote, type, key)) WITHOUT ROWID",
        "CREATE TABLE _tm_mark(remote INTEGER NOT NULL, position INTEGER NOT NULL, token TEXT NOT NULL, PRIMARY KEY(remote, position)) WITHOUT ROWID",
        """
        CREATE TABLE _tm_conflict(id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, command TEXT, outcome TEXT NOT NULL,
          base BLOB, local BLOB, server BLOB, merged BLOB, fields TEXT, server_version INTEGER, server_deleted INTEGER, reason TEXT, policies TEXT, settlement TEXT, settled_at INTEGER)
        """,
        ConflictIndex,
        RebaseTable,
        AnswerTable,
        "CREATE TABLE _tm_counter(remote INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY(remote, name)) WITHOUT ROWID",
        "CREATE TABLE _tm_changed(type INTEGER PRIMARY KEY, seq INTEGER NOT NULL, applied INTEGER NOT NULL)",
        ReceiptTable,
        ReceiptIndex,
        MergeTable,
        MergeIndex,
        "CREATE TABLE _tm_lock(id INTEGER PRIMARY KEY CHECK(id = 1), owner TEXT, token INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL)",
        """
        CREATE TABLE _tm_history(id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, duration_ms INTEGER NOT NULL, cause TEXT NOT NULL, mode TEXT NOT NULL, outcome TEXT NOT NULL,
          pushed INTEGER NOT NULL, pulled INTEGER NOT NULL, conflicts INTEGER NOT NULL, failed INTEGER NOT NULL, idle_runs INTEGER NOT NULL, error_code TEXT, error TEXT,
          phases TEXT)
        """,
        "CREATE TABLE _tm_synced(remote INTEGER NOT NULL, cause TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(remote, cause)) WITHOUT ROWID",
        """
        CREATE TABLE _tm_pace(remote INTEGER PRIMARY KEY, failures INTEGER NOT NULL, noted_at INTEGER NOT NULL, until INTEGER NOT NULL, asked_until INTEGER,
          code TEXT NOT NULL, wire_code TEXT, message TEXT NOT NULL)
        """,
        """
        CREATE TABLE _tm_fetch(id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, reason TEXT NOT NULL, started_at INTEGER NOT NULL, rows INTEGER NOT NULL,
          done_at INTEGER, claimed_by TEXT, handled_at INTEGER)
        """,
        "INSERT INTO _tm_lock(id, owner, token, heartbeat_ms, expires_ms) VALUES(1, NULL, 0, 0, 0)",
    ];

    public static string RowTable(int type) => "_tm_row_" + type.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static string BaseTable(int type) => "_tm_base_" + type.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The row and base table of one entity type.</summary>
    public static IReadOnlyList<string> CreateTypeStatements(int type, EntityType entity)
    {
        var keys = entity.KeyOrdinals.Select((ordinal, i) => "k" + i + CollationOf(entity.Fields[ordinal])).ToArray();
        var names = string.Join(", ", Enumerable.Range(0, keys.Length).Select(i => "k" + i));
        var columns = string.Join(", ", Enumerable.Range(0, entity.Fields.Count).Select(i => "c" + i));
        return
        [
            $"CREATE TABLE {RowTable(type)}({string.Join(", ", keys)}, remote INTEGER NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, made_by TEXT, PRIMARY KEY({names}, remote)) WITHOUT ROWID",
            $"CREATE TABLE {BaseTable(type)}({string.Join(", ", keys)}, remote INTEGER NOT NULL, {columns}, PRIMARY KEY({names}, remote)) WITHOUT ROWID",
        ];
    }

    private static string CollationOf(Field field) => field.Collation switch
    {
        Collation.NoCase => " COLLATE NOCASE NOT NULL",
        Collation.RTrim => " COLLATE RTRIM NOT NULL",
        _ => " NOT NULL",
    };
}
