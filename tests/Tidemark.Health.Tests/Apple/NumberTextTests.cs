using System.Globalization;
using System.Text;
using Tidemark.Health.Apple.Xml;

namespace Tidemark.Health.Tests.Apple;

[Trait("req", "HLT-10")]
public sealed class NumberTextTests
{
    [Fact]
    public void Numbers_are_what_the_frameworks_parser_reads_to_the_last_bit()
    {
        var state = 88_172_645_463_325_252UL;
        for (var i = 0; i < 20_000; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            var whole = (state % 1_000_000_000_000_000UL) >> (i % 48);
            var text = (i % 3 == 0 ? "-" : "") + whole.ToString(CultureInfo.InvariantCulture);
            text = i % 2 == 0 && text.Length > 2 ? text.Insert(text.Length - (i % (text.Length - 1)), ".") : text;
            Assert.True(NumberText.TryParse(Encoding.ASCII.GetBytes(text), out var number), text);
            Assert.Equal(BitConverter.DoubleToInt64Bits(double.Parse(text, CultureInfo.InvariantCulture)), BitConverter.DoubleToInt64Bits(number));
        }
    }

    [Theory]
    [InlineData("6.34927e-06", 6.34927e-06)]
    [InlineData("12345678901234567890", 12345678901234567890.0)]
    [InlineData("0", 0)]
    public void Other_spellings_go_to_the_frameworks_parser(string text, double expected)
    {
        Assert.True(NumberText.TryParse(Encoding.ASCII.GetBytes(text), out var number));
        Assert.Equal(expected, number);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1,5")]
    [InlineData("1.2.3")]
    [InlineData("5 ")]
    [InlineData("1e999")]
    [InlineData("NaN")]
    public void What_is_no_number_is_none(string text) => Assert.False(NumberText.TryParse(Encoding.ASCII.GetBytes(text), out _));
}
