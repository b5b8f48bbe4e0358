using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class PushTests
{
    private const string Id = "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a";
    private static readonly PushEnvelope Envelope = new() { DeviceId = "d", StoreId = "s", PushSeq = 4, Floor = new Mark(9, "t"), Epoch = "e" };

    [Fact]
    [Trait("req", "PUSH-04")]
    public void A_frozen_command_comes_back_and_its_bytes_are_canonical()
    {
        Prop.ForAll(Commands().ToArbitrary(), command =>
        {
            var frozen = command.ToUtf8();
            var (envelope, received) = PushRequest.Read(PushRequest.Write(Envelope, [frozen]), SampleModels.Shop, new WireLimits { CommandsMax = 10 });
            Assert.Equal(Envelope, envelope);
            var back = Assert.Single(received);
            Assert.Null(back.Fault);
            Assert.Equal(frozen, back.Command!.ToUtf8());
            Assert.Equal(command.Id, back.Id);
            Assert.Equal(32, back.Hash.Length);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public void The_hash_does_not_depend_on_spelling_but_on_content()
    {
        var a = One("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"id":1,"name":"n"}}""");
        var b = One("""{ "payload":{"name":"\u006e","id":1.0}, "entityId":1e0, "operation":"CREATE","entityType":"categories","id":"ID"}""");
        var c = One("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"id":1,"name":"m"}}""");
        Assert.Equal(a.Hash, b.Hash);
        Assert.NotEqual(a.Hash, c.Hash);
    }

    [Theory]
    [InlineData("""{"id":"ID"}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"nowhere","operation":"CREATE","entityId":1}""", ErrorCodes.UnknownType, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"REMOVE","entityId":1}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE"}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":null}""", ErrorCodes.ValidationFailed, "id")]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"colour":1}}""", ErrorCodes.UnknownField, "colour")]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"name":"\ud800"}}""", ErrorCodes.ValidationFailed, "name")]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"name":1e999}}""", ErrorCodes.ValidationFailed, "name")]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":[]}""", ErrorCodes.ValidationFailed, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"refs":{"colour":"ID"}}""", ErrorCodes.UnknownField, "colour")]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"refs":[]}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"after":7}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"UPDATE","entityId":1,"baseVersion":"soon"}""", ErrorCodes.BadRequest, null)]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"UPDATE","entityId":1,"occurredAt":"yesterday"}""", ErrorCodes.BadRequest, null)]
    [Trait("req", "PUSH-07")]
    public void A_command_that_cannot_be_read_gets_a_verdict_of_its_own(string command, string code, string? field)
    {
        var received = One(command);
        Assert.Equal(Guid.Parse(Id), received.Id);
        Assert.Null(received.Command);
        Assert.Equal((code, field), (received.Fault!.Code, received.Fault.Field));
    }

    [Theory]
    [InlineData("<html>", ErrorCodes.BadRequest)]
    [InlineData("null", ErrorCodes.BadRequest)]
    [InlineData("7", ErrorCodes.BadRequest)]
    [InlineData("""{"deviceId":"d","storeId":"s"}""", ErrorCodes.BadRequest)]
    [InlineData("""{"storeId":"s","commands":[]}""", ErrorCodes.BadRequest)]
    [InlineData("""{"deviceId":"d","storeId":"s","commands":[7]}""", ErrorCodes.BadRequest)]
    [InlineData("""{"deviceId":"d","storeId":"s","commands":[{}]}""", ErrorCodes.BadRequest)]
    [InlineData("""{"deviceId":"d","storeId":"s","commands":[{"id":"a","id":"b"}]}""", ErrorCodes.BadRequest)]
    [InlineData("""{"deviceId":"d","storeId":"s","commands":[1,2,3]}""", ErrorCodes.TooLarge)]
    [Trait("req", "SRV-01")]
    public void A_body_that_is_no_push_is_refused_whole(string body, string code) =>
        Assert.Equal(code, Assert.Throws<WireFormatException>(() => PushRequest.Read(Encoding.UTF8.GetBytes(body), SampleModels.Shop, new WireLimits { CommandsMax = 2 })).Code);

    [Fact]
    [Trait("req", "PUSH-04")]
    public void Sorted_commands_are_read_without_a_document_to_the_same_values_and_hashes()
    {
        Prop.ForAll(Commands().ToArbitrary(), command =>
        {
            var body = PushRequest.Write(Envelope, [command.ToUtf8(), (command with { Id = Guid.Parse(Id) }).ToUtf8()]);
            if (SortedPush.TryRead(body, SampleModels.Shop, new WireLimits()) is not { } quick)
            {
                // A name whose order in UTF-8 may be another than in UTF-16, or one with an escape.
                Assert.Contains(body, b => b is >= 0xED or (byte)'\\');
                return;
            }

            var (envelope, slow) = PushRequest.ReadAny(body, SampleModels.Shop, new WireLimits());
            Assert.Equal(envelope, quick.Envelope);
            Assert.Equal(slow.Select(c => (c.Id, Convert.ToHexString(c.Hash), Encoding.UTF8.GetString(c.Command!.ToUtf8()))), quick.Commands.Select(c => (c.Id, Convert.ToHexString(c.Hash), Encoding.UTF8.GetString(c.Command!.ToUtf8()))));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("""{"id":"ID","entityType":"categories","operation":"CREATE","entityId":1,"payload":{"id":1,"name":"n"}}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE","payload":{"name":"n","id":1}}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","id":"ID","operation":"CREATE","payload":{"id":1,"name":"n"}}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE","payload":{"colour":1}}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE","payload":{"id":1,"n\u0061me":"n"}}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE","payload":[]}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","operation":"CREATE"}""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE"}],"commands":[""")]
    [InlineData("""{"entityId":1,"entityType":"categories","id":"ID","operation":"CREATE"}],"floor":{"position":1,"token":"t","position":2},"x":[""")]
    [Trait("req", "PUSH-04")]
    public void What_is_not_sorted_or_not_sound_is_left_to_the_slow_way(string command) =>
        Assert.Null(SortedPush.TryRead(PushRequest.Write(Envelope with { Floor = null }, [Encoding.UTF8.GetBytes(command.Replace("\"ID\"", $"\"{Id}\"", StringComparison.Ordinal))]), SampleModels.Shop, new WireLimits()));

    private static Gen<PushCommand> Commands()
    {
        var type = SampleModels.Shop.Get("products");
        return from row in Generate.Rows(type)
               from operation in Gen.Elements(Operation.Create, Operation.Update, Operation.Delete, Operation.Rekey, Operation.Offer)
               from baseVersion in Gen.Elements<long?>(null, 0, 7)
               from id in Generate.Uuid
               from flags in Gen.Choose(0, 15)
               select new PushCommand
               {
                   Id = id,
                   Type = type,
                   Operation = operation,
                   EntityId = row.Key,
                   NewEntityId = operation == Operation.Rekey ? row.Key : null,
                   BaseVersion = baseVersion,
                   After = (flags & 1) == 0 ? null : id,
                   Payload = operation == Operation.Delete ? null : row,
                   Refs = (flags & 2) == 0 ? new Dictionary<string, Guid>() : new Dictionary<string, Guid> { ["category_id"] = id, ["id"] = id },
                   Group = (flags & 4) == 0 ? null : "g1",
                   OccurredAt = new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero),
               };
    }

    private static ReceivedCommand One(string command) =>
        Assert.Single(PushRequest.Read(PushRequest.Write(Envelope, [Encoding.UTF8.GetBytes(command.Replace("\"ID\"", $"\"{Id}\"", StringComparison.Ordinal))]), SampleModels.Shop, new WireLimits { CommandsMax = 2 }).Commands);
}
