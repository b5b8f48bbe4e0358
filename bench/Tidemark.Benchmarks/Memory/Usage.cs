using System.Globalization;

namespace Tidemark.Benchmarks.Memory;

/// <summary>What a child process says of its resident memory.</summary>
internal sealed record Usage(double IdleMb, double PeakMb)
{
    public double AboveIdleMb => PeakMb - IdleMb;

    public static Usage Parse(string line)
    {
        var parts = line.Split(' ');
        return new Usage(double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
