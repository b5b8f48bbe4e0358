using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class CanonicalPayloadTests
{
    // RFC 8785, appendix B.
    [Theory]
    [InlineData("0000000000000000", "0")]
    [InlineData("8000000000000000", "0")]
    [InlineData("0000000000000001", "5e-324")]
    [InlineData("8000000000000001", "-5e-324")]
    [InlineData("7fefffffffffffff", "1.7976931348623157e+308")]
    [InlineData("ffefffffffffffff", "-1.7976931348623157e+308")]
    [InlineData("4340000000000000", "9007199254740992")]
    [InlineData("c340000000000000", "-9007199254740992")]
    [InlineData("4430000000000000", "295147905179352830000")]
    [InlineData("44b52d02c7e14af5", "9.999999999999997e+22")]
    [InlineData("44b52d02c7e14af6", "1e+23")]
    [InlineData("44b52d02c7e14af7", "1.0000000000000001e+23")]
    [InlineData("444b1ae4d6e2ef4e", "999999999999999700000")]
    [InlineData("444b1ae4d6e2ef4f", "999999999999999900000")]
    [InlineData("444b1ae4d6e2ef50", "1e+21")]
    [InlineData("3eb0c6f7a0b5ed8c", "9.999999999999997e-7")]
    [InlineData("3eb0c6f7a0b5ed8d", "0.000001")]
    [InlineData("41b3de4355555553", "333333333.3333332")]
    [InlineData("41b3de4355555554", "333333333.33333325")]
    [InlineData("41b3de4355555555", "333333333.3333333")]
    [InlineData("41b3de4355555556", "333333333.3333334")]
    [InlineData("41b3de4355555557", "333333333.33333343")]
    [InlineData("becbf647612f3696", "-0.0000033333333333333333")]
    [InlineData("43143ff3c1cb0959", "1424953923781206.2")]
    [Trait("req", "MOD-07")]
    public void Numbers_are_written_as_the_rfc_writes_its_samples(string bits, string expected)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteDouble(BitConverter.Int64BitsToDouble(long.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        Assert.Equal(expected, Encoding.UTF8.GetString(writer.Written));
    }

    // RFC 8785, sections 3.2.2 and 3.2.3.
    [Fact]
    [Trait("req", "MOD-07")]
    public void The_samples_of_the_rfc_come_out_as_it_prints_them()
    {
        Canonical(
            """
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """,
            """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""");
        Canonical(
            """{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}""",
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\uFB33\":\"Hebrew Letter Dalet With Dagesh\"}");
    }

    [Theory]
    [InlineData("9007199254740991", "9007199254740991")]
    [InlineData("9007199254740992", "\"9007199254740992\"")]
    [InlineData("-9007199254740992.0", "\"-9007199254740992\"")]
    [InlineData("9007199254740993.0", "\"9007199254740993\"")]
    [InlineData("1e16", "\"10000000000000000\"")]
    [InlineData("100000000000000000e-1", "\"10000000000000000\"")]
    [InlineData("9223372036854775807", "\"9223372036854775807\"")]
    [InlineData("9223372036854775808", "9223372036854776000")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("0e999999999999", "0")]
    [InlineData("1e-999999999999", "0")]
    [InlineData("1.0", "1")]
    [InlineData("10e-1", "1")]
    [InlineData("1.5E+3", "1500")]
    [Trait("req", "MOD-07")]
    public void One_number_has_one_form_and_integers_beyond_53_bits_are_strings(string spelled, string canonical)
    {
        Canonical(spelled, canonical);
        Canonical("{\"b\":" + spelled + ",\"a\":1}", "{\"a\":1,\"b\":" + canonical + "}");
    }

    [Fact]
    [Trait("req", "MOD-07")]
    public void Equal_payloads_give_equal_bytes_whatever_their_order_white_space_and_escapes() =>
        Prop.ForAll(Generate.Json.ToArbitrary(), ArbMap.Default.ArbFor<int>(), (json, seed) =>
        {
            var canonical = CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(json));
            var respelled = Respelled(JsonNode.Parse(json), new System.Random(seed)).ToString();
            Assert.Equal(Encoding.UTF8.GetString(canonical), Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(respelled))));
            Assert.Equal(canonical, CanonicalPayload.Canonicalize(canonical));
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), JsonNode.Parse(canonical)));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-07")]
    public void Reals_and_text_come_back_from_their_canonical_form() =>
        Prop.ForAll(Generate.Real.Where(double.IsFinite).ToArbitrary(), Generate.Text.ToArbitrary(), (real, text) =>
        {
            using var writer = new CanonicalJsonWriter();
            writer.WriteDouble(real);
            Assert.Equal(real, double.Parse(Encoding.UTF8.GetString(writer.Written), CultureInfo.InvariantCulture));
            Assert.Equal(CanonicalJsonWriter.EcmaScriptNumber(real), Encoding.UTF8.GetString(writer.Written));
            writer.Clear();
            writer.WriteString(text);
            Assert.Equal(text, JsonSerializer.Deserialize<string>(writer.Written));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("{")]
    [InlineData("nothing")]
    [Trait("req", "MOD-07")]
    public void What_is_not_json_or_names_a_member_twice_is_refused(string text) =>
        Assert.ThrowsAny<JsonException>(() => CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(text)));

    [Fact]
    [Trait("req", "MOD-07")]
    public void Text_without_a_utf8_form_and_numbers_out_of_range_are_refused_not_replaced()
    {
        Assert.Throws<InvalidOperationException>(() => CanonicalPayload.Canonicalize("{\"b\":\"\\ud800\"}"u8.ToArray()));
        Assert.Throws<InvalidOperationException>(() => CanonicalPayload.Canonicalize(new byte[] { (byte)'"', 0xC3, 0x28, (byte)'"' }));
        Assert.Throws<InvalidOperationException>(() => CanonicalPayload.Canonicalize("1e400"u8.ToArray()));
        using var writer = new CanonicalJsonWriter();
        Assert.Throws<InvalidOperationException>(() => writer.WriteString("a\uD800b"));
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public void The_operation_id_is_the_hash_over_the_command_ids_in_their_order()
    {
        var a = Guid.Parse("0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a");
        var b = Guid.Parse("0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5b");
        Assert.Matches("^[0-9a-f]{64}$", CanonicalPayload.SyncOperationId([a, b]));
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a\n0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5b"u8)),
            CanonicalPayload.SyncOperationId([a, b]));
        Assert.NotEqual(CanonicalPayload.SyncOperationId([a, b]), CanonicalPayload.SyncOperationId([b, a]));
    }

    private static void Canonical(string text, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(text))));

    private static StringBuilder Respelled(JsonNode? node, System.Random random)
    {
        var text = new StringBuilder(random.Next(2) == 0 ? " " : "");
        switch (node)
        {
            case JsonObject members:
                var shuffled = members.OrderBy(_ => random.Next()).Select(m => Respelled(JsonValue.Create(m.Key), random) + " :" + Respelled(m.Value, random));
                return text.Append('{').AppendJoin(",\n", shuffled).Append('}');
            case JsonArray items:
                return text.Append('[').AppendJoin(" , ", items.Select(i => Respelled(i, random).ToString())).Append(" ]");
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                var chars = value.GetValue<string>().Select(c => random.Next(3) == 0 || c < ' ' || c is '"' or '\\' || char.IsSurrogate(c) ? $"\\u{(int)c:X4}" : c.ToString());
                return text.Append('"').AppendJoin("", chars).Append('"');
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                var number = value.ToJsonString();
                return text.Append(random.Next(3) switch { 0 => number + ".0", 1 => number + "0e-1", _ => number });
            default:
                return text.Append(node?.ToJsonString() ?? "null");
        }
    }
}
