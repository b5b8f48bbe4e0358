using System.Globalization;

namespace Tidemark.Benchmarks.Running;

/// <summary>What a ratio has to keep: a ceiling, a floor, or nothing (shown for information).</summary>
internal readonly record struct Target(double? AtMost, double? AtLeast)
{
    public static Target None => default;

    public static Target Ceiling(double ratio) => new(ratio, null);

    public static Target Least(double ratio) => new(null, ratio);

    /// <summary>Null when there is nothing to keep.</summary>
    public bool? Holds(double ratio) => (AtMost, AtLeast) switch
    {
        ({ } most, _) => ratio <= most,
        (_, { } least) => ratio >= least,
        _ => null,
    };

    public override string ToString() => (AtMost, AtLeast) switch
    {
        ({ } most, _) => string.Create(CultureInfo.InvariantCulture, $"<= {most:0.##}"),
        (_, { } least) => string.Create(CultureInfo.InvariantCulture, $">= {least:0.##}"),
        _ => "-",
    };
}

/// <summary>One line of the table.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Bare">The bare or floor side, with its unit.</param>
/// <param name="Tidemark">Tidemark's side, in the same unit.</param>
/// <param name="Ratio">Tidemark's figure divided by the bare one, or the figure the target speaks of.</param>
/// <param name="Target">What the ratio has to keep.</param>
internal sealed record Figure(string Name, string Bare, string Tidemark, double Ratio, Target Target)
{
    public bool? Ok => Target.Holds(Ratio);

    /// <summary>Times of one thing done: the ratio says how many times longer Tidemark takes.</summary>
    public static Figure OfTimes(string name, double bareMs, double tidemarkMs, Target target) =>
        new(name, Milliseconds(bareMs), Milliseconds(tidemarkMs), tidemarkMs / bareMs, target);

    /// <summary>Rates: the ratio says what part of the bare rate Tidemark reaches.</summary>
    public static Figure OfRates(string name, string unit, double barePerSecond, double tidemarkPerSecond, Target target) =>
        new(name, Rate(barePerSecond, unit), Rate(tidemarkPerSecond, unit), tidemarkPerSecond / barePerSecond, target);

    public static string Milliseconds(double value) =>
        string.Create(CultureInfo.InvariantCulture, $"{(value < 1 ? value * 1000 : value):0.0} {(value < 1 ? "us" : "ms")}");

    private static string Rate(double value, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{value:#,0} {unit}/s");
}
