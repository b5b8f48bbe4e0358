using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;

namespace Tidemark.Server.PostgreSql.Verdicts;

/// <summary>The table of packs. Parameter 1 is always the space.</summary>
internal static class VerdictStatements
{
    public static string Table(string schema) => schema + "._tm_verdicts";

    /// <summary>Format 5: what stood in a line each is packed. Nodes of the format before must not write it any more, so their table goes: what they are sent meanwhile is sent again.</summary>
    public static string[] Migration(string s) =>
    [
        $"LOCK TABLE {s}._tm_verdict IN ACCESS EXCLUSIVE MODE",
        $"CREATE TABLE {Table(s)}(space_id text COLLATE \"C\" NOT NULL, user_id text COLLATE \"C\" NOT NULL, last_id uuid NOT NULL, first_id uuid NOT NULL, position bigint NOT NULL, commands integer NOT NULL, verdicts bytea NOT NULL, PRIMARY KEY (space_id, user_id, last_id))",

        // Hashes and ids: to compress them costs time and saves nothing.
        $"ALTER TABLE {Table(s)} ALTER COLUMN verdicts SET STORAGE EXTERNAL",
        $"CREATE INDEX _tm_verdicts_position ON {Table(s)}(space_id, position)",
        $"""
        INSERT INTO {Table(s)}(space_id, user_id, last_id, first_id, position, commands, verdicts)
          SELECT p.space_id, p.user_id, max(p.id::text)::uuid, min(p.id::text)::uuid, max(p.position), count(*), string_agg(p.bytes, ''::bytea ORDER BY p.id)
          FROM (SELECT b.*, sum(length(b.bytes)) OVER (PARTITION BY b.space_id, b.user_id, b.span ORDER BY b.id) / {VerdictPack.BytesMax} AS part
            FROM (SELECT v.space_id, v.user_id, v.id, v.position, {VerdictPack.SpanExpression("v.id")} AS span, {VerdictPack.Expression("v")} AS bytes FROM {s}._tm_verdict v) b) p
          GROUP BY p.space_id, p.user_id, p.span, p.part
        """,
        $"DROP TABLE {s}._tm_verdict",
    ];

    /// <summary>The packs that may hold verdicts of these commands: the ids between the least and the greatest of each span, found by the key's index.</summary>
    public static NpgsqlBatchCommand Find(string schema, SpaceId space, UserId user, IReadOnlyList<Guid> ids)
    {
        var (low, high, end) = (new List<Guid>(), new List<Guid>(), new List<Guid>());
        foreach (var span in ids.GroupBy(VerdictPack.SpanOf))
        {
            low.Add(span.Min());
            high.Add(span.Max());
            end.Add(VerdictPack.EndOfSpan(low[^1]));
        }

        var command = TypeQueries.Spaced($"SELECT x.* FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS u(low, high, stop) CROSS JOIN LATERAL (SELECT p.last_id, p.verdicts FROM {Table(schema)} p WHERE p.space_id = $1 AND p.user_id = $2 AND p.last_id >= u.low AND p.last_id <= u.stop AND p.first_id <= u.high OFFSET 0) x", space);
        command.Parameters.AddRange(new[] { new NpgsqlParameter<string> { TypedValue = user.Value }, Ids(low), Ids(high), Ids(end) });
        return command;
    }

    /// <summary>Writes packs; one that is there is replaced.</summary>
    public static NpgsqlBatchCommand Write(string schema, SpaceId space, UserId user, IReadOnlyList<VerdictPack> packs, long position)
    {
        var command = TypeQueries.Spaced($"INSERT INTO {Table(schema)}(space_id, user_id, last_id, first_id, position, commands, verdicts) SELECT $1, $2, u.last_id, u.first_id, $3, u.commands, u.verdicts FROM unnest($4::uuid[], $5::uuid[], $6::integer[], $7::bytea[]) AS u(last_id, first_id, commands, verdicts) ON CONFLICT (space_id, user_id, last_id) DO UPDATE SET first_id = excluded.first_id, position = excluded.position, commands = excluded.commands, verdicts = excluded.verdicts", space);
        command.Parameters.AddRange(new[]
        {
            new NpgsqlParameter<string> { TypedValue = user.Value },
            new NpgsqlParameter<long> { TypedValue = position },
            Ids([.. packs.Select(p => p.Last)]),
            Ids([.. packs.Select(p => p.First)]),
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer, Value = packs.Select(p => p.Commands).ToArray() },
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea, Value = packs.Select(p => p.Bytes).ToArray() },
        });
        return command;
    }

    public static NpgsqlBatchCommand CountBefore(string schema, SpaceId space, Position before)
    {
        var command = TypeQueries.Spaced($"SELECT coalesce(sum(commands), 0)::bigint FROM {Table(schema)} WHERE space_id = $1 AND position < $2", space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = before.Value });
        return command;
    }

    private static NpgsqlParameter Ids(List<Guid> ids) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = ids };
}
