using System.Globalization;

namespace Tidemark.Benchmarks.Memory;

/// <summary>Resident memory of this process as Linux counts it.</summary>
internal static class ProcessMemory
{
    public static double ResidentMb => Read("VmRSS:");

    /// <summary>The most since the last <see cref="ResetPeak"/>.</summary>
    public static double PeakMb => Read("VmHWM:");

    public static void ResetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    private static double Read(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return double.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1024;
    }
}
