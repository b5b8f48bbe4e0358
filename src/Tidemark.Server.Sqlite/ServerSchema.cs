using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>The server's tables in SQLite. Every name is spelled here once.</summary>
internal static class ServerSchema
{
    public const int FormatVersion = 4;
    public const int KeyColumnsMax = 8;
    public const string CreateMade = "CREATE TABLE _tm_made(space_id TEXT NOT NULL, type TEXT NOT NULL, made_by BLOB NOT NULL, id NOT NULL, PRIMARY KEY(space_id, type, made_by)) WITHOUT ROWID";
    public const string CreateLease = "CREATE TABLE _tm_lease(id BLOB PRIMARY KEY, user_id TEXT NOT NULL, device TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID";
    public const string CreateShared = "CREATE TABLE _tm_shared(space_id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID";
    public const string CreateMember = "CREATE TABLE _tm_member(space_id TEXT NOT NULL, user_id TEXT NOT NULL, role TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(space_id, user_id)) WITHOUT ROWID";
    public const string CreateMemberUser = "CREATE INDEX _tm_member_user ON _tm_member(user_id, space_id)";
    public const string CreateInvitation = "CREATE TABLE _tm_invitation(space_id TEXT NOT NULL, id TEXT NOT NULL, secret_hash TEXT NOT NULL, role TEXT NOT NULL, invited_by TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(space_id, id)) WITHOUT ROWID";
    public const string RowMaker = "_tm_made_by BLOB";
    public const string GoneMaker = "made_by BLOB";

    public static IReadOnlyList<string> CreateStatements { get; } =
    [
        "CREATE TABLE _tm_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        "CREATE TABLE _tm_guard(held INTEGER)",
        "CREATE TABLE _tm_space(space_id TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL, token TEXT NOT NULL, compacted INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE _tm_commit(space_id TEXT NOT NULL, position INTEGER NOT NULL, token TEXT NOT NULL, PRIMARY KEY(space_id, position)) WITHOUT ROWID",
        """
        CREATE TABLE _tm_verdict(space_id TEXT NOT NULL, user_id TEXT NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL, type TEXT NOT NULL, client_id BLOB NOT NULL, server_id BLOB NOT NULL,
          version INTEGER NOT NULL, position INTEGER NOT NULL, row BLOB, PRIMARY KEY(space_id, user_id, id)) WITHOUT ROWID
        """,
        "CREATE INDEX _tm_verdict_position ON _tm_verdict(space_id, position)",
        "CREATE TABLE _tm_store(space_id TEXT NOT NULL, user_id TEXT NOT NULL, store_id TEXT NOT NULL, push_seq INTEGER NOT NULL, operation_id TEXT NOT NULL, PRIMARY KEY(space_id, user_id, store_id)) WITHOUT ROWID",
        "CREATE TABLE _tm_counter(space_id TEXT NOT NULL, type TEXT NOT NULL, last INTEGER NOT NULL, forgotten INTEGER NOT NULL, PRIMARY KEY(space_id, type)) WITHOUT ROWID",
        CreateMade,
        CreateLease,
        CreateShared,
        CreateMember,
        CreateMemberUser,
        CreateInvitation,
        "CREATE TABLE _tm_foreign(id INTEGER PRIMARY KEY, space_id TEXT NOT NULL, type TEXT NOT NULL, k0, k1, k2, k3, k4, k5, k6, k7, refused TEXT)",
        "CREATE INDEX _tm_foreign_space ON _tm_foreign(space_id)",
    ];

    /// <summary>The table of one type's tombstones.</summary>
    public static string GoneTable(EntityType type) => SqlName.Quote("_tm_gone_" + type.Name);

    public static string Column(Field field)
    {
        var type = field.Type switch
        {
            FieldType.Exact or FieldType.Blob => "",
            FieldType.Integer or FieldType.Boolean => " INTEGER",
            FieldType.Real => " REAL",
            _ => " TEXT",
        };
        return SqlName.Quote(field.Name) + type + CollationOf(field);
    }

    public static IReadOnlyList<string> CreateTypeStatements(EntityType type)
    {
        var name = SqlName.Quote(type.Name);
        var keys = string.Join(", ", type.Key.Select(SqlName.Quote));
        var goneKeys = type.KeyOrdinals.Select((o, i) => $"k{i}{CollationOf(type.Fields[o])} NOT NULL").ToArray();
        var goneNames = string.Join(", ", Enumerable.Range(0, goneKeys.Length).Select(i => "k" + i));
        return
        [
            $"CREATE TABLE {name}(space_id TEXT NOT NULL, {string.Join(", ", type.Fields.Select(Column))}, _tm_version INTEGER NOT NULL DEFAULT 0, _tm_device TEXT, _tm_command BLOB, _tm_offered INTEGER, {RowMaker}, PRIMARY KEY(space_id, {keys})) WITHOUT ROWID",
            $"CREATE INDEX {SqlName.Quote("_tm_version_" + type.Name)} ON {name}(space_id, _tm_version)",
            $"CREATE TABLE {GoneTable(type)}(space_id TEXT NOT NULL, {string.Join(", ", goneKeys)}, position INTEGER NOT NULL, device TEXT, command BLOB, offered INTEGER, {GoneMaker}, PRIMARY KEY(space_id, {goneNames})) WITHOUT ROWID",
            $"CREATE INDEX {SqlName.Quote("_tm_gone_position_" + type.Name)} ON {GoneTable(type)}(space_id, position)",
        ];
    }

    /// <summary>Indexes for unique values and references; unique values are decided at a group's end, so none is UNIQUE.</summary>
    public static IEnumerable<string> IndexStatements(EntityType type)
    {
        var sets = type.UniqueKeys.Select(u => u.Fields).Concat(type.Relations.Select(r => r.Fields))
            .Where(f => !type.Key.Take(f.Count).SequenceEqual(f, StringComparer.Ordinal))
            .DistinctBy(f => string.Join('\0', f), StringComparer.Ordinal);
        foreach (var fields in sets)
        {
            var name = SqlName.Quote("_tm_by_" + type.Name + "_" + string.Join("_", fields));
            yield return $"CREATE INDEX IF NOT EXISTS {name} ON {SqlName.Quote(type.Name)}(space_id, {string.Join(", ", fields.Select(SqlName.Quote))})";
        }
    }

    /// <summary>Notes what other programs write.</summary>
    public static IEnumerable<string> TriggerStatements(EntityType type)
    {
        const string guard = "WHEN NOT EXISTS (SELECT 1 FROM _tm_guard)";
        var literal = SqlName.Literal(type.Name);
        string Note(string row) =>
            $"INSERT INTO _tm_foreign(space_id, type, {string.Join(", ", Enumerable.Range(0, type.Key.Count).Select(i => "k" + i))}) VALUES({row}.space_id, {literal}, {string.Join(", ", type.Key.Select(k => row + "." + SqlName.Quote(k)))});";
        foreach (var (suffix, what, body) in new[] { ("insert", "INSERT", Note("NEW")), ("update", "UPDATE", Note("OLD") + " " + Note("NEW")), ("delete", "DELETE", Note("OLD")) })
        {
            var name = SqlName.Quote($"_tm_{suffix}_{type.Name}");
            yield return $"DROP TRIGGER IF EXISTS {name}";
            yield return $"CREATE TRIGGER {name} AFTER {what} ON {SqlName.Quote(type.Name)} {guard} BEGIN {body} END";
        }
    }

    private static string CollationOf(Field field) => field.Collation switch
    {
        Collation.NoCase => " COLLATE NOCASE",
        Collation.RTrim => " COLLATE RTRIM",
        _ => "",
    };
}
