using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.PostgreSql.Verdicts;

namespace Tidemark.Server.PostgreSql.Schema;

/// <summary>Tidemark's own tables, by versioned migrations. What is in a released migration is never changed; the next one is added behind it.</summary>
internal static class SystemTables
{
    /// <summary>The statements of each format, the first one first.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Migrations(string schema) => [First(schema), Sharing(schema), Access(schema), Health(schema), VerdictStatements.Migration(schema)];

    // The head and the turn stand in tables of their own: a push holds its turn from the start, programs of others never do; the head is locked last by both.
    private static string[] First(string s) =>
    [
        $"CREATE TABLE {s}._tm_model(version bigint PRIMARY KEY, hash text COLLATE \"C\" NOT NULL, model bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now())",
        $"CREATE TABLE {s}._tm_secret(name text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL)",
        $"CREATE TABLE {s}._tm_lease(id uuid PRIMARY KEY, user_id text COLLATE \"C\" NOT NULL, device text COLLATE \"C\" NOT NULL, state text COLLATE \"C\" NOT NULL, since bigint NOT NULL, expires bigint NOT NULL)",
        $"CREATE TABLE {s}._tm_space(space_id text COLLATE \"C\" PRIMARY KEY, epoch text COLLATE \"C\" NOT NULL, head bigint NOT NULL, token text COLLATE \"C\" NOT NULL, compacted bigint NOT NULL)",
        $"CREATE TABLE {s}._tm_turn(space_id text COLLATE \"C\" PRIMARY KEY)",
        $"CREATE TABLE {s}._tm_commit(space_id text COLLATE \"C\" NOT NULL, position bigint NOT NULL, token text COLLATE \"C\" NOT NULL, PRIMARY KEY (space_id, position))",
        $"CREATE TABLE {s}._tm_verdict(space_id text COLLATE \"C\" NOT NULL, user_id text COLLATE \"C\" NOT NULL, id uuid NOT NULL, hash bytea NOT NULL, type text COLLATE \"C\" NOT NULL, client_id bytea NOT NULL, server_id bytea NOT NULL, version bigint NOT NULL, position bigint NOT NULL, row bytea, PRIMARY KEY (space_id, user_id, id))",
        $"CREATE INDEX _tm_verdict_position ON {s}._tm_verdict(space_id, position)",
        $"CREATE TABLE {s}._tm_store(space_id text COLLATE \"C\" NOT NULL, user_id text COLLATE \"C\" NOT NULL, store_id text COLLATE \"C\" NOT NULL, push_seq bigint NOT NULL, operation_id text COLLATE \"C\" NOT NULL, PRIMARY KEY (space_id, user_id, store_id))",
        $"CREATE TABLE {s}._tm_counter(space_id text COLLATE \"C\" NOT NULL, type text COLLATE \"C\" NOT NULL, last bigint NOT NULL, forgotten bigint NOT NULL, PRIMARY KEY (space_id, type))",
        $"CREATE TABLE {s}._tm_made(space_id text COLLATE \"C\" NOT NULL, type text COLLATE \"C\" NOT NULL, made_by uuid NOT NULL, id jsonb NOT NULL, PRIMARY KEY (space_id, type, made_by))",
        .. CaptureTables.Statements(s),
        $$"""
        CREATE FUNCTION {{s}}._tm_nocase(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
        $$ SELECT CASE jsonb_typeof($1) WHEN 'string' THEN to_jsonb(lower(($1 #>> '{}') COLLATE "C")) ELSE $1 END $$
        """,
        $$"""
        CREATE FUNCTION {{s}}._tm_rtrim(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
        $$ SELECT CASE jsonb_typeof($1) WHEN 'string' THEN to_jsonb(rtrim($1 #>> '{}', ' ')) ELSE $1 END $$
        """,
    ];

    // Who is a member of what: asked for by space and by user. Small tables, which a distributed database keeps on every machine.
    private static string[] Sharing(string s) =>
    [
        $"CREATE TABLE {s}._tm_shared(space_id text COLLATE \"C\" PRIMARY KEY, name text COLLATE \"C\")",
        $"CREATE TABLE {s}._tm_member(space_id text COLLATE \"C\" NOT NULL, user_id text COLLATE \"C\" NOT NULL, role text COLLATE \"C\" NOT NULL, since bigint NOT NULL, PRIMARY KEY (space_id, user_id))",
        $"CREATE INDEX _tm_member_user ON {s}._tm_member(user_id, space_id)",
        $"CREATE TABLE {s}._tm_invitation(space_id text COLLATE \"C\" NOT NULL, id text COLLATE \"C\" NOT NULL, secret_hash text COLLATE \"C\" NOT NULL, role text COLLATE \"C\" NOT NULL, invited_by text COLLATE \"C\" NOT NULL, expires bigint NOT NULL, PRIMARY KEY (space_id, id))",
    ];

    // Devices, revocations and refresh tokens of users, under their own spaces.
    private static string[] Access(string s) =>
    [
        $"CREATE TABLE {s}._tm_access(space_id text COLLATE \"C\" NOT NULL, kind text COLLATE \"C\" NOT NULL, id text COLLATE \"C\" NOT NULL, value text COLLATE \"C\" NOT NULL, expires bigint NOT NULL, PRIMARY KEY (space_id, kind, id))",
    ];

    // Samples, the origins that many of them have in common (named by the digest of their JSON), and the lock of one batch at a time.
    private static string[] Health(string s) =>
    [
        $"CREATE TABLE {s}._tm_health_turn(space_id text COLLATE \"C\" PRIMARY KEY)",
        $"CREATE TABLE {s}._tm_health_origin(space_id text COLLATE \"C\" NOT NULL, origin uuid NOT NULL, json text COLLATE \"C\" NOT NULL, PRIMARY KEY (space_id, origin))",
        $"CREATE TABLE {s}._tm_health_sample(space_id text COLLATE \"C\" NOT NULL, id uuid NOT NULL, type text COLLATE \"C\" NOT NULL, kind smallint NOT NULL, start bigint NOT NULL, stop bigint NOT NULL, value double precision, unit text COLLATE \"C\", category text COLLATE \"C\", zone text COLLATE \"C\", origin uuid, created bigint, version bigint NOT NULL, deleted boolean NOT NULL, received bigint NOT NULL, extra bytea, PRIMARY KEY (space_id, id))",
        $"CREATE INDEX _tm_health_sample_start ON {s}._tm_health_sample(space_id, type, start, id)",
    ];

    public static string CreateSchema(string schema) => $"CREATE SCHEMA IF NOT EXISTS {schema}";

    public static string CreateFormat(string schema) => $"CREATE TABLE IF NOT EXISTS {schema}._tm_format(version bigint PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())";

    /// <summary>The number of the lock under which tables are made and altered; one for each schema.</summary>
    public static string LockNumber(string schema) => $"hashtextextended({PgName.Literal("tidemark:" + schema)}, 0)";
}
