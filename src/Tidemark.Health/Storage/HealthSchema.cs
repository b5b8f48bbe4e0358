namespace Tidemark.Health.Storage;

/// <summary>The tables of health data in a device's file. Every name is spelled here once; docs/internals/store.md describes them.</summary>
internal static class HealthSchema
{
    public const long FormatVersion = 3;
    public const string FormatKey = "format";

    public static IReadOnlyList<string> CreateStatements { get; } =
    [
        "CREATE TABLE _tm_health_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        "CREATE TABLE _tm_health_type(type INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, unit TEXT)",
        "CREATE TABLE _tm_health_origin(origin INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE)",
        """
        CREATE TABLE _tm_health_sample(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, type INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, value REAL, unit TEXT, category TEXT, zone TEXT,
          origin INTEGER NOT NULL, created INTEGER, version INTEGER NOT NULL, deleted INTEGER NOT NULL, extra BLOB)
        """,
        "CREATE INDEX _tm_health_sample_type ON _tm_health_sample(type, seq)",
        "CREATE TABLE _tm_health_import(fingerprint TEXT PRIMARY KEY, position INTEGER NOT NULL, elements INTEGER NOT NULL, seen BLOB NOT NULL, report TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE _tm_health_anchor(source TEXT NOT NULL, type TEXT NOT NULL, captured BLOB, acknowledged BLOB, changed INTEGER NOT NULL, PRIMARY KEY(source, type)) WITHOUT ROWID",
        "CREATE TABLE _tm_health_page(page INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, type TEXT NOT NULL, anchor BLOB NOT NULL, waiting INTEGER NOT NULL)",
        "CREATE INDEX _tm_health_page_type ON _tm_health_page(source, type, page)",
        """
        CREATE TABLE _tm_health_queue(item INTEGER PRIMARY KEY AUTOINCREMENT, page INTEGER NOT NULL, type TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, body BLOB, status INTEGER NOT NULL, priority INTEGER NOT NULL,
          due INTEGER NOT NULL, created INTEGER NOT NULL, tries INTEGER NOT NULL, last_attempt INTEGER, owner TEXT, claimed INTEGER, reason TEXT)
        """,
        "CREATE INDEX _tm_health_queue_page ON _tm_health_queue(page)",
        "CREATE INDEX _tm_health_queue_due ON _tm_health_queue(status, priority DESC, item)",
        .. Format2,
        .. Format3,
    ];

    /// <summary>What brings a file of an earlier format to this one.</summary>
    public static IEnumerable<string> UpgradeFrom(long format) => format switch
    {
        0 => CreateStatements,
        1 => [.. Format2, .. Format3],
        2 => Format3,
        _ => [],
    };

    /// <summary>What files of format 1 do not have.</summary>
    public static IReadOnlyList<string> Format2 =>
    [
        "CREATE TABLE _tm_health_known(type TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, captured INTEGER NOT NULL, PRIMARY KEY(type, id)) WITHOUT ROWID",
        "CREATE TABLE _tm_health_state(type TEXT PRIMARY KEY, looked INTEGER, sample INTEGER, sent INTEGER, trouble INTEGER, reason TEXT, until INTEGER) WITHOUT ROWID",
        "CREATE TABLE _tm_health_blob(hash BLOB PRIMARY KEY, body BLOB NOT NULL, location TEXT, piece INTEGER, due INTEGER NOT NULL, tries INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE _tm_health_entity(mapping TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, row BLOB, columns TEXT, PRIMARY KEY(mapping, id)) WITHOUT ROWID",
        "CREATE TABLE _tm_health_backup(name TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, captured BLOB, acknowledged BLOB, made INTEGER NOT NULL, PRIMARY KEY(name, source, type)) WITHOUT ROWID",
        "ALTER TABLE _tm_health_queue ADD COLUMN blob BLOB",
        "CREATE INDEX _tm_health_queue_blob ON _tm_health_queue(blob) WHERE blob IS NOT NULL",
    ];

    /// <summary>What files of format 2 do not have: which kind of export a sample came from. Until then there was one.</summary>
    public static IReadOnlyList<string> Format3 => ["ALTER TABLE _tm_health_sample ADD COLUMN export INTEGER NOT NULL DEFAULT 0"];
}
