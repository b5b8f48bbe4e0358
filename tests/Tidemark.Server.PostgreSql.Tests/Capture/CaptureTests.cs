using Npgsql;
using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Tests.Capture;

/// <summary>What other programs write with plain SQL.</summary>
public sealed class CaptureTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-04")]
    public async Task Rows_that_another_program_inserts_changes_and_deletes_are_changes_of_one_position_for_each_transaction()
    {
        var device = await DeviceAsync();
        await SqlAsync("INSERT INTO boxes(space_id, id, name, size) SELECT 'u:anna', 'b' || n, 'box ' || n, n FROM generate_series(1, 3) n");
        var (made, cursor) = await PullAsync(device);
        Assert.Equal(["b1", "b2", "b3"], made.Select(c => c.Key[0].AsText));
        Assert.Single(made.Select(c => c.Version).Distinct());
        Assert.All(made, c => Assert.Null(c.Origin));
        await using (var program = await ProgramAsync())
        {
            await SqlAsync(program, "BEGIN");
            await SqlAsync(program, "UPDATE boxes SET size = size + 10 WHERE id = 'b1'");
            await SqlAsync(program, "DELETE FROM boxes WHERE id = 'b2'");
            await SqlAsync(program, "UPDATE boxes SET id = 'b9' WHERE id = 'b3'");
            Assert.Empty((await PullAsync(device, cursor)).Changes);
            await SqlAsync(program, "COMMIT");
        }

        var (changed, next) = await PullAsync(device, cursor);
        Assert.Equal(["b1 11", "b2 -", "b3 -", "b9 3"], changed.Select(c => $"{c.Key[0].AsText} {(c.Row is null ? "-" : c.Row["size"].AsInteger)}"));
        Assert.Single(changed.Select(c => c.Version).Distinct());
        await SqlAsync("INSERT INTO boxes(space_id, id, name) VALUES ('u:anna', 'b2', 'again')");
        Assert.NotNull(Assert.Single((await PullAsync(device, next)).Changes).Row);
        Assert.Equal(0L, await SqlAsync("SELECT (SELECT count(*) FROM _tm_note_boxes) + (SELECT count(*) FROM _tm_touched) + (SELECT count(*) FROM _tm_gone_boxes WHERE k0 = 'b2')"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_transaction_that_is_rolled_back_leaves_nothing_and_a_savepoint_that_is_leaves_what_was_before_it()
    {
        var device = await DeviceAsync();
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; INSERT INTO boxes(space_id, id) VALUES ('u:anna', 'x'); ROLLBACK");
        Assert.Empty((await PullAsync(device)).Changes);
        await SqlAsync(program, "BEGIN; INSERT INTO boxes(space_id, id) VALUES ('u:anna', 'a'); SAVEPOINT s; INSERT INTO boxes(space_id, id) VALUES ('u:anna', 'b'); ROLLBACK TO s; COMMIT");
        Assert.Equal("a", Assert.Single((await PullAsync(device)).Changes).Key[0].AsText);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    [Trait("req", "SRV-05")]
    public async Task A_transaction_over_several_spaces_takes_a_position_in_each_and_rows_that_move_leave_a_tombstone()
    {
        var (anna, ben) = (await DeviceAsync(), await DeviceAsync("ben"));
        await SqlAsync("INSERT INTO boxes(space_id, id, name) VALUES ('u:ben', 'x', 'of ben'), ('u:anna', 'x', 'of anna'), ('u:carl', 'x', 'of carl')");
        Assert.Equal("of anna", Assert.Single((await PullAsync(anna)).Changes).Row!["name"].AsText);
        var (_, cursor) = await PullAsync(ben);
        await SqlAsync("UPDATE boxes SET space_id = 'u:ben', id = 'y' WHERE space_id = 'u:anna'");
        Assert.Null(Assert.Single((await PullAsync(anna)).Changes).Row);
        Assert.Equal("y", Assert.Single((await PullAsync(ben, cursor)).Changes).Key[0].AsText);
        Assert.Equal("of carl", Assert.Single((await PullAsync(await DeviceAsync("carl"))).Changes).Row!["name"].AsText);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    [Trait("req", "SRV-13")]
    public async Task An_edit_made_before_another_program_wrote_the_row_is_a_conflict_and_the_programs_ids_are_never_given_again()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("things", [1, null, "one"]))).Mark.Position;
        await SqlAsync("UPDATE things SET title = 'by SQL' WHERE space_id = 'u:anna'; INSERT INTO things(space_id, id, title) VALUES ('u:anna', 2, 'two')");
        var answer = await device.PushAsync(device.Update("things", EntityKey.Of(1), version, "title", "mine"), device.Create("things", [2, null, "new"]));
        Assert.Single(answer.Conflicts);
        Assert.Equal("3", System.Text.Encoding.UTF8.GetString(Assert.Single(answer.Successful).ServerId.Utf8.Span));
    }

    [Theory]
    [InlineData("INSERT INTO boxes(space_id, id) VALUES ('u:anna', NULL)")]
    [InlineData("INSERT INTO boxes(id) VALUES ('x')")]
    [InlineData("INSERT INTO tags(space_id, id, v) VALUES ('u:anna', 'x', 'null')")]
    [InlineData("INSERT INTO tags(space_id, id) VALUES ('u:anna', 'x'), ('u:anna', 'X')")]
    [InlineData("TRUNCATE boxes")]
    [Trait("req", "SRV-04")]
    public async Task What_cannot_travel_is_refused_to_the_program_that_writes_it(string sql)
    {
        await DeviceAsync();
        await Assert.ThrowsAsync<PostgresException>(() => SqlAsync(sql));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_program_without_rights_on_the_servers_own_tables_is_captured_and_cannot_forge_a_version()
    {
        var device = await DeviceAsync();
        var role = "app_" + Schema;
        await SqlAsync($"CREATE ROLE {role}; GRANT USAGE ON SCHEMA {Schema} TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON boxes TO {role}");
        await using var program = await ProgramAsync();
        await SqlAsync(program, $"SET ROLE {role}");
        await SqlAsync(program, "INSERT INTO boxes(space_id, id, _tm_version) VALUES ('u:anna', 'a', 9000000000000000000)");
        var change = Assert.Single((await PullAsync(device)).Changes);
        Assert.True(change.Version < 9000000000000000000);
        await Assert.ThrowsAsync<PostgresException>(() => SqlAsync(program, "UPDATE _tm_space SET head = 0"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    [Trait("speed", "slow")]
    public async Task A_hundred_thousand_rows_changed_by_one_statement_are_captured()
    {
        var device = await DeviceAsync();
        await SqlAsync("INSERT INTO boxes(space_id, id, name, size) SELECT 'u:anna', 'box' || n, 'name ' || n, n FROM generate_series(1, 100000) n");
        await SqlAsync("CREATE TABLE bare (LIKE boxes INCLUDING ALL); INSERT INTO bare SELECT * FROM boxes; ANALYZE");
        await SqlAsync("VACUUM ANALYZE boxes");
        await SqlAsync("VACUUM ANALYZE bare");
        var (bare, captured) = (new List<double>(), new List<double>());
        for (var round = 0; round < 3; round++)
        {
            bare.Add(await TimeAsync("UPDATE bare SET size = size + 1 WHERE space_id = 'u:anna'"));
            captured.Add(await TimeAsync("UPDATE boxes SET size = size + 1 WHERE space_id = 'u:anna'"));
        }

        var ratio = captured.Min() / bare.Min();
        TestContext.Current.TestOutputHelper?.WriteLine($"bare {bare.Min():F0} ms, captured {captured.Min():F0} ms, {ratio:F2} times");
        Assert.Equal(5000, (await device.PageAsync(new() { Limit = 5000 })).Changes.Count);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    [Trait("speed", "slow")]
    public async Task A_program_that_has_changed_one_row_changes_many_as_fast_as_any_other()
    {
        var device = await DeviceAsync();
        await using var program = await ProgramAsync();
        await SqlAsync(program, "SET statement_timeout = '60s'"); // What is not linear takes minutes.
        await SqlAsync(program, "INSERT INTO boxes(space_id, id, name, size) SELECT 'u:anna', 'box' || n, 'name ' || n, n FROM generate_series(1, 40000) n");
        await SqlAsync(program, "UPDATE boxes SET size = 0 WHERE space_id = 'u:anna' AND id = 'box1'");
        await SqlAsync(program, "UPDATE boxes SET size = size + 1 WHERE space_id = 'u:anna'");
        Assert.Equal(40_000, (await PullAsync(device, limit: 5000)).Changes.Count);
    }

    // The processor's time of the database's process: what else the machine does is not in it.
    private async Task<double> TimeAsync(string sql)
    {
        await using var program = await ProgramAsync();
        var process = System.Diagnostics.Process.GetProcessById((int)(await SqlAsync(program, "SELECT pg_backend_pid()"))!);
        var before = process.TotalProcessorTime;
        await SqlAsync(program, sql);
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalMilliseconds;
    }
}
