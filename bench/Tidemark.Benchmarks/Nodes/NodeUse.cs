using System.Diagnostics;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Nodes;

/// <summary>How much of a processor some nodes got while they were pushed to: two that do not get what they may have cannot do twice as much as one.</summary>
internal sealed class NodeUse(IReadOnlyList<int> processes)
{
    private readonly List<double> _shares = [];

    /// <summary>Of each node, the median of all rounds.</summary>
    public double Share => SideBySide.Median(_shares);

    public async Task<double> WatchAsync(Func<Task<double>> push)
    {
        var before = Used();
        var milliseconds = await push();
        _shares.Add((Used() - before) / milliseconds / processes.Count);
        return milliseconds;
    }

    private double Used() => processes.Sum(id =>
    {
        using var process = Process.GetProcessById(id);
        return process.TotalProcessorTime.TotalMilliseconds;
    });
}
