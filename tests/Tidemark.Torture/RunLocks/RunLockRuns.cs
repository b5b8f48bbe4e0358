using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tidemark.Torture.Faults;

namespace Tidemark.Torture.RunLocks;

/// <summary>What came of it.</summary>
/// <param name="Cycles">Services that were started and ended, of one, two or three instances each.</param>
/// <param name="Processes">How many there were.</param>
/// <param name="Killed">How many of them were killed.</param>
/// <param name="Runs">How often the lock was taken.</param>
/// <param name="TakenOver">How often from one that was killed with it.</param>
/// <param name="SlowestTakeOverMs">How long after its end at the most.</param>
/// <param name="Rows">Rows that were written and are on the server.</param>
public sealed record RunLockResult(int Cycles, int Processes, int Killed, int Runs, int TakenOver, double SlowestTakeOverMs, int Rows);

/// <summary>Real processes that start, stop, abandon and double services on one file, some of them killed.</summary>
public static class RunLockRuns
{
    public const string WorkerVerb = "runlock-worker";
    private const int AtATime = 3;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    /// <exception cref="TortureException">Two runs at once, a lock left behind, a row lost.</exception>
    public static async Task<RunLockResult> RunAsync(int seed, int cycles, Action<string>? told = null)
    {
        await using var world = await ProxyWorld.StartAsync();
        var file = Path.Combine(world.Folder, "shared.db");
        var token = world.Token("ada");
        LockFile.Make(file);
        var state = new State(seed, cycles, told);
        await Task.WhenAll(Enumerable.Range(0, AtATime).Select(_ => Task.Run(() => Keep(state, file, world.Address, token))));
        Sync(file, world.Address, token);
        var (runs, over, slowest) = LockFile.Check(file, state.Killed);
        LockFile.CheckWork(file);
        MustHaveAll(file, world.Address, token, state.Rows);
        return new RunLockResult(state.Cycles, state.Processes, state.Killed.Count, runs, over, slowest, state.Rows.Count);
    }

    // One place for a process: some end when they are told to, some are killed, and another one comes.
    private static void Keep(State state, string file, Uri server, string token)
    {
        while (state.Next() is { } plan)
        {
            using var process = Start(file, server, token, plan.Seed);
            using var watchdog = new Timer(_ => End(process), null, Deadline, Timeout.InfiniteTimeSpan);
            var (name, cycles, isAsked, killedAt) = ("", 0, false, 0.0);
            using var killing = plan.KillAfter is not { } after ? null : new Timer(
                _ =>
                {
                    killedAt = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;
                    End(process);
                },
                null, after, Timeout.InfiniteTimeSpan);
            while (process.StandardOutput.ReadLine() is { } line)
            {
                if (line.StartsWith("process ", StringComparison.Ordinal))
                {
                    name = line[8..];
                }
                else if (line.StartsWith("two at once", StringComparison.Ordinal))
                {
                    throw new TortureException(line);
                }
                else
                {
                    cycles += state.Note(line) ? 1 : 0;
                }

                if (!isAsked && (cycles >= plan.Cycles || state.IsOver))
                {
                    isAsked = true;
                    process.StandardInput.Close();
                }
            }

            process.WaitForExit();
            state.Ended(process.ExitCode, name, killedAt, process.StandardError.ReadToEnd());
        }
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static Process Start(string file, Uri server, string token, int seed)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Tidemark.Torture")) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { WorkerVerb, file, server.AbsoluteUri, token, seed.ToString(CultureInfo.InvariantCulture) })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        return Process.Start(start) ?? throw new TortureException("The process did not start.");
    }

    private static void Sync(string file, Uri server, string token)
    {
        for (var round = 0; round < 5; round++)
        {
            var ended = Commands.Run("sync", file, "--json", "--server", server.AbsoluteUri, "--token", token);
            if (ended.ExitCode != 0)
            {
                throw new TortureException("sync: " + ended.Output + ended.Errors);
            }

            if (ended.Json.GetProperty("pending").GetInt64() == 0 && ended.Json.GetProperty("pushed").GetInt64() == 0)
            {
                return;
            }
        }

        throw new TortureException("There is still something to send.");
    }

    private static void MustHaveAll(string file, Uri server, string token, HashSet<string> told)
    {
        var copy = file + ".copy";
        foreach (var arguments in new string[][] { ["verify", file, "--server", server.AbsoluteUri, "--token", token], ["doctor", file], ["clone", copy, "--server", server.AbsoluteUri, "--token", token] })
        {
            if (Commands.Run(arguments) is { ExitCode: not 0 } ended)
            {
                throw new TortureException($"{arguments[0]}: {ended.Output}{ended.Errors}");
            }
        }

        var rows = LockFile.Rows(copy);
        if (told.FirstOrDefault(r => !rows.Contains(r)) is { } lost)
        {
            throw new TortureException($"Row {lost} was committed, and the server has not got it.");
        }
    }

    /// <summary>What the places share.</summary>
    private sealed class State(int seed, int wanted, Action<string>? told)
    {
        private readonly Random _random = new(seed);

        public int Cycles { get; private set; }

        public int Processes { get; private set; }

        public Dictionary<string, double> Killed { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Rows { get; } = new(StringComparer.Ordinal);

        public bool IsOver
        {
            get
            {
                lock (_random)
                {
                    return Cycles >= wanted;
                }
            }
        }

        /// <summary>Two of three processes are killed, some of them while they start.</summary>
        public (int Seed, int Cycles, TimeSpan? KillAfter)? Next()
        {
            lock (_random)
            {
                if (Cycles >= wanted)
                {
                    return null;
                }

                Processes++;
                return (_random.Next(), 10 + _random.Next(30), _random.Next(3) > 0 ? TimeSpan.FromMilliseconds(300 + _random.Next(3000)) : null);
            }
        }

        /// <summary>True for a cycle.</summary>
        public bool Note(string line)
        {
            lock (_random)
            {
                if (line.StartsWith("row ", StringComparison.Ordinal))
                {
                    Rows.Add(line[4..]);
                    return false;
                }

                if (!line.StartsWith("cycle ", StringComparison.Ordinal))
                {
                    throw new TortureException("A process said: " + line);
                }

                if (++Cycles % 100 == 0)
                {
                    told?.Invoke($"{Cycles} of {wanted}");
                }

                return true;
            }
        }

        public void Ended(int exitCode, string name, double killedAt, string errors)
        {
            if (exitCode == 0)
            {
                return;
            }

            if (killedAt == 0 || exitCode != 128 + 9)
            {
                throw new TortureException($"A process ended with {exitCode}: {errors}");
            }

            lock (_random)
            {
                // One that was killed before it had a name had no lock either.
                Killed[name.Length > 0 ? name : "unnamed " + Processes] = killedAt;
            }
        }
    }
}
