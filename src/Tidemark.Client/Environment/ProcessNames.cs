using System.Diagnostics;
using System.Globalization;

namespace Tidemark.Client.Environment;

/// <summary>Names of processes: machine, id and start, so that a reused id is not taken for the former process.</summary>
internal static class ProcessNames
{
    public static string Own { get; } = NameOf(Process.GetCurrentProcess());

    public static bool IsAlive(string name)
    {
        var parts = name.Split('/');
        if (parts.Length != 3 || parts[0] != System.Environment.MachineName || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return true;
        }

        try
        {
            using var process = Process.GetProcessById(id);
            return NameOf(process) == name;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return e is System.ComponentModel.Win32Exception;
        }
    }

    // The start is rounded to seconds: it is computed from the boot time and can differ by a tick between two readings.
    private static string NameOf(Process process) =>
        string.Create(CultureInfo.InvariantCulture, $"{System.Environment.MachineName}/{process.Id}/{process.StartTime.ToUniversalTime().Ticks / TimeSpan.TicksPerSecond / 10}");
}
