using System.Globalization;

namespace Tidemark.Benchmarks.Nodes;

/// <summary>Holds a process to a part of one processor by a control group of its own, of version 1 or 2; both need the right to make one.</summary>
internal sealed class ProcessorQuota : IDisposable
{
    private const string FirstVersion = "/sys/fs/cgroup/cpu";
    private const string SecondVersion = "/sys/fs/cgroup";
    private const int PeriodUs = 100_000;
    private readonly string _group;

    private ProcessorQuota(string group) => _group = group;

    /// <returns>Null where this process may not.</returns>
    public static ProcessorQuota? Hold(int process, double share)
    {
        var isFirst = Directory.Exists(FirstVersion);
        var group = Path.Combine(isFirst ? FirstVersion : SecondVersion, string.Create(CultureInfo.InvariantCulture, $"tidemark-bench-{process}"));
        var quota = ((int)(PeriodUs * share)).ToString(CultureInfo.InvariantCulture);
        try
        {
            Directory.CreateDirectory(group);
            File.WriteAllText(Path.Combine(group, isFirst ? "cpu.cfs_quota_us" : "cpu.max"), isFirst ? quota : string.Create(CultureInfo.InvariantCulture, $"{quota} {PeriodUs}"));
            File.WriteAllText(Path.Combine(group, "cgroup.procs"), process.ToString(CultureInfo.InvariantCulture));
            return new ProcessorQuota(group);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            if (Directory.Exists(group))
            {
                Directory.Delete(group);
            }

            return null;
        }
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(_group);
        }
        catch (IOException)
        {
            // Its process has not ended: something has failed, which is told elsewhere.
        }
    }
}
