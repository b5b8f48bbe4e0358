using Npgsql;
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

    /// <summary>Both in one.</summary>
    public static NpgsqlBatchCommand StateAndModel(string schema, SpaceId space) =>
        TypeQueries.Spaced($"SELECT s.epoch, s.head, s.token, s.compacted, (SELECT coalesce(max(version), 0) FROM {schema}._tm_model) FROM {schema}._tm_space s WHERE s.space_id = $1", space);

    public static NpgsqlBatchCommand Token(string schema, SpaceId space, long position)
    {
        var command = TypeQueries.Spaced($"SELECT token FROM {schema}._tm_commit WHERE space_id = $1 AND position = $2", space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = position });
        return command;
    }

    public static NpgsqlBatchCommand OldestCommit(string schema, SpaceId space, int behind)
    {
        var command = TypeQueries.Spaced($"SELECT position FROM {schema}._tm_commit WHERE space_id = $1 ORDER BY position LIMIT 1 OFFSET $2", space);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = behind });
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

    /// <summary>Of <see cref="StateAndModel"/>.</summary>
    public static async Task<(SpaceState? State, long Model)> StateAndModelAtAsync(NpgsqlDataReader reader, CancellationToken cancellationToken) =>
        await StateAtAsync(reader, cancellationToken).ConfigureAwait(false) is { } state ? (state, reader.GetInt64(4)) : (null, 0);
}
