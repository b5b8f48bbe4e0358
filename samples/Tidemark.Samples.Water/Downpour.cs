using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace Tidemark.Samples.Water;

/// <summary>
/// Shows what the file stands: writes so many glasses a second for so long, looks for those of the other process, and says how long the slowest write took
/// and how long the slowest glass of the other one was on its way here.
/// </summary>
public static class Downpour
{
    // Past the end, for the last glasses of a process that began later.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static async Task RunAsync(WaterLog log, string me, string other, int perSecond, int seconds)
    {
        using var end = new CancellationTokenSource();
        var seen = SeeAsync(log, other, perSecond * seconds, end.Token);
        var writes = new ConcurrentBag<Task<double>>();
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < perSecond * seconds; i++)
        {
            // By the clock, not after one another: a slow write delays none behind it.
            var due = TimeSpan.FromSeconds((double)i / perSecond) - Stopwatch.GetElapsedTime(started);
            if (due > TimeSpan.Zero)
            {
                await Task.Delay(due);
            }

            writes.Add(TimedAsync(() => log.AddAsync(me, 100 + i % 100)));
        }

        var slowest = (await Task.WhenAll(writes)).Max();
        var wrote = Stopwatch.GetElapsedTime(started).TotalSeconds;
        end.CancelAfter(Patience);
        var (count, latest) = await seen;
        Console.WriteLine(JsonSerializer.Serialize(new { wrote = writes.Count, seconds = Math.Round(wrote, 1), slowestWriteMs = Math.Round(slowest), seen = count, slowestSeenMs = Math.Round(latest) }));
    }

    private static async Task<(int Count, double SlowestMs)> SeeAsync(WaterLog log, string other, int expected, CancellationToken cancellationToken)
    {
        var (count, slowest) = (0, 0.0);
        try
        {
            await foreach (var drink in log.FollowAsync(cancellationToken))
            {
                if (drink.Source == other)
                {
                    (count, slowest) = (count + 1, Math.Max(slowest, (DateTimeOffset.UtcNow - drink.At).TotalMilliseconds));
                    if (count == expected)
                    {
                        break;
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The caller sees that some are missing.
        }

        return (count, slowest);
    }

    private static async Task<double> TimedAsync(Func<Task> write)
    {
        var started = Stopwatch.GetTimestamp();
        await write();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }
}
