using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite.Health;

/// <summary>The tables of the server's health file; docs/internals/store.md describes them.</summary>
internal static class HealthServerSchema
{
    private const long FormatVersion = 1;

    private static readonly string[] Statements =
    [
        "CREATE TABLE _tm_health_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        "CREATE TABLE _tm_health_space(space INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE _tm_health_type(type INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE _tm_health_origin(origin INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE)",
        """
        CREATE TABLE _tm_health_sample(space INTEGER NOT NULL, id BLOB NOT NULL, type INTEGER NOT NULL, kind INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, value REAL, unit TEXT, category TEXT, zone TEXT,
          origin INTEGER NOT NULL, created INTEGER, version INTEGER NOT NULL, deleted INTEGER NOT NULL, received INTEGER NOT NULL, extra BLOB, PRIMARY KEY(space, id)) WITHOUT ROWID
        """,
        "CREATE INDEX _tm_health_sample_start ON _tm_health_sample(space, type, start)",
    ];

    public static void SetUp(SqliteConnection writer, string file)
    {
        if (!IsSetUp(writer))
        {
            writer.Run("BEGIN IMMEDIATE");
            if (!IsSetUp(writer)) // Another process may have been first.
            {
                foreach (var statement in Statements)
                {
                    writer.Run(statement);
                }

                writer.Run("INSERT INTO _tm_health_meta(key, value) VALUES('format', ?1)", Value.Integer(FormatVersion));
            }

            writer.Run("COMMIT");
        }

        if (writer.Scalar("SELECT value FROM _tm_health_meta WHERE key = 'format'") is not { Kind: ValueKind.Integer, AsInteger: FormatVersion })
        {
            throw new StoreException(StoreTrouble.NewerVersion, $"{file}: The file was written by another version of the server (this one knows format {FormatVersion}). Upgrade this program; nothing was changed.");
        }
    }

    private static bool IsSetUp(SqliteConnection writer) => writer.Scalar("SELECT count(*) FROM sqlite_master WHERE name = '_tm_health_meta'").AsInteger != 0;
}
