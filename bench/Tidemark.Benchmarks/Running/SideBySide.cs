using System.Diagnostics;

namespace Tidemark.Benchmarks.Running;

/// <summary>The medians of both sides.</summary>
internal readonly record struct Pair(double Bare, double Tidemark);

/// <summary>Measures two sides in turns, so that whatever else the machine does meets both alike; the side that begins changes every round.</summary>
internal static class SideBySide
{
    /// <param name="rounds">How often each side runs; one more round before them is thrown away.</param>
    /// <param name="bare">Runs the bare side once and returns its milliseconds.</param>
    /// <param name="tidemark">The same for Tidemark's side.</param>
    /// <param name="cancel">Ends the run between two measurements.</param>
    public static async Task<Pair> RunAsync(int rounds, Func<Task<double>> bare, Func<Task<double>> tidemark, CancellationToken cancel)
    {
        var first = new List<double>();
        var second = new List<double>();
        for (var round = -1; round < rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            double a, b;
            if (round % 2 == 0)
            {
                a = await bare();
                b = await tidemark();
            }
            else
            {
                b = await tidemark();
                a = await bare();
            }

            if (round >= 0)
            {
                first.Add(a);
                second.Add(b);
            }
        }

        return new Pair(Median(first), Median(second));
    }

    public static double Median(List<double> values)
    {
        values.Sort();
        var middle = values.Count / 2;
        return values.Count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    public static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public static async Task<double> TimeAsync(Func<Task> action)
    {
        var start = Stopwatch.GetTimestamp();
        await action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
