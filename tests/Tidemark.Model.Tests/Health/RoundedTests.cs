using Tidemark.Model.Health;
using Xunit;

namespace Tidemark.Model.Tests.Health;

/// <summary>Six digits of a number, as the logarithm and as the exponent of two find them: what an identity was made of stays what it is.</summary>
public sealed class RoundedTests
{
    [Fact]
    [Trait("req", "HLT-10")]
    public void Rounding_is_the_one_that_the_logarithm_gives()
    {
        var random = new Random(7);
        for (var i = 0; i < 300_000; i++)
        {
            var value = (random.NextDouble() + 0.1) * Math.Pow(10, random.Next(-18, 19));
            Check(value);
            Check(-value);
        }

        for (var e = -18; e <= 18; e++)
        {
            var power = double.Parse($"1e{e}", System.Globalization.CultureInfo.InvariantCulture);
            foreach (var value in (double[])[power, Math.BitIncrement(power), Math.BitDecrement(power), Math.BitDecrement(Math.BitDecrement(power)), power * 0.9999995, power * 1.0000005, power * 0.9999994])
            {
                Check(value);
            }
        }
    }

    private static void Check(double value) => Assert.Equal(BitConverter.DoubleToInt64Bits(ByLogarithm(value)), BitConverter.DoubleToInt64Bits(HealthUnit.Rounded(value)));

    private static double ByLogarithm(double value)
    {
        var size = Math.Abs(value);
        if (size < 1e6 && value == Math.Floor(value))
        {
            return value;
        }

        var exponent = 5 - (int)Math.Floor(Math.Log10(size));
        var power = double.Parse($"1e{Math.Abs(exponent)}", System.Globalization.CultureInfo.InvariantCulture);
        return exponent >= 23 || exponent <= -23 ? value : exponent >= 0 ? Math.Round(value * power) / power : Math.Round(value / power) * power;
    }
}
