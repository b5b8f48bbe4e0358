using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Storage;

/// <summary>SQLite reads the file, and what Tidemark keeps in it does not fit together: found by flipping bytes.</summary>
public sealed class DamagedBooksTests
{
    [Theory]
    [InlineData("DELETE FROM _tm_context")]
    [InlineData("DELETE FROM _tm_type")]
    [InlineData("UPDATE _tm_meta SET value = x'7b00' WHERE key = 'model'")]
    [InlineData("UPDATE _tm_meta SET value = NULL WHERE key = 'model'")]
    [InlineData("DELETE FROM _tm_remote")]
    [Trait("req", "STO-15")]
    public async Task Books_that_do_not_fit_together_are_a_damaged_file_and_nothing_else(string damage)
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n1', 'kept');");
        await device.SyncAsync();
        device.Sql("PRAGMA foreign_keys=OFF");
        device.Sql(damage);
        var trouble = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await using var store = LocalStore.Open(device.Path, new StoreOptions(), SyncEnvironment.System);
            await new StoreDoctor(store, SyncEnvironment.System).ExamineAsync(repair: false, CancellationToken.None);
        });
        Assert.Equal(StoreTrouble.Damaged, trouble.Trouble);
        Assert.Equal(1, device.Count("SELECT count(*) FROM note"));
    }

    [Fact]
    [Trait("req", "STO-15")]
    public async Task The_doctor_examines_a_file_with_a_reference_that_SQLite_cannot_follow()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", "CREATE TABLE p(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE c(id TEXT PRIMARY KEY, p TEXT REFERENCES p(name)); CREATE TABLE q(id TEXT PRIMARY KEY);");
        var report = await new StoreDoctor(device.Store, SyncEnvironment.System).ExamineAsync(repair: false, CancellationToken.None);
        Assert.True(report.Healthy, string.Join("; ", report.Findings));
        Assert.Contains(report.Findings, f => f is { Code: FindingCodes.Orphans, Severity: FindingSeverity.Note } && f.Message.StartsWith("c:", StringComparison.Ordinal));
    }
}
