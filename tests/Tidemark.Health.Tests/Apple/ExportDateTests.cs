using System.Globalization;
using System.Text;
using Tidemark.Health.Apple.Xml;

namespace Tidemark.Health.Tests.Apple;

/// <summary>Dates are read eight bytes at a time when they are of the plain form, and one by one when they are not.</summary>
[Trait("req", "HLT-10")]
public sealed class ExportDateTests
{
    [Fact]
    public void A_date_is_the_instant_that_the_framework_reads()
    {
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var offset = TimeSpan.FromMinutes(random.Next(-14 * 60, (14 * 60) + 1));
            var time = DateTimeOffset.UnixEpoch.AddSeconds(random.NextInt64(-2_000_000_000, 8_000_000_000)).ToOffset(offset);
            var text = time.ToString("yyyy-MM-dd HH:mm:ss ", CultureInfo.InvariantCulture) + (offset < TimeSpan.Zero ? "-" : "+") + offset.ToString("hhmm", CultureInfo.InvariantCulture);
            Assert.True(ExportDate.TryParse(Encoding.ASCII.GetBytes(text), out var ms, out var isOld), text);
            Assert.Equal((time.ToUnixTimeMilliseconds(), false), (ms, isOld));
        }
    }

    /// <summary>Every byte of a good date in turn is every other byte: the quick way takes no other text than the slow one does, which looks at digits, ranges, the first dash and the sign.</summary>
    [Fact]
    public void A_damaged_date_is_none_unless_a_separator_is_another_one()
    {
        const string good = "2024-10-28 12:20:29 +0100";
        var separators = new HashSet<int> { 7, 13, 16, 19 };
        for (var i = 0; i < good.Length; i++)
        {
            for (var b = 0; b < 256; b++)
            {
                var text = Encoding.ASCII.GetBytes(good);
                text[i] = (byte)b;
                var isDigit = b is >= '0' and <= '9';
                var read = ExportDate.TryParse(text, out _, out _);
                var expected = i switch
                {
                    4 => b == '-',
                    10 => b is ' ' or 'T',
                    20 => b is '+' or '-',
                    _ when separators.Contains(i) => true,
                    5 => b is '0' or '1' && !(b == '0' && good[6] == '0'), // months 00 to 19, of which 10 is the one with this second digit
                    6 => b is '0' or '1' or '2',
                    8 => b is '0' or '1' or '2',
                    11 => b is '0' or '1' or '2',
                    14 or 17 => isDigit && b <= '5',
                    21 => b is '0' or '1',
                    23 => isDigit && b <= '5',
                    _ => isDigit,
                };
                Assert.True(expected == read, $"{Encoding.Latin1.GetString(text)}: {read}");
            }
        }
    }
}
