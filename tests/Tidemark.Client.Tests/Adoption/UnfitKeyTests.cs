using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Tests.Adoption;

/// <summary>A key that is not stored as its declared form: its row is named and waits alone, and no other row is taken for it.</summary>
public sealed class UnfitKeyTests
{
    private const string Good = "018f0000-0000-7000-8000-00000000000a";

    [Theory]
    [InlineData(FieldType.Uuid, StorageForm.UuidBlob, "'no uuid'", "x'018f000000007000800000000000000a'")]
    [InlineData(FieldType.Uuid, StorageForm.UuidUpper, "'" + Good + "'", "upper('" + Good + "')")]
    [InlineData(FieldType.Uuid, StorageForm.Default, "7", "'" + Good + "'")]
    [InlineData(FieldType.Timestamp, StorageForm.TimeUnixMilliseconds, "'not a time'", "1700000000000")]
    [InlineData(FieldType.Timestamp, StorageForm.Default, "'2026-11-21 10:00:00'", "'2026-11-21T10:00:00Z'")]
    [InlineData(FieldType.Integer, StorageForm.Default, "1.5", "5")]
    [InlineData(FieldType.Text, StorageForm.Default, "x'00ff'", "'k'")]
    [InlineData(FieldType.Decimal, StorageForm.Default, "'one'", "'1.5'")]
    [Trait("req", "PUSH-07")]
    [Trait("req", "MOD-05")]
    public async Task Its_row_is_a_dead_letter_by_itself_and_travels_once_it_is_corrected(FieldType type, StorageForm form, string unfit, string fit)
    {
        await using var world = await World.StartAsync();
        const string sql = "CREATE TABLE item(id PRIMARY KEY NOT NULL, what TEXT); CREATE TABLE part(id TEXT PRIMARY KEY, item_id REFERENCES item(id) ON DELETE CASCADE, what TEXT);";
        var a = world.Make("a", sql, t => t with { Fields = [.. t.Fields.Select(f => f.Name is "id" or "item_id" && (t.Name == "item" || f.Name == "item_id") ? f with { Type = type, Form = form } : f)] });
        await a.SyncAsync();
        var b = world.Clone("b", a);
        a.Sql($"INSERT INTO item VALUES({fit}, 'good'), ({unfit}, 'bad'); INSERT INTO part VALUES('p', {fit}, 'of good')");
        a.Sql($"UPDATE item SET what = what || '!'");
        var report = await a.SyncAsync();
        Assert.Equal((2, 1), (report.Push.Accepted, report.DeadLetters));
        var letter = Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters());
        Assert.Equal("id", letter.Field);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["good!"], b.Rows("SELECT what FROM item"));
        Assert.Equal(["bad!", "good!"], a.Rows("SELECT what FROM item ORDER BY what"));

        a.Sql("DELETE FROM item WHERE what = 'bad!'");
        await a.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
        b.Sql("DELETE FROM part; DELETE FROM item");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(0, a.Count("SELECT count(*) FROM item"));
        Steps.AssertEqual(a, b);
    }
}
