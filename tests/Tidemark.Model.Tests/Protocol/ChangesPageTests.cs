using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class ChangesPageTests
{
    private static readonly ChangesPageTail Tail = new()
    {
        NextCursor = "next",
        Cursors = new Dictionary<string, string>(StringComparer.Ordinal) { ["products"] = "c" },
        EntityCursors = new Dictionary<string, WireEntityCursor>(StringComparer.Ordinal) { ["products"] = new WireEntityCursor(7, "\"x\"") },
        Until = 9,
        HasMore = true,
        EstimatedRemaining = 3,
        Epoch = "e1",
        Mark = new Mark(9, "token"),
    };

    [Fact]
    [Trait("req", "SRV-01")]
    public void What_was_written_is_read_again()
    {
        var products = SampleModels.Shop.Get("products");
        Prop.ForAll(Generate.Rows(products).ListOf().ToArbitrary(), rows =>
        {
            using var writer = new ChangesPageWriter();
            var version = 1;
            foreach (var row in rows)
            {
                writer.Add(products, Operation.Update, row.Key, version, OriginOf(version), row);
                writer.Add(products, Operation.Delete, row.Key, version + 1, null, null);
                version += 2;
            }

            var page = ChangesPage.Read(writer.Finish(Tail).ToArray(), SampleModels.Shop);
            Assert.Equal(JsonSerializer.Serialize(Tail), JsonSerializer.Serialize(page.Tail));
            Assert.Equal(rows.Count * 2, page.Changes.Count);
            for (var i = 0; i < rows.Count; i++)
            {
                var (update, delete) = (page.Changes[2 * i], page.Changes[(2 * i) + 1]);
                Assert.Null(update.Fault);
                Assert.True(rows[i].SameAs(update.Row!));
                Assert.Equal((rows[i].Key, (2L * i) + 1, OriginOf((2 * i) + 1)), (update.Key, update.Version, update.Origin));
                Assert.Equal((Operation.Delete, null, null), (delete.Operation, delete.Row, delete.Origin));

                // The raw bytes of a change are enough to read it again later.
                Assert.True(rows[i].SameAs(ChangesPage.ReadChange(update.Raw, SampleModels.Shop).Row!));
                Assert.Equal(Encoding.UTF8.GetString(update.Raw.Span), Encoding.UTF8.GetString(ChangesPageWriter.One(products, Operation.Update, update.Key, update.Version, update.Origin, update.Row).Utf8.Span));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("""{"entityType":"unheard of","operation":"UPDATE","entityId":1,"version":5,"row":{}}""", ErrorCodes.UnknownType)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":"x","version":5,"row":{"id":1}}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"row":{"id":1,"name":"\ud800"}}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"row":{"id":1,"name":{"a":[1,{}]}}}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"row":7}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5}""", ErrorCodes.BadRequest)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"row":{"id":2}}""", ErrorCodes.BadRequest)]
    [InlineData("""{"entityType":"categories","operation":"EXPLODE","entityId":1,"version":5,"row":{"id":1}}""", ErrorCodes.BadRequest)]
    [InlineData("""{"entityType":"categories","operation":5,"entityId":1,"version":5,"row":{"id":1}}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":"99999999999999999999","row":{"id":1}}""", ErrorCodes.BadRequest)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"origin":7,"row":{"id":1}}""", ErrorCodes.BadRequest)]
    [InlineData("""{"entityType":"categories","operation":"UPDATE","entityId":1,"version":5,"origin":{"commandId":"x"},"row":{"id":1}}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{"entityType":"\ud800","operation":"UPDATE"}""", ErrorCodes.ValidationFailed)]
    [InlineData("""{}""", ErrorCodes.BadRequest)]
    [Trait("req", "PULL-05")]
    public void A_change_that_cannot_be_read_carries_its_fault_and_its_bytes_and_the_others_are_read(string change, string code)
    {
        const string Good = """{"entityType":"categories","operation":"UPDATE","entityId":3,"version":6,"row":{"id":3,"name":"n","newer field":[1]}}""";
        var page = Read("{\"changes\":[" + change + "," + Good + "]," + TailMembers() + "}");
        Assert.Equal(2, page.Changes.Count);
        Assert.Equal(code, page.Changes[0].Fault!.Code);
        Assert.Equal(change, Encoding.UTF8.GetString(page.Changes[0].Raw.Span));
        Assert.Null(page.Changes[1].Fault);
        Assert.Equal(Value.Text("n"), page.Changes[1].Row!["name"]);
        if (change.Contains("\"version\":5", StringComparison.Ordinal))
        {
            Assert.Equal(5, page.Changes[0].Version);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html><body>502 Bad Gateway</body></html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"changes":[]}""")]
    [InlineData("""{"changes":{},"nextCursor":"x","epoch":"e","mark":{"position":1,"token":"t"}}""")]
    [InlineData("""{"changes":[1],"nextCursor":"x","epoch":"e","mark":{"position":1,"token":"t"}}""")]
    [InlineData("""{"changes":[],"nextCursor":null,"epoch":"e","mark":{"position":1,"token":"t"}}""")]
    [InlineData("""{"changes":[],"nextCursor":"x","epoch":"e","mark":{"position":1,"token":"t"}} and more""")]
    [Trait("req", "PULL-05")]
    public void What_is_no_page_is_refused_whole(string text) =>
        Assert.Equal(ErrorCodes.BadRequest, Assert.Throws<WireFormatException>(() => Read(text)).Code);

    [Fact]
    [Trait("req", "PULL-05")]
    public void A_page_cut_off_anywhere_is_refused_whole()
    {
        using var writer = new ChangesPageWriter();
        var type = SampleModels.Shop.Get("categories");
        var row = new Row(type, [Value.Integer(1), Value.Null, Value.Text("n")]);
        writer.Add(type, Operation.Update, row.Key, 1, OriginOf(1), row);
        var bytes = writer.Finish(Tail).ToArray();
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<WireFormatException>(() => ChangesPage.Read(bytes.AsMemory(0, length), SampleModels.Shop));
        }
    }

    [Fact]
    [Trait("req", "MOD-06")]
    public void Members_of_the_page_that_are_not_known_are_passed_over() =>
        Assert.Empty(Read("{\"newer\":{\"a\":[1]},\"changes\":[]," + TailMembers() + ",\"also newer\":null}").Changes);

    private static ChangeOrigin OriginOf(int i) => new("device \"" + (i % 3), new Guid(i, 0, 0, new byte[8]));

    private static string TailMembers() => JsonSerializer.Serialize(Tail, PageJson.Default.ChangesPageTail)[1..^1];

    private static ChangesPage Read(string text) => ChangesPage.Read(Encoding.UTF8.GetBytes(text), SampleModels.Shop);
}
