namespace Tidemark.Torture.Faults;

/// <summary>Schedules of mistreated requests, some at a time: most of a schedule is waiting.</summary>
public static class ProxyRuns
{
    private const int AtATime = 4;

    /// <summary>Runs the schedules of so many seeds.</summary>
    /// <returns>How many requests were carried and how many of them mistreated, by fault; and what was broken, by seed.</returns>
    public static async Task<ProxyResult> RunAsync(int seed, int runs, Action<string>? told = null)
    {
        var (broken, faults, ended) = (new SortedDictionary<int, string>(), new SortedDictionary<string, int>(StringComparer.Ordinal), 0);
        await using var world = await ProxyWorld.StartAsync();
        await Parallel.ForEachAsync(Enumerable.Range(seed, runs), new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (s, _) =>
        {
            var schedule = new ProxySchedule(world, s);
            string? trouble = null;
            try
            {
                await schedule.RunAsync();
            }
#pragma warning disable CA1031 // whatever it is, the seed tells it
            catch (Exception e)
#pragma warning restore CA1031
            {
                trouble = e is TortureException ? e.Message : e.ToString();
            }

            lock (faults)
            {
                ended++;
                foreach (var (fault, count) in schedule.Done)
                {
                    faults[fault.ToString()] = faults.GetValueOrDefault(fault.ToString()) + count;
                }

                if (trouble is not null)
                {
                    broken[s] = trouble;
                    told?.Invoke($"Seed {s}: {trouble}");
                }
                else if (ended % 50 == 0)
                {
                    told?.Invoke($"{ended} of {runs}");
                }
            }
        });
        return new ProxyResult(broken, faults);
    }
}

/// <summary>What came of it.</summary>
/// <param name="Broken">What was broken, by seed.</param>
/// <param name="Faults">How often each fault was met; None: requests that were carried as they are.</param>
public sealed record ProxyResult(IReadOnlyDictionary<int, string> Broken, IReadOnlyDictionary<string, int> Faults);
