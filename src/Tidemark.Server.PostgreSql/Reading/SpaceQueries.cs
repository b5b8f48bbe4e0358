using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>What is read of a space besides its rows. Parameter 1 is always the space.</summary>
internal static class SpaceQueries
{
    public static NpgsqlBatchCommand State(string schema, SpaceId space) =>
        TypeQueries.Spaced($"SELECT s.epoch, s.head, s.token, s.compacted FROM {schema}._tm_space s WHERE s.space_id = $1", space);

    public static NpgsqlBatchCommand ModelVersion(string schema) => new($"SELECT coalesce(max(version), 0) FROM {schema}._tm_model");

    public static NpgsqlBatchCommand Token(string schema, SpaceId space, long position)
    {
        var command = TypeQueries.Spaced($"SELECT token FROM {schema}._tm_commit WHERE space_id = $1 AND position = $2", space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = position });
        return command;
    }

    // Nearly always there are none between the least and the greatest of the ids, because ids grow: one look then, not one for each.
    // Each by the key's index: for a list of ids the planner reads all verdicts of the user and throws away those that are not in it.
    public static NpgsqlBatchCommand Verdicts(string schema, SpaceId space, UserId user, IReadOnlyList<Guid> ids)
    {
        var command = TypeQueries.Spaced($"SELECT x.* FROM unnest($3::uuid[]) AS u(id) CROSS JOIN LATERAL (SELECT v.id, v.hash, v.type, v.client_id, v.server_id, v.version, v.row FROM {schema}._tm_verdict v WHERE v.space_id = $1 AND v.user_id = $2 AND v.id = u.id OFFSET 0) x WHERE EXISTS (SELECT 1 FROM {schema}._tm_verdict r WHERE r.space_id = $1 AND r.user_id = $2 AND r.id >= $4 AND r.id <= $5)", space);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = user.Value });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = ids.ToArray() });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = ids.DefaultIfEmpty().Min() });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = ids.DefaultIfEmpty().Max() });
        return command;
    }

    public static NpgsqlBatchCommand CountBefore(string table, SpaceId space, Position before)
    {
        var command = TypeQueries.Spaced($"SELECT count(*) FROM {table} WHERE space_id = $1 AND position < $2", space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = before.Value });
        return command;
    }

    public static async Task<SpaceState?> StateAtAsync(NpgsqlDataReader reader, CancellationToken cancellationToken) =>
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? new SpaceState(reader.GetString(0), new Mark(reader.GetInt64(1), reader.GetString(2)), new Position(reader.GetInt64(3)))
            : null;

    public static RecordedVerdict VerdictAt(NpgsqlDataReader reader) => new(
        reader.GetGuid(0), reader.GetFieldValue<byte[]>(1), reader.GetString(2), reader.GetFieldValue<byte[]>(3), reader.GetFieldValue<byte[]>(4), reader.GetInt64(5),
        reader.IsDBNull(6) ? null : reader.GetFieldValue<byte[]>(6));
}
