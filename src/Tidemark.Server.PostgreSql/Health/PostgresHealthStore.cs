using System.Data;
using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Health;
using Tidemark.Server.PostgreSql.Connections;

namespace Tidemark.Server.PostgreSql.Health;

/// <summary>Health samples in PostgreSQL. Each statement names the space first.</summary>
internal sealed class PostgresHealthStore(NpgsqlDataSource source, PostgresOptions options) : IHealthStore
{
    private readonly SpaceTurns _turns = new();
    private readonly string _sample = $"{options.Schema}._tm_health_sample";

    // A type of a few samples and one of millions are asked for by the same plan: by index, in its order.
    private readonly string _settings = $"SELECT set_config('statement_timeout', '{(long)options.StatementTimeout.TotalMilliseconds}', true), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)";

    public async ValueTask<IHealthTransaction> WriteAsync(SpaceId space, CancellationToken cancellationToken)
    {
        var turn = await _turns.TakeAsync(space, cancellationToken).ConfigureAwait(false);
        PgSession? session = null;
        try
        {
            return await PgErrors.GuardAsync<IHealthTransaction>(async () =>
            {
                session = await PgSession.BeginAsync(source, IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
                await session.RunAsync(
                    [
                        new NpgsqlBatchCommand(_settings),
                        Spaced($"INSERT INTO {options.Schema}._tm_health_turn(space_id) VALUES ($1) ON CONFLICT DO NOTHING", space),
                        Spaced($"SELECT 1 FROM {options.Schema}._tm_health_turn WHERE space_id = $1 FOR UPDATE", space),
                    ],
                    (_, _, _) => Task.CompletedTask,
                    cancellationToken).ConfigureAwait(false);
                return new PgHealthTransaction(session, options.Schema, space, turn);
            }).ConfigureAwait(false);
        }
        catch
        {
            if (session is not null)
            {
                await session.DisposeAsync().ConfigureAwait(false);
            }

            turn.Dispose();
            throw;
        }
    }

    public async ValueTask<IReadOnlyList<HealthSample>> ReadAsync(SpaceId space, string type, long fromMs, long toMs, HealthPlace? after, int limit, CancellationToken cancellationToken)
    {
        var samples = new List<HealthSample>();
        var origins = new HealthOrigins();
        var command = Spaced(
            $"SELECT s.id, s.kind, s.start, s.stop, s.value, s.unit, s.category, s.zone, o.json, s.created, s.version, s.extra FROM {_sample} s JOIN {options.Schema}._tm_health_origin o ON o.space_id = s.space_id AND o.origin = s.origin "
            + "WHERE s.space_id = $1 AND s.type = $2 AND NOT s.deleted AND s.start >= $3 AND s.start < $4 AND (s.start, s.id) > ($5, $6) ORDER BY s.start, s.id LIMIT $7",
            space, Text(type), Number(fromMs), Number(toMs), Number(after?.StartMs ?? long.MinValue), new NpgsqlParameter<Guid> { TypedValue = after?.Id ?? Guid.Empty }, Number(limit));
        await ReadAsync(command, r => samples.Add(SampleAt(r, type, origins)), cancellationToken).ConfigureAwait(false);
        return samples;
    }

    public async ValueTask<IReadOnlyList<HealthTypeState>> GetTypesAsync(SpaceId space, CancellationToken cancellationToken)
    {
        var states = new List<HealthTypeState>();
        var command = Spaced(
            $"SELECT type, count(*) FILTER (WHERE NOT deleted), count(*) FILTER (WHERE deleted), min(start) FILTER (WHERE NOT deleted), max(stop) FILTER (WHERE NOT deleted), max(received) FROM {_sample} WHERE space_id = $1 GROUP BY type ORDER BY type", space);
        await ReadAsync(
            command,
            r => states.Add(new HealthTypeState
            {
                Type = r.GetString(0),
                Samples = r.GetInt64(1),
                Deleted = r.GetInt64(2),
                First = TimeAt(r, 3),
                Last = TimeAt(r, 4),
                ReceivedAt = TimeAt(r, 5),
            }),
            cancellationToken).ConfigureAwait(false);
        return states;
    }

    public async ValueTask VisitAsync(SpaceId space, string type, long fromMs, long toMs, Action<Guid, long, long> visit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(visit);
        var command = Spaced($"SELECT id, version, start FROM {_sample} WHERE space_id = $1 AND type = $2 AND NOT deleted AND start >= $3 AND start < $4 ORDER BY start", space, Text(type), Number(fromMs), Number(toMs));
        await ReadAsync(command, r => visit(r.GetGuid(0), r.GetInt64(1), r.GetInt64(2)), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<IReadOnlyList<HealthInterval>> GetIntervalsAsync(SpaceId space, string type, long fromMs, long toMs, CancellationToken cancellationToken)
    {
        var intervals = new List<HealthInterval>();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        var command = Spaced(
            $"SELECT s.start, s.stop, s.value, o.json FROM {_sample} s JOIN {options.Schema}._tm_health_origin o ON o.space_id = s.space_id AND o.origin = s.origin WHERE s.space_id = $1 AND s.type = $2 AND NOT s.deleted AND s.start < $4 AND s.stop >= $3 ORDER BY s.start",
            space, Text(type), Number(fromMs), Number(toMs));
        await ReadAsync(
            command,
            r =>
            {
                var json = r.GetString(3);
                if (!names.TryGetValue(json, out var name))
                {
                    names[json] = name = HealthSampleJson.ParseOrigin(System.Text.Encoding.UTF8.GetBytes(json)).Source;
                }

                intervals.Add(new HealthInterval(r.GetInt64(0), r.GetInt64(1), r.IsDBNull(2) ? null : r.GetDouble(2), name));
            },
            cancellationToken).ConfigureAwait(false);
        return intervals;
    }

    // The connections are the server store's.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal static NpgsqlBatchCommand Spaced(string sql, SpaceId space, params ReadOnlySpan<NpgsqlParameter> more)
    {
        var command = new NpgsqlBatchCommand(sql) { Parameters = { new NpgsqlParameter<string> { TypedValue = space.Value } } };
        foreach (var parameter in more)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    internal static NpgsqlParameter Array<T>(T[] values, NpgsqlDbType type) => new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type };

    internal static NpgsqlParameter Number(long value) => new NpgsqlParameter<long> { TypedValue = value };

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value };

    private async Task ReadAsync(NpgsqlBatchCommand command, Action<NpgsqlDataReader> at, CancellationToken cancellationToken) => await PgErrors.GuardAsync(async () =>
    {
        var session = await PgSession.BeginAsync(source, IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            await session.RunAsync(
                [new NpgsqlBatchCommand(_settings), command],
                async (i, reader, token) =>
                {
                    while (i == 1 && await reader.ReadAsync(token).ConfigureAwait(false))
                    {
                        at(reader);
                    }
                },
                cancellationToken).ConfigureAwait(false);
            return true;
        }
    }).ConfigureAwait(false);

    private static HealthSample SampleAt(NpgsqlDataReader row, string type, HealthOrigins origins) => new()
    {
        Id = row.GetGuid(0),
        Kind = (HealthKind)row.GetInt16(1),
        Type = type,
        StartMs = row.GetInt64(2),
        EndMs = row.GetInt64(3),
        Value = row.IsDBNull(4) ? null : row.GetDouble(4),
        Unit = TextAt(row, 5),
        Category = TextAt(row, 6),
        Zone = TextAt(row, 7),
        Origin = origins.Of(System.Text.Encoding.UTF8.GetBytes(row.GetString(8))),
        CreatedMs = row.IsDBNull(9) ? null : row.GetInt64(9),
        Version = row.GetInt64(10),
        Extra = row.IsDBNull(11) ? null : new RawJson(row.GetFieldValue<byte[]>(11)),
    };

    private static string? TextAt(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? TimeAt(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));
}
