namespace Tidemark.Model.Health;

/// <summary>What a unit measures. Units of one dimension convert into each other.</summary>
public enum HealthDimension
{
    None,
    Count,
    Score,
    Fraction,
    Length,
    Mass,
    Energy,
    Temperature,
    Time,
    Rate,
    Speed,
    Pressure,
    Glucose,
    Volume,
    Flow,
    Power,
    Effort,
    OxygenUptake,
    Sound,
    Insulin,
    Conductance,
    BodyMassIndex,
}

/// <summary>A spelling of a unit: canonical = (value * Scale) + Offset in the dimension's base unit.</summary>
/// <param name="Dimension">What it measures.</param>
/// <param name="Scale">Base units in one of it.</param>
/// <param name="Offset">What is added after scaling.</param>
public readonly record struct HealthUnit(HealthDimension Dimension, double Scale, double Offset = 0)
{
    /// <summary>Significant digits that a value keeps: what Apple's export prints.</summary>
    public const int Digits = 6;

    // Base units: m, g, kcal, degC, s, 1/min, m/s, mmHg, mg/dL, L, L/min, W, kcal/(kg·h), mL/(kg·min).
    private static readonly Dictionary<string, HealthUnit> Known = new(StringComparer.Ordinal)
    {
        ["count"] = new(HealthDimension.Count, 1),
        ["appleEffortScore"] = new(HealthDimension.Score, 1),
        ["score"] = new(HealthDimension.Score, 1),
        ["%"] = new(HealthDimension.Fraction, 1),
        ["fraction"] = new(HealthDimension.Fraction, 1),
        ["m"] = new(HealthDimension.Length, 1),
        ["km"] = new(HealthDimension.Length, 1000),
        ["cm"] = new(HealthDimension.Length, 0.01),
        ["mm"] = new(HealthDimension.Length, 0.001),
        ["mi"] = new(HealthDimension.Length, 1609.344),
        ["yd"] = new(HealthDimension.Length, 0.9144),
        ["ft"] = new(HealthDimension.Length, 0.3048),
        ["in"] = new(HealthDimension.Length, 0.0254),
        ["g"] = new(HealthDimension.Mass, 1),
        ["kg"] = new(HealthDimension.Mass, 1000),
        ["mg"] = new(HealthDimension.Mass, 0.001),
        ["mcg"] = new(HealthDimension.Mass, 1e-6),
        ["µg"] = new(HealthDimension.Mass, 1e-6),
        ["lb"] = new(HealthDimension.Mass, 453.59237),
        ["oz"] = new(HealthDimension.Mass, 28.349523125),
        ["st"] = new(HealthDimension.Mass, 6350.29318),
        ["kcal"] = new(HealthDimension.Energy, 1),
        ["Cal"] = new(HealthDimension.Energy, 1),
        ["cal"] = new(HealthDimension.Energy, 0.001),
        ["kJ"] = new(HealthDimension.Energy, 1 / 4.184),
        ["J"] = new(HealthDimension.Energy, 1 / 4184.0),
        ["degC"] = new(HealthDimension.Temperature, 1),
        ["degF"] = new(HealthDimension.Temperature, 5 / 9.0, -160 / 9.0),
        ["K"] = new(HealthDimension.Temperature, 1, -273.15),
        ["s"] = new(HealthDimension.Time, 1),
        ["ms"] = new(HealthDimension.Time, 0.001),
        ["min"] = new(HealthDimension.Time, 60),
        ["hr"] = new(HealthDimension.Time, 3600),
        ["d"] = new(HealthDimension.Time, 86400),
        ["count/min"] = new(HealthDimension.Rate, 1),
        ["/min"] = new(HealthDimension.Rate, 1),
        ["count/s"] = new(HealthDimension.Rate, 60),
        ["m/s"] = new(HealthDimension.Speed, 1),
        ["km/hr"] = new(HealthDimension.Speed, 1 / 3.6),
        ["mi/hr"] = new(HealthDimension.Speed, 0.44704),
        ["ft/s"] = new(HealthDimension.Speed, 0.3048),
        ["mmHg"] = new(HealthDimension.Pressure, 1),
        ["kPa"] = new(HealthDimension.Pressure, 7.500616827),
        ["inHg"] = new(HealthDimension.Pressure, 25.4),
        ["mg/dL"] = new(HealthDimension.Glucose, 1),
        ["mmol<180.1558800000541>/L"] = new(HealthDimension.Glucose, 18.01558800000541),
        ["L"] = new(HealthDimension.Volume, 1),
        ["dL"] = new(HealthDimension.Volume, 0.1),
        ["mL"] = new(HealthDimension.Volume, 0.001),
        ["fl_oz_us"] = new(HealthDimension.Volume, 0.0295735295625),
        ["fl_oz_imp"] = new(HealthDimension.Volume, 0.0284130625),
        ["cup_us"] = new(HealthDimension.Volume, 0.2365882365),
        ["pt_us"] = new(HealthDimension.Volume, 0.473176473),
        ["L/min"] = new(HealthDimension.Flow, 1),
        ["L/s"] = new(HealthDimension.Flow, 60),
        ["W"] = new(HealthDimension.Power, 1),
        ["kcal/hr·kg"] = new(HealthDimension.Effort, 1),
        ["kcal/(kg·h)"] = new(HealthDimension.Effort, 1),
        ["Cal/hr·kg"] = new(HealthDimension.Effort, 1),
        ["kJ/hr·kg"] = new(HealthDimension.Effort, 1 / 4.184),
        ["mL/min·kg"] = new(HealthDimension.OxygenUptake, 1),
        ["mL/(kg·min)"] = new(HealthDimension.OxygenUptake, 1),
        ["dBASPL"] = new(HealthDimension.Sound, 1),
        ["IU"] = new(HealthDimension.Insulin, 1),
        ["mcS"] = new(HealthDimension.Conductance, 1),
        ["S"] = new(HealthDimension.Conductance, 1e6),
        ["kg/m2"] = new(HealthDimension.BodyMassIndex, 1),
    };

    private static readonly double[] Parts = [.. Enumerable.Range(0, 23).Select(e => double.Parse("1e-" + e, System.Globalization.CultureInfo.InvariantCulture))];
    private static readonly double[] PowersOfTen = [.. Enumerable.Range(0, 23).Select(e => double.Parse("1e" + e, System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>
    /// The user may choose another unit between two exports, and both print six digits: the converted values differ in the last ones. So such a
    /// value cannot be part of an identity.
    /// </summary>
    public bool IsSwitchable => Dimension is HealthDimension.Length or HealthDimension.Mass or HealthDimension.Energy or HealthDimension.Temperature
        or HealthDimension.Speed or HealthDimension.Pressure or HealthDimension.Glucose or HealthDimension.Volume or HealthDimension.Effort;

    public static HealthUnit? Find(string spelling) => Known.TryGetValue(spelling, out var unit) ? unit : null;

    /// <summary>The unit that values of unknown types are kept in.</summary>
    public static string? BaseOf(HealthDimension dimension) => dimension switch
    {
        HealthDimension.Count => "count",
        HealthDimension.Score => "score",
        HealthDimension.Fraction => "fraction",
        HealthDimension.Length => "m",
        HealthDimension.Mass => "g",
        HealthDimension.Energy => "kcal",
        HealthDimension.Temperature => "degC",
        HealthDimension.Time => "s",
        HealthDimension.Rate => "/min",
        HealthDimension.Speed => "m/s",
        HealthDimension.Pressure => "mmHg",
        HealthDimension.Glucose => "mg/dL",
        HealthDimension.Volume => "L",
        HealthDimension.Flow => "L/min",
        HealthDimension.Power => "W",
        HealthDimension.Effort => "kcal/(kg·h)",
        HealthDimension.OxygenUptake => "mL/(kg·min)",
        HealthDimension.Sound => "dBASPL",
        HealthDimension.Insulin => "IU",
        HealthDimension.Conductance => "mcS",
        HealthDimension.BodyMassIndex => "kg/m2",
        _ => null,
    };

    /// <summary>A value of this unit in another one of the same dimension, with six significant digits.</summary>
    public double To(in HealthUnit target, double value)
    {
        if (Scale == target.Scale && Offset == target.Offset)
        {
            return Rounded(value);
        }

        return Rounded(((value * Scale) + Offset - target.Offset) / target.Scale);
    }

    /// <summary>To six significant digits; there is one zero.</summary>
    public static double Rounded(double value)
    {
        var size = Math.Abs(value);
        if (size is 0 or double.PositiveInfinity || double.IsNaN(value))
        {
            return value == 0 ? 0 : value;
        }

        // Whole numbers below a million have no more digits.
        if (size < 1e6 && value == Math.Floor(value))
        {
            return value;
        }

        var exponent = Digits - 1 - DecimalExponent(size);
        return exponent switch
        {
            >= 0 and < 23 => Math.Round(value * PowersOfTen[exponent]) / PowersOfTen[exponent],
            < 0 and > -23 => Math.Round(value / PowersOfTen[-exponent]) * PowersOfTen[-exponent],
            _ => value,
        };
    }

    // The place of the first digit: 0 for 1 to 9. From the exponent of two, which is never more than one too small; a logarithm takes ten times as long.
    private static int DecimalExponent(double size)
    {
        if (size is < 1e-16 or >= 1e16)
        {
            return (int)Math.Floor(Math.Log10(size));
        }

        var binary = (int)(BitConverter.DoubleToInt64Bits(size) >> 52) - 1023;
        var next = ((binary * 1233) >> 12) + 1;
        return size >= (next >= 0 ? PowersOfTen[next] : Parts[-next]) ? next : next - 1;
    }
}
