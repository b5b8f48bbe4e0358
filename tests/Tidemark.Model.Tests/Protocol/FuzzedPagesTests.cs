using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

/// <summary>What the fuzzing of messages found.</summary>
public sealed class FuzzedPagesTests
{
    private const string Self = "\"nextCursor\":\"c\",\"until\":9,\"epoch\":\"e\",\"mark\":{\"position\":9,\"token\":\"t\"}";
    private static readonly SyncModel Model = new SyncModelBuilder().Entity("boxes", e => e.Field("id", FieldType.Text).Key("id")).Build();

    [Theory]
    [InlineData("\"changes\":{}")]
    [InlineData("\"changes\":[1]")]
    [InlineData("\"changes\":[\"dev\",{\"entityType\":\"boxes\"}]")]
    [InlineData("\"changes\":null")]
    [InlineData("\"changes\":[],\"changes\":[]")]
    [Trait("req", "PULL-09")]
    public void What_is_no_page_is_not_counted_as_one_either(string changes)
    {
        var body = Encoding.UTF8.GetBytes($"{{{Self},{changes}}}");
        Assert.Throws<WireFormatException>(() => ChangesPage.Read(body, Model));
        Assert.Throws<WireFormatException>(() => ChangesPage.CountChanges(body));
    }

    [Theory]
    [InlineData("{\"nextCursor\":\"c\",\"changes\":[],\"until\":9,\"epoch\":\"e\",\"mark\":{\"position\":9,\"token\":\"t\"}}")]
    [InlineData("{\"nextCursor\":\"c\",\"until\":9,\"epoch\":\"e\",\"mark\":{\"position\":9,\"token\":\"t\"},\"changes\":[],\"until\":\"x\",\"epoch\":1}")]
    [InlineData("{\"changes\":[],\"nextCursor\":\"c\",\"until\":9,\"epoch\":\"e\",\"mark\":{\"position\":9,\"token\":\"t\"}}")]
    [Trait("req", "PULL-09")]
    public void The_three_ways_to_read_a_page_agree_wherever_its_changes_stand(string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        var page = ChangesPage.Read(body, Model);
        var tail = ChangesPage.ReadTail(body);
        Assert.Equal((page.Tail.NextCursor, page.Tail.Until, page.Tail.Epoch, page.Tail.Mark), (tail.NextCursor, tail.Until, tail.Epoch, tail.Mark));
        Assert.Equal(page.Changes.Count, ChangesPage.CountChanges(body));
    }

    [Fact]
    [Trait("req", "PULL-09")]
    public void A_cursor_of_a_type_without_its_id_is_no_cursor() =>
        Assert.Throws<WireFormatException>(() => ChangesPage.ReadTail(Encoding.UTF8.GetBytes($"{{{Self},\"entityCursors\":{{\"boxes\":{{\"lastCreatedAt\":20}}}},\"changes\":[]}}")));

    [Fact]
    [Trait("req", "SRV-01")]
    public void A_verdict_without_the_key_it_is_about_is_refused_as_json() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(
            $$"""{"syncOperationId":"s","epoch":"e","mark":{"position":1,"token":"t"},"successful":[{"commandId":"{{Guid.Empty}}","entityType":"boxes","clientId":"a","version":5,"changedAt":"x"}]}""", WireJson.Default.PushResponse));

    [Fact]
    [Trait("req", "SRV-01")]
    public void An_origin_without_a_command_is_read_as_it_was_written()
    {
        var change = new WireChange { EntityType = "boxes", Operation = "UPDATE", EntityId = new RawJson("1"u8.ToArray()), Version = 1, ChangedAt = "x", Origin = new ChangeOrigin("device", null) };
        var bytes = JsonSerializer.SerializeToUtf8Bytes(new RowsResponse { Mark = new Mark(1, "t"), Rows = [change] }, WireJson.Default.RowsResponse);
        Assert.Equal("device", JsonSerializer.Deserialize(bytes, WireJson.Default.RowsResponse)!.Rows[0].Origin!.DeviceId);
    }

    [Theory]
    [InlineData("{\"entityType\":\"boxes\",\"operation\":\"UPDATE\",\"entityId\":\"a\",\"version\":{\"entityType\":\"boxes\",\"operation\":\"DELETE\",\"entityId\":\"b\",\"version\":8},\"row\":{\"id\":\"a\"}}")]
    [InlineData("{\"entityType\":\"boxes\",\"operation\":\"DELETE\",\"entityId\":\"a\",\"version\":[]}")]
    [InlineData("{\"entityType\":null,\"operation\":\"DELETE\",\"entityId\":\"a\",\"version\":1}")]
    [Trait("req", "PULL-05")]
    public void A_member_of_another_kind_is_the_fault_of_its_change_and_never_gone_into(string change)
    {
        var good = "{\"entityType\":\"boxes\",\"operation\":\"DELETE\",\"entityId\":\"z\",\"version\":1}";
        var page = ChangesPage.Read(Encoding.UTF8.GetBytes($"{{{Self},\"changes\":[{good},{change},{good}]}}"), Model);
        Assert.Equal([true, false, true], page.Changes.Select(c => c.Fault is null));
        Assert.Equal(page.Changes[1].Fault!.Code, ChangesPage.ReadChange(page.Changes[1].Raw, Model).Fault!.Code);
    }

    [Theory]
    [InlineData("-922337203685477581.09")]
    [InlineData("9007199254740993.5")]
    [InlineData("9223372036854775807.5")]
    [InlineData("12345678901234567890.5")]
    [InlineData("1e18")]
    [Trait("req", "STO-05")]
    public void The_canonical_form_of_a_number_is_its_own_canonical_form(string number)
    {
        var canonical = CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(number));
        Assert.Equal(Encoding.UTF8.GetString(canonical), Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(canonical)));
    }

    [Theory]
    [InlineData("1e18")]
    [InlineData("9007199254740993.0")]
    [Trait("req", "STO-05")]
    public void A_stored_json_number_that_would_become_text_is_refused(string number) =>
        Assert.Throws<FormatException>(() => JsonForm.OfStored($"{{\"a\":{number}}}"));

    [Theory]
    [InlineData("{\"marks\":[null]}")]
    [InlineData("{\"entityTypes\":[null]}")]
    [InlineData("{\"cursors\":{\"boxes\":null}}")]
    [Trait("req", "SRV-07")]
    public void A_null_in_a_list_is_refused_when_the_message_is_read(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, WireJson.Default.ChangesRequest));
}
