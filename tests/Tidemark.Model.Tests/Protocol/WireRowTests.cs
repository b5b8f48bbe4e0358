using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class WireRowTests
{
    private static readonly EntityType Every = new()
    {
        Name = "every",
        Fields = [new Field { Name = "zz id", Type = FieldType.Uuid }, .. Enum.GetValues<FieldType>().Select(t => new Field { Name = "f" + t, Type = t }), new Field { Name = "n", Type = FieldType.Integer }],
        Key = ["zz id", "n"],
    };

    [Fact]
    [Trait("req", "MOD-08")]
    public void Every_row_comes_back_from_the_wire_and_is_written_canonically() =>
        Prop.ForAll(Generate.Rows(Every).ToArbitrary(), row =>
        {
            using var writer = new CanonicalJsonWriter();
            WireRow.Write(writer, row);
            var reader = new Utf8JsonReader(writer.Written);
            reader.Read();
            var back = WireRow.Read(Every, ref reader);
            Assert.True(row.SameAs(back), Encoding.UTF8.GetString(writer.Written));
            Assert.Equal(RowDigest.Of(row), RowDigest.Of(back));
            using var document = JsonDocument.Parse(writer.WrittenMemory);
            Assert.True(row.SameAs(WireRow.Read(Every, document.RootElement)));

            writer.Clear();
            writer.WriteKey(Every, row.Key);
            using var key = JsonDocument.Parse(writer.WrittenMemory);
            Assert.Equal(row.Key, WireRow.ReadKey(Every, key.RootElement));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-08")]
    public void Absent_is_withheld_and_null_is_null()
    {
        var row = Read("""{"fText":null,"n":1}""");
        Assert.True(row["fText"].IsNull);
        Assert.True(row["fBlob"].IsAbsent);
        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, row);
        Assert.Equal("""{"fText":null,"n":1}""", Encoding.UTF8.GetString(writer.Written));
        writer.Clear();
        WireRow.Write(writer, new Row(Every, new Value[Every.Fields.Count]));
        Assert.Equal("{}", Encoding.UTF8.GetString(writer.Written));
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void Members_may_come_in_any_order()
    {
        var row = Read("""{"zz id":"0190B6A0-7F3E-7CC1-9A57-0F1E2D3C4B5A","n":2,"fText":"t","fBoolean":true,"fInteger":"9007199254740993"}""");
        Assert.Equal(Value.Text("0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a"), row["zz id"]);
        Assert.Equal(Value.Integer(9007199254740993), row["fInteger"]);
        Assert.Equal(Value.Integer(1), row["fBoolean"]);
        Assert.Equal(Value.Text("t"), row["fText"]);
    }

    [Theory]
    [InlineData("fInteger", "1.5")]
    [InlineData("fInteger", "\"x\"")]
    [InlineData("fInteger", "9223372036854775808")]
    [InlineData("fInteger", "true")]
    [InlineData("fReal", "1e400")]
    [InlineData("fReal", "\"NaN\"")]
    [InlineData("fReal", "{}")]
    [InlineData("fText", "1")]
    [InlineData("fText", "\"a\\u0000b\"")]
    [InlineData("fText", "\"\\ud800\"")]
    [InlineData("fExact", "\"\\udc00\\ud800\"")]
    [InlineData("fExact", "\"\\u0000\"")]
    [InlineData("fExact", "true")]
    [InlineData("fExact", "[1]")]
    [InlineData("fExact", "1e400")]
    [InlineData("fExact", """{"t":"q","v":1}""")]
    [InlineData("fExact", """{"v":1}""")]
    [InlineData("fExact", """{"t":"b","v":"%%"}""")]
    [InlineData("fBlob", "\"%%\"")]
    [InlineData("fBlob", "1")]
    [InlineData("fBoolean", "1")]
    [InlineData("fUuid", "\"not a uuid\"")]
    [InlineData("fTimestamp", "\"2026-01-31T12:00:00\"")]
    [InlineData("fTimestamp", "\"12:00Z\"")]
    [InlineData("fTimestamp", "\"2026-01-31T12:00:00.00000001Z\"")]
    [InlineData("fDecimal", "\"1e3\"")]
    [InlineData("fDecimal", "\"\"")]
    [InlineData("fJson", "{\"a\":\"\\u0000\"}")]
    [InlineData("fJson", "\"\\ud800\"")]
    [Trait("req", "MOD-08")]
    public void A_value_that_does_not_fit_is_a_fault_that_names_the_field(string field, string value)
    {
        var fault = Assert.Throws<WireFormatException>(() => Read($$"""{"{{field}}":{{value}}}"""));
        Assert.Equal(ErrorCodes.ValidationFailed, fault.Code);
        Assert.Equal(field, fault.Field);
        Assert.StartsWith(field + ": ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void Invalid_utf8_is_a_fault_that_names_the_field()
    {
        byte[] bytes = [.. "{\"fText\":\""u8, 0xC3, 0x28, .. "\"}"u8];
        Assert.Equal("fText", Assert.Throws<WireFormatException>(() => Read(bytes)).Field);
    }

    [Fact]
    [Trait("req", "MOD-06")]
    public void An_unknown_field_is_a_fault_unless_the_reader_asked_to_pass_over_it()
    {
        var fault = Assert.Throws<WireFormatException>(() => Read("""{"n":1,"newer":{"a":[1]}}"""));
        Assert.Equal((ErrorCodes.UnknownField, "newer"), (fault.Code, fault.Field));
        var reader = new Utf8JsonReader("""{"n":1,"newer":{"a":[1]},"zz id":null}"""u8);
        reader.Read();
        Assert.Equal(Value.Integer(1), WireRow.Read(Every, ref reader, ignoreUnknown: true)["n"]);
        Assert.Equal(JsonTokenType.EndObject, reader.TokenType);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("[]")]
    [InlineData("""["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a"]""")]
    [InlineData("""["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a",1,2]""")]
    [InlineData("""["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a",null]""")]
    [InlineData("""[1,"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a"]""")]
    [Trait("req", "MOD-08")]
    public void A_key_of_another_shape_is_a_fault(string key)
    {
        using var document = JsonDocument.Parse(key);
        Assert.Throws<WireFormatException>(() => WireRow.ReadKey(Every, document.RootElement));
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void Classes_that_json_cannot_tell_apart_are_tagged()
    {
        Assert.Equal("""{"t":"r","v":5}""", Written(Value.Real(5)));
        Assert.Equal("5", Written(Value.Integer(5)));
        Assert.Equal("5.5", Written(Value.Real(5.5)));
        Assert.Equal("""{"t":"i","v":"9007199254740993"}""", Written(Value.Integer(9007199254740993)));
        Assert.Equal("""{"t":"b","v":"AQI="}""", Written(Value.Blob([1, 2])));
        Assert.Equal("""{"t":"r","v":"-Infinity"}""", Written(Value.Real(double.NegativeInfinity)));
        Assert.Equal("""{"t":"r","v":0}""", Written(Value.Real(-0.0)));
        Assert.Throws<InvalidOperationException>(() => Written(Value.MalformedText([0xC3])));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public void What_other_programs_wrote_and_has_no_wire_form_is_withheld_alone()
    {
        var odd = new Dictionary<string, Value>(StringComparer.Ordinal)
        {
            ["fExact"] = Value.MalformedText([0xC3, 0x28]),
            ["fText"] = Value.Text("a\0b"),
            ["fJson"] = Value.Text("{broken"),
            ["fInteger"] = Value.Text("x"),
            ["fBoolean"] = Value.Real(1.5),
            ["fBlob"] = Value.Text("x"),
            ["fReal"] = Value.Blob([1]),
        };
        var row = new Row(Every, [.. Every.Fields.Select(f => odd.GetValueOrDefault(f.Name, Value.Null))]);
        var sent = WireRow.Sendable(row);
        Assert.All(Every.Fields, f => Assert.Equal(odd.ContainsKey(f.Name), sent[f.Name].IsAbsent));
        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, sent);
        Assert.True(sent.SameAs(Read(writer.ToArray())));
        Assert.Equal(Encoding.UTF8.GetString(writer.Written), RowOfAPage(row));
        Assert.False(WireRow.IsSendable(Every, new EntityKey(Value.Text("a\0"), Value.Integer(1))));
        Assert.True(WireRow.IsSendable(Every, new EntityKey(Value.Text("a"), Value.Integer(1))));
    }

    [Theory]
    [Trait("req", "SRV-04")]
    [InlineData("\0")]
    [InlineData("in front \0")]
    [InlineData("\"quoted\" and \0")]
    [InlineData("#")]
    [InlineData("half # of a pair")]
    public void A_page_withholds_text_that_cannot_travel_and_sends_the_rest(string text)
    {
        var broken = text.Replace('#', '\ud83d'); // An attribute cannot hold it.
        var odd = new Row(Every, [.. Every.Fields.Select(f => f.Name is "fText" or "fExact" ? Value.Text(broken) : f.Name == "fInteger" ? Value.Integer(7) : Value.Null)]);
        var page = RowOfAPage(odd);
        Assert.DoesNotContain("fText", page, StringComparison.Ordinal);
        Assert.DoesNotContain("fExact", page, StringComparison.Ordinal);
        Assert.Contains("\"fInteger\":7", page, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public void A_page_writes_what_can_be_sent_as_anywhere() =>
        Prop.ForAll(Generate.Rows(Every).ToArbitrary(), row =>
        {
            using var writer = new CanonicalJsonWriter();
            WireRow.Write(writer, WireRow.Sendable(row));
            Assert.Equal(Encoding.UTF8.GetString(writer.Written), RowOfAPage(row));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "SRV-04")]
    public void A_row_that_can_be_sent_is_sent_as_it_is() =>
        Prop.ForAll(Generate.Rows(Every).ToArbitrary(), row => Assert.Same(row, WireRow.Sendable(row))).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-07")]
    public void The_digest_of_a_set_does_not_depend_on_the_order_of_its_rows() =>
        Prop.ForAll(Generate.Rows(Every).ListOf().ToArbitrary(), ArbMap.Default.ArbFor<int>(), (rows, seed) =>
        {
            var random = new System.Random(seed);
            Assert.Equal(DigestOf(rows), DigestOf(rows.OrderBy(_ => random.Next())));
            Assert.Equal(rows.Count, DigestOf(rows).Rows);
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-07")]
    public void The_digest_of_a_set_is_the_sum_of_its_digests_with_carry()
    {
        var set = default(SetDigest);
        set.Add(Enumerable.Repeat((byte)0xFF, 32).ToArray());
        set.Add([.. new byte[31], 2]);
        Assert.Equal(new string('0', 63) + "1", set.ToString());
        set.Add([.. new byte[15], 1, .. Enumerable.Repeat((byte)0xFF, 16)]);
        Assert.Equal(new string('0', 31) + "2" + new string('0', 32), set.ToString());
    }

    private static SetDigest DigestOf(IEnumerable<Row> rows)
    {
        var set = default(SetDigest);
        foreach (var row in rows)
        {
            set.Add(RowDigest.Of(row));
        }

        return set;
    }

    private static string Written(Value value)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteExact(value);
        return Encoding.UTF8.GetString(writer.Written);
    }

    // The row as a page of changes has it.
    private static string RowOfAPage(Row row)
    {
        var change = ChangesPageWriter.One(row.Type, Operation.Update, new EntityKey(Value.Text("k"), Value.Integer(1)), 5, null, row);
        using var document = JsonDocument.Parse(change.Utf8);
        return document.RootElement.GetProperty("row").GetRawText();
    }

    private static Row Read(string json) => Read(Encoding.UTF8.GetBytes(json));

    private static Row Read(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return WireRow.Read(Every, ref reader);
    }
}
