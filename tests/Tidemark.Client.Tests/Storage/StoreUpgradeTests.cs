using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Storage;

public sealed class StoreUpgradeTests
{
    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_of_the_first_format_opens_with_its_conflicts_and_syncs_on()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', NULL);");
        await Steps.UntilQuietAsync(a);
        a.Sql("""
            DROP TABLE _tm_rebase;
            DROP TABLE _tm_answer;
            DROP INDEX _tm_conflict_row;
            ALTER TABLE _tm_conflict DROP COLUMN server_deleted;
            ALTER TABLE _tm_conflict DROP COLUMN reason;
            ALTER TABLE _tm_conflict DROP COLUMN policies;
            ALTER TABLE _tm_conflict DROP COLUMN settlement;
            ALTER TABLE _tm_conflict DROP COLUMN settled_at;
            UPDATE _tm_meta SET value = 1 WHERE key = 'format';
            INSERT INTO _tm_conflict(remote, at, type, key, outcome, fields, server_version) VALUES(1, 5, 'note', '"n"', 'REBASE_AND_RETRY', 'title,body', 7);
            UPDATE note SET title = 'edited';
            """);
        await a.RestartAsync(world);
        var conflict = Assert.Single(new StoreInspector(a.Store).Conflicts(10, onlyOpen: false));
        Assert.Equal(["title", "body"], conflict.Fields.Select(f => f.Field));
        await Steps.UntilQuietAsync(a);
        Assert.Contains(new StoreInspector(a.Store).Explain("note", "n").Events, e => e.Kind == "accepted");
        a.AssertQuiet();
    }
}
