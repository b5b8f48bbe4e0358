using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Live;
using Tidemark.Server.PostgreSql.Connections;

namespace Tidemark.Server.PostgreSql;

/// <summary>Hints by LISTEN and NOTIFY: told in transactions of their own, because a NOTIFY makes every commit of the database wait for the one before it; heard on one connection that no pooler may be in front of.</summary>
internal sealed class NodeHints(NpgsqlDataSource source, PostgresOptions options, string node) : INodeHints
{
    // PostgreSQL takes less than 8000 bytes.
    private const int PayloadBytesMax = 7900;
    private const int KeepAliveSeconds = 10;

    private string Channel => "tidemark_" + options.Schema;

    public async ValueTask TellAsync(IReadOnlyList<NodeHint> hints, CancellationToken cancellationToken) => await PgErrors.GuardAsync(async () =>
    {
        var batch = source.CreateBatch();
        await using (batch.ConfigureAwait(false))
        {
            foreach (var payload in Payloads(node, hints))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_notify($1, $2)") { Parameters = { new NpgsqlParameter<string> { TypedValue = Channel }, new NpgsqlParameter<string> { TypedValue = payload } } });
            }

            if (batch.BatchCommands.Count > 0)
            {
                await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return true;
    }).ConfigureAwait(false);

    public async Task ListenAsync(Func<Task> listening, Func<NodeHint?, Task> heard, CancellationToken cancellationToken) => await PgErrors.GuardAsync(async () =>
    {
        var settings = new NpgsqlConnectionStringBuilder(options.ListenConnectionString ?? options.ConnectionString) { Pooling = false, KeepAlive = KeepAliveSeconds, Enlist = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await using (connection.ConfigureAwait(false))
        {
            var came = new Queue<string>();
            connection.Notification += (_, notification) => came.Enqueue(notification.Payload);
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            var listen = new NpgsqlCommand("LISTEN " + Columns.PgName.Quote(Channel), connection);
            await using (listen.ConfigureAwait(false))
            {
                await listen.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }

            await listening().ConfigureAwait(false);
            while (true)
            {
                await connection.WaitAsync(cancellationToken).ConfigureAwait(false);
                while (came.TryDequeue(out var payload))
                {
                    await HearAsync(payload, heard).ConfigureAwait(false);
                }
            }
        }

#pragma warning disable CS0162 // The way out is an exception.
        return true;
#pragma warning restore CS0162
    }).ConfigureAwait(false);

    public ValueTask<IReadOnlyList<(SpaceId Space, long Head)>> ReadHeadsAsync(IReadOnlyList<SpaceId> spaces, CancellationToken cancellationToken) => PgErrors.GuardAsync<IReadOnlyList<(SpaceId, long)>>(async () =>
    {
        var command = source.CreateCommand($"SELECT space_id, head FROM {options.Schema}._tm_space WHERE space_id = ANY($1)");
        await using (command.ConfigureAwait(false))
        {
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = spaces.Select(s => s.Value).ToArray() });
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var heads = new List<(SpaceId, long)>();
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    heads.Add((new SpaceId(reader.GetString(0)), reader.GetInt64(1)));
                }

                return heads;
            }
        }
    });

    /// <summary>As many hints in a payload as fit; one that does not fit by itself goes without its types.</summary>
    internal static IEnumerable<string> Payloads(string node, IReadOnlyList<NodeHint> hints)
    {
        var part = new List<ToldHint>();
        var bytes = 0;
        foreach (var hint in hints)
        {
            var told = new ToldHint(hint.Space.Value, hint.Position, hint.Types, hint.Device);
            var size = SizeOf(told);
            if (size > PayloadBytesMax / 2)
            {
                told = told with { T = [] };
                size = SizeOf(told);
            }

            if (bytes + size > PayloadBytesMax - 100 && part.Count > 0)
            {
                yield return JsonSerializer.Serialize(new Told(node, part), ToldJson.Default.Told);
                part = [];
                bytes = 0;
            }

            part.Add(told);
            bytes += size;
        }

        if (part.Count > 0)
        {
            yield return JsonSerializer.Serialize(new Told(node, part), ToldJson.Default.Told);
        }
    }

    private static int SizeOf(ToldHint hint) => JsonSerializer.SerializeToUtf8Bytes(hint, ToldJson.Default.ToldHint).Length + 1;

    // Own words are known; what is no message of ours is a sign to look.
    private async Task HearAsync(string payload, Func<NodeHint?, Task> heard)
    {
        Told? told;
        try
        {
            told = JsonSerializer.Deserialize(payload, ToldJson.Default.Told);
        }
        catch (JsonException)
        {
            told = null;
        }

        if (told?.H is not { } hints)
        {
            await heard(null).ConfigureAwait(false);
        }
        else if (told.N != node)
        {
            foreach (var hint in hints)
            {
                await heard(new NodeHint(new SpaceId(hint.S), hint.P, hint.T, hint.D)).ConfigureAwait(false);
            }
        }
    }
}

/// <param name="N">The node that tells.</param>
/// <param name="H">What.</param>
internal sealed record Told(string N, IReadOnlyList<ToldHint>? H);

/// <summary>A <see cref="NodeHint"/> in few letters.</summary>
internal sealed record ToldHint(string S, long P, IReadOnlyList<string> T, string? D);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Told))]
[JsonSerializable(typeof(ToldHint))]
internal sealed partial class ToldJson : JsonSerializerContext;
