using System.Text.RegularExpressions;
using Npgsql;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests.Schema;

/// <summary>What a distributed PostgreSQL needs: every table, unique index and foreign key has the space, every statement names it.</summary>
[Trait("req", "SRV-05")]
public sealed partial class DistributionTests : PostgresWorld
{
    // Common to all spaces and small: kept on every machine.
    private static readonly string[] Common = ["_tm_format", "_tm_model", "_tm_secret", "_tm_lease"];

    // Of all spaces, on purpose: what an operator or the clean-up goes through, what a user is a member of, and what a new model asks of tables.
    private static readonly string[] OverAll = ["SELECT space_id FROM s._tm_space ORDER BY", "SELECT DISTINCT space_id FROM s._tm_access", "FROM s._tm_access WHERE kind = $1", "FROM s._tm_member m LEFT JOIN s._tm_shared", "SELECT count(*) FROM s."];

    [Fact]
    public async Task Every_table_unique_index_and_foreign_key_is_led_by_the_space()
    {
        await DeviceAsync();
        var faults = await ListAsync($"""
            SELECT 'table ' || c.relname FROM pg_class c WHERE c.relnamespace = '{Schema}'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL($1)
              AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'space_id' AND a.attnotnull)
            UNION ALL
            SELECT 'unique index ' || i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = '{Schema}'::regnamespace AND c.relname <> ALL($1) AND i.indisunique
              AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) IS DISTINCT FROM 'space_id'
            UNION ALL
            SELECT 'foreign key ' || f.conname FROM pg_constraint f WHERE f.connamespace = '{Schema}'::regnamespace AND f.contype = 'f'
              AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY(f.conkey) AND a.attname = 'space_id')
            """);
        Assert.Empty(faults);
        Assert.True((await ListAsync($"SELECT relname FROM pg_class WHERE relnamespace = '{Schema}'::regnamespace AND relkind = 'r' AND relname <> ALL($1)")).Count > 10);
    }

    [Fact]
    public async Task Every_statement_of_the_server_names_the_space()
    {
        var device = await DeviceAsync();
        var pushed = await device.PushAsync(device.Create("boxes", ["a", "A", 1]), device.Create("things", [1, "a", "t"]), device.Create("tags", ["x", 1]));
        var version = pushed.Mark.Position;
        await device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "size", 2), device.Create("things", [1, null, "second"]));
        await PullAsync(device);
        await Server.GetRowsAsync(device.Caller, new RowsRequest { EntityType = "boxes", EntityIds = [new RawJson("\"a\""u8.ToArray())] }, None);
        await Server.GetChecksumsAsync(device.Caller, new ChecksumsRequest(), None);
        await Server.GetVerdictsAsync(device.Caller, new VerdictsRequest { CommandIds = [pushed.Successful[0].CommandId] }, None);
        await Server.CompactAsync(None);
        await UseHealthAsync();

        // Everything that the servers of this run have said so far, whichever tests were before this one.
        var statements = Statement().Matches(await File.ReadAllTextAsync(PostgresCluster.Instance.LogFile, None))
            .Select(m => Qualifier().Replace(m.Groups[1].Value.ReplaceLineEndings(" ").Trim(), "s."))
            .Where(s => s.Contains(" s.", StringComparison.Ordinal) && !Schemas().IsMatch(s))
            .Distinct(StringComparer.Ordinal).ToList();
        Assert.True(statements.Count > 20, $"{statements.Count} statements");
        Assert.All(statements, s => Assert.True(IsOfSpace(s) || Array.Exists(OverAll, o => s.Contains(o, StringComparison.Ordinal)) || Array.Exists(Common, c => s.Contains("s." + c, StringComparison.Ordinal)), s));
    }

    private async Task UseHealthAsync()
    {
        var space = new SpaceId("u:anna");
        await using (var transaction = await Store.Health.WriteAsync(space, None))
        {
            await transaction.FindAsync([Guid.Empty], None);
            await transaction.PutAsync([Tidemark.Health.Sources.ProgrammableHealthSource.Steps(1)], 1, None);
            await transaction.DeleteAsync([new Model.Health.HealthDelete(Guid.Empty, "StepCount", 0)], 1, None);
            await transaction.CommitAsync(None);
        }

        Assert.Single(await Store.Health.ReadAsync(space, "StepCount", 0, long.MaxValue, null, 10, None));
        Assert.Single(await Store.Health.GetTypesAsync(space, None));
        await Store.Health.VisitAsync(space, "StepCount", 0, long.MaxValue, (_, _, _) => { }, None);
        Assert.Single(await Store.Health.GetIntervalsAsync(space, "StepCount", 0, long.MaxValue, None));
    }

    private static bool IsOfSpace(string statement) =>
        statement.Contains("space_id = $1", StringComparison.Ordinal) || statement.Contains("space_id = ANY($1)", StringComparison.Ordinal) || Insert().IsMatch(statement);

    [GeneratedRegex(@"@@LOG:  execute [^:]*: (.*?)(?=@@|\z)", RegexOptions.Singleline, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Statement();

    [GeneratedRegex(@"\bt\d+\.", RegexOptions.None, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Qualifier();

    [GeneratedRegex(@"^(CREATE|ALTER|DROP|LOCK|COMMENT|NOTIFY|LISTEN)\b", RegexOptions.None, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Schemas();

    [GeneratedRegex(@"^(WITH .*)?INSERT INTO s\.(""(?:[^""]|"""")+""|\S+?)( AS \w+ ?)?\(""?space_id""?", RegexOptions.Singleline, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Insert();

    private static async Task<List<string>> ListAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(PostgresCluster.Instance.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(None);
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new NpgsqlParameter { Value = Common } } };
        await using var reader = await command.ExecuteReaderAsync(None);
        var list = new List<string>();
        while (await reader.ReadAsync(None))
        {
            list.Add(reader.GetString(0));
        }

        return list;
    }
}
