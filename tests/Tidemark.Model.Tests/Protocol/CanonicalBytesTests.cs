using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class CanonicalBytesTests
{
    [Fact]
    [Trait("req", "MOD-07")]
    public void What_is_canonical_is_told_by_its_bytes() =>
        Prop.ForAll(Generate.Json.ToArbitrary(), json =>
        {
            var canonical = CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(json));

            // An escape, or a name whose order in UTF-8 may be another than in UTF-16, is left to whoever writes it again.
            Assert.True(Are(canonical) || canonical.Any(b => b is >= 0xED or (byte)'\\'), Encoding.UTF8.GetString(canonical));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-07")]
    public void What_is_told_to_be_canonical_is() =>
        Prop.ForAll(Generate.Json.ToArbitrary(), Gen.Choose(0, 10_000).ToArbitrary(), Gen.Elements(" ", "\n", "\t", "\r", "0", ".0", "e0", "-", "\"a\":1,", "\\u0041").ToArbitrary(), (json, place, other) =>
        {
            var spoilt = json.Insert(place % (json.Length + 1), other);
            foreach (var text in new[] { json, spoilt })
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                if (Canonical(bytes) is { } canonical && Are(bytes))
                {
                    Assert.Equal(Encoding.UTF8.GetString(canonical), text);
                }
            }
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("9007199254740991")]
    [InlineData("-9007199254740991")]
    [InlineData("12.34")]
    [InlineData("0.000001")]
    [InlineData("-0.5")]
    [InlineData("123456789012.345")]
    [InlineData("0.30000000000000004")]
    [InlineData("1e+30")]
    [InlineData("9007199254740992", false)]
    [InlineData("-0", false)]
    [InlineData("-0.0", false)]
    [InlineData("1.0", false)]
    [InlineData("1.50", false)]
    [InlineData("0.0000001", false)]
    [InlineData("1e2", false)]
    [InlineData("1E+30", false)]
    [InlineData("0.1234567890123456789", false)]
    [Trait("req", "MOD-07")]
    public void A_number_is_canonical_in_its_one_form(string number, bool isCanonical = true)
    {
        Assert.Equal(isCanonical, Are(Encoding.UTF8.GetBytes(number)));
        Assert.Equal(isCanonical, Are(Encoding.UTF8.GetBytes($$"""{"a":[1,{{number}}],"b":{{number}}}""")));
        Assert.Equal(isCanonical, Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(number))) == number);
    }

    [Theory]
    [InlineData("""{"a":1,"b":{"c":null,"d":[true,false,"x"]},"c":"ü"}""")]
    [InlineData("""{}""")]
    [InlineData("""{"b":1,"a":1}""", false)]
    [InlineData("""{"a":1,"a":1}""", false)]
    [InlineData("""{"a":1, "b":1}""", false)]
    [InlineData("""{"a" :1}""", false)]
    [InlineData("""{"a": 1}""", false)]
    [InlineData("""{"a":1 }""", false)]
    [InlineData("""{"a":"\u0041"}""", false)]
    [InlineData("""{"a":{"d":1,"c":1}}""", false)]
    [InlineData("""[{"b":1},{"a":1}]""")]
    [Trait("req", "MOD-07")]
    public void Members_are_sorted_and_nothing_stands_between(string json, bool isCanonical = true) => Assert.Equal(isCanonical, Are(Encoding.UTF8.GetBytes(json)));

    [Fact]
    [Trait("req", "MOD-07")]
    public void Bytes_that_are_no_text_and_depths_without_end_are_not_told()
    {
        Assert.False(Are([(byte)'"', 0xFF, (byte)'"']));
        Assert.False(Are(Encoding.UTF8.GetBytes(new string('[', 61) + new string(']', 61))));
        Assert.True(Are(Encoding.UTF8.GetBytes(new string('[', 60) + new string(']', 60))));
    }

    private static byte[]? Canonical(byte[] json)
    {
        try
        {
            return CanonicalPayload.Canonicalize(json);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool Are(byte[] json)
    {
        using var scratch = new CanonicalJsonWriter();
        return CanonicalBytes.Are(json, scratch);
    }
}
