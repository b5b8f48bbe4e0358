using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Reading;

public sealed class VerdictTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_push_looks_up_its_own_commands_and_reads_no_other_verdict_of_the_user()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        await using var program = await ProgramAsync();
        await SqlAsync(program, "INSERT INTO _tm_verdict SELECT space_id, user_id, gen_random_uuid(), hash, type, client_id, server_id, version, position, row FROM _tm_verdict CROSS JOIN generate_series(1, 20000)");

        // As the store's transactions have it.
        await SqlAsync(program, "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off");
        var asked = SpaceQueries.Verdicts(Schema, new SpaceId("u:anna"), device.Caller.User, [.. Enumerable.Range(0, 1000).Select(_ => PushingDevice.NewId())]);
        var plan = await PlanAsync(program, asked);
        Assert.Contains("Index Cond", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Rows Removed", plan, StringComparison.Ordinal);
    }

    private static async Task<string> PlanAsync(NpgsqlConnection program, NpgsqlBatchCommand asked)
    {
        await using var explain = new NpgsqlCommand("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + asked.CommandText, program);
        explain.Parameters.AddRange(asked.Parameters.Select(p => p.Clone()).ToArray());
        await using var reader = await explain.ExecuteReaderAsync(None);
        var lines = new List<string>();
        while (await reader.ReadAsync(None))
        {
            lines.Add(reader.GetString(0));
        }

        return string.Join('\n', lines);
    }
}
