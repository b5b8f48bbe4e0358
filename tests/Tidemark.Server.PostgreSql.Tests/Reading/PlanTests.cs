using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Connections;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.PostgreSql.Verdicts;
using Tidemark.Server.Storage;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Reading;

public sealed class PlanTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_push_looks_up_its_own_commands_and_reads_no_other_verdict_of_the_user()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        await using var program = await ProgramAsync();
        await SqlAsync(program, "INSERT INTO _tm_verdicts SELECT v.space_id, v.user_id, r.id, r.id, v.position, v.commands, v.verdicts FROM _tm_verdicts v CROSS JOIN (SELECT gen_random_uuid() AS id FROM generate_series(1, 20000)) r");

        await AsTheStoreAsync(program);
        var asked = VerdictStatements.Find(Schema, new SpaceId("u:anna"), device.Caller.User, [.. Enumerable.Range(0, 1000).Select(_ => PushingDevice.NewId())]);
        var plan = await PlanAsync(program, asked);
        Assert.Contains("Index Cond", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Rows Removed", plan, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task Of_pushes_made_one_after_the_other_the_last_ones_look_reads_no_pack_of_the_ones_before()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        await using var program = await ProgramAsync();
        await SqlAsync(program, "INSERT INTO _tm_verdicts SELECT v.space_id, v.user_id, r.id, r.id, v.position, v.commands, v.verdicts FROM _tm_verdicts v CROSS JOIN (SELECT ('0197f0aa-b' || to_char(n, 'FM000') || '-7000-8000-000000000000')::uuid AS id FROM generate_series(1, 900) n) r");
        await AsTheStoreAsync(program);
        Guid[] ids = [.. Enumerable.Range(1, 100).Select(n => new Guid($"0197f0aa-b950-7000-8000-{n:x12}"))];
        Assert.Single(ids.Select(VerdictPack.SpanOf).Distinct());
        var plan = await PlanAsync(program, VerdictStatements.Find(Schema, new SpaceId("u:anna"), device.Caller.User, ids));
        Assert.Contains("Index Cond", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Rows Removed", plan, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task New_rows_are_not_looked_up_one_by_one()
    {
        var device = await DeviceAsync();
        await device.PushAsync(device.Create("boxes", ["a", "A", 1]));
        await using var program = await ProgramAsync();
        await AsTheStoreAsync(program);
        var space = new SpaceId("u:anna");
        var boxes = new TypeCatalog(Schema).Of(Model.Get("boxes"));
        EntityKey[] behind = [.. Enumerable.Range(100, 100).Select(n => EntityKey.Of("b" + n))];
        NpgsqlBatchCommand[] asked = [boxes.Find(space, behind), boxes.FindGone(space, behind)];
        foreach (var one in asked)
        {
            Assert.Contains("never executed", await PlanAsync(program, one), StringComparison.Ordinal);
        }

        var within = boxes.AnyWithin(space, behind);
        Assert.DoesNotContain("Seq Scan", await PlanAsync(program, within!), StringComparison.Ordinal);
        var around = await PlanAsync(program, boxes.Find(space, [EntityKey.Of("A"), .. behind]));
        Assert.DoesNotContain("never executed", around, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "PULL-01")]
    public async Task A_page_reads_its_own_rows_in_the_order_of_the_index_and_sorts_nothing()
    {
        await DeviceAsync();
        await using var program = await ProgramAsync();
        await SqlAsync(program, "INSERT INTO boxes(space_id, id, name, size) SELECT 'u:anna', 'k' || n, 'n' || n, n FROM generate_series(1, 5000) n");
        await AsTheStoreAsync(program);
        var boxes = new TypeCatalog(Schema).Of(Model.Get("boxes"));
        foreach (var key in new EntityKey?[] { null, EntityKey.Of("k1") })
        {
            var plan = await PlanAsync(program, boxes.Changes(new SpaceId("u:anna"), new ChangePlace(key is null ? 0 : 1, key), long.MaxValue, 100));
            Assert.DoesNotContain("Sort (", plan, StringComparison.Ordinal);
            Assert.DoesNotContain("rows=5000", plan, StringComparison.Ordinal);
        }

        Assert.True(ChangeStreams.PartMax > new ServerOptions().Limits.PageRowsMax);
    }

    // As its transactions have it.
    private static Task AsTheStoreAsync(NpgsqlConnection program) => SqlAsync(program, "SELECT " + OwnSettings.Planner(isLocal: false));

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
