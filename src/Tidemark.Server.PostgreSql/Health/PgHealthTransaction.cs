using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server.Health;
using Tidemark.Server.PostgreSql.Connections;

namespace Tidemark.Server.PostgreSql.Health;

/// <summary>One batch in one transaction; each kind of thing is one statement, however many there are.</summary>
internal sealed class PgHealthTransaction(PgSession session, string schema, SpaceId space, IDisposable turn) : IHealthTransaction
{
    public async ValueTask<IReadOnlyDictionary<Guid, StoredHealth>> FindAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        var known = new Dictionary<Guid, StoredHealth>();
        var find = PostgresHealthStore.Spaced($"SELECT id, version, deleted FROM {schema}._tm_health_sample WHERE space_id = $1 AND id = ANY($2)", space, PostgresHealthStore.Array([.. ids], NpgsqlDbType.Uuid));
        await PgErrors.GuardAsync(async () =>
        {
            await session.RunAsync(
                [find],
                async (_, reader, token) =>
                {
                    while (await reader.ReadAsync(token).ConfigureAwait(false))
                    {
                        known[reader.GetGuid(0)] = new StoredHealth(reader.GetInt64(1), reader.GetBoolean(2));
                    }
                },
                cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        return known;
    }

    public async ValueTask PutAsync(IReadOnlyList<HealthSample> samples, long receivedMs, CancellationToken cancellationToken)
    {
        if (samples.Count == 0)
        {
            return;
        }

        var origins = new Dictionary<HealthOrigin, (Guid Id, string Json)>();
        foreach (var sample in samples)
        {
            if (!origins.ContainsKey(sample.Origin))
            {
                var json = HealthSampleJson.ToText(sample.Origin);
                origins[sample.Origin] = (new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(json)).AsSpan(0, 16), bigEndian: true), json);
            }
        }

        T[] Of<T>(Func<HealthSample, T> member) => [.. samples.Select(member)];
        var named = origins.Values.DistinctBy(o => o.Id).ToArray();
        await RunAsync(
            [
                PostgresHealthStore.Spaced(
                    $"INSERT INTO {schema}._tm_health_origin(space_id, origin, json) SELECT $1, u.* FROM unnest($2::uuid[], $3::text[]) AS u ON CONFLICT (space_id, origin) DO NOTHING",
                    space, PostgresHealthStore.Array([.. named.Select(o => o.Id)], NpgsqlDbType.Uuid), PostgresHealthStore.Array([.. named.Select(o => o.Json)], NpgsqlDbType.Text)),
                PostgresHealthStore.Spaced(
                    $"INSERT INTO {schema}._tm_health_sample(space_id, received, deleted, id, type, kind, start, stop, value, unit, category, zone, origin, created, version, extra) SELECT $1, $2, false, u.* "
                    + "FROM unnest($3::uuid[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[], $8::double precision[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::bigint[], $14::bigint[], $15::bytea[]) AS u "
                    + "ON CONFLICT (space_id, id) DO UPDATE SET received = excluded.received, deleted = false, type = excluded.type, kind = excluded.kind, start = excluded.start, stop = excluded.stop, value = excluded.value, unit = excluded.unit, "
                    + "category = excluded.category, zone = excluded.zone, origin = excluded.origin, created = excluded.created, version = excluded.version, extra = excluded.extra",
                    space,
                    PostgresHealthStore.Number(receivedMs),
                    PostgresHealthStore.Array(Of(s => s.Id), NpgsqlDbType.Uuid),
                    PostgresHealthStore.Array(Of(s => s.Type), NpgsqlDbType.Text),
                    PostgresHealthStore.Array(Of(s => (short)s.Kind), NpgsqlDbType.Smallint),
                    PostgresHealthStore.Array(Of(s => s.StartMs), NpgsqlDbType.Bigint),
                    PostgresHealthStore.Array(Of(s => s.EndMs), NpgsqlDbType.Bigint),
                    PostgresHealthStore.Array(Of(s => s.Value), NpgsqlDbType.Double),
                    PostgresHealthStore.Array(Of(s => s.Unit), NpgsqlDbType.Text),
                    PostgresHealthStore.Array(Of(s => s.Category), NpgsqlDbType.Text),
                    PostgresHealthStore.Array(Of(s => s.Zone), NpgsqlDbType.Text),
                    PostgresHealthStore.Array(Of(s => origins[s.Origin].Id), NpgsqlDbType.Uuid),
                    PostgresHealthStore.Array(Of(s => s.CreatedMs), NpgsqlDbType.Bigint),
                    PostgresHealthStore.Array(Of(s => s.Version), NpgsqlDbType.Bigint),
                    PostgresHealthStore.Array(Of(s => s.Extra?.Utf8.ToArray()), NpgsqlDbType.Bytea)),
            ],
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DeleteAsync(IReadOnlyList<HealthDelete> deletes, long receivedMs, CancellationToken cancellationToken)
    {
        if (deletes.Count > 0)
        {
            await RunAsync(
                [
                    PostgresHealthStore.Spaced(
                        $"INSERT INTO {schema}._tm_health_sample(space_id, received, deleted, kind, start, stop, id, type, version) SELECT $1, $2, true, 0, 0, 0, u.* FROM unnest($3::uuid[], $4::text[], $5::bigint[]) AS u "
                        + "ON CONFLICT (space_id, id) DO UPDATE SET received = excluded.received, deleted = true, version = excluded.version, value = NULL, category = NULL, zone = NULL, extra = NULL",
                        space,
                        PostgresHealthStore.Number(receivedMs),
                        PostgresHealthStore.Array([.. deletes.Select(d => d.Id)], NpgsqlDbType.Uuid),
                        PostgresHealthStore.Array([.. deletes.Select(d => d.Type)], NpgsqlDbType.Text),
                        PostgresHealthStore.Array([.. deletes.Select(d => d.Version)], NpgsqlDbType.Bigint)),
                ],
                cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask CommitAsync(CancellationToken cancellationToken) => PgErrors.GuardCommitAsync(() => session.CommitAsync(cancellationToken));

    public async ValueTask DisposeAsync()
    {
        try
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            turn.Dispose();
        }
    }

    private async Task RunAsync(IReadOnlyList<NpgsqlBatchCommand> commands, CancellationToken cancellationToken) => await PgErrors.GuardAsync(async () =>
    {
        await session.RunAsync(commands, (_, _, _) => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        return true;
    }).ConfigureAwait(false);
}
