using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Devices;

namespace Tidemark.Simulation.Runs;

/// <summary>Runs one seed from its first step to the last comparison.</summary>
public static class Simulator
{
    private const int RoundsMax = 20;
    private const int FetchesMax = 1000;
    private const int WaitingTold = 10;
    private const int SettlingsMax = 6;
    private static readonly TimeSpan RoundTime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan RunTimeMax = TimeSpan.FromHours(6);
    private static readonly TimeSpan Aftermath = TimeSpan.FromDays(2);

    /// <summary>The names of the faults there are.</summary>
    public static IReadOnlyList<string> FaultNames { get; } = [.. StepKinds.All.Where(k => k.IsFault).Select(k => k.Name)];

    public static SimulationResult Run(SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Workload switch
        {
            Workloads.Fifth or Workloads.Seventh or Workloads.Eleventh => WorldRun.Play(options, DefaultFolder(), "sharing", static (o, folder) => new Sharing.SharingRun(o, folder)),
            Workloads.Eighth => WorldRun.Play(options, DefaultFolder(), "health", static (o, folder) => new Health.HealthRun(o, folder)),
            Workloads.Ninth or Workloads.Tenth => WorldRun.Play(options, DefaultFolder(), "several", static (o, folder) => new Several.SeveralRun(o, folder)),
            _ => Run(Plan.Make(options)),
        };
    }

    /// <summary>The shortest schedule found that breaks the same promise as the seed does; the run itself when it breaks none.</summary>
    /// <param name="options">What was simulated.</param>
    /// <param name="runsMax">How many runs the search may take.</param>
    public static SimulationResult Shrink(SimulationOptions options, int runsMax = 400)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (Workloads.IsWorldOfItsOwn(options.Workload))
        {
            return Run(options); // Short as it is.
        }

        var plan = Plan.Make(options);
        var result = Run(plan);
        return result.Violation is null ? result : new Shrinker(plan, result.Violation.Checker, runsMax).Shrink(result).Result;
    }

    internal static SimulationResult Run(Plan plan)
    {
        var before = SynchronizationContext.Current;
        var folder = Directory.CreateDirectory(Path.Combine(plan.Options.Folder ?? DefaultFolder(), FolderName(plan)));
        SynchronizationContext.SetSynchronizationContext(null);
        World? world = null;
        try
        {
            world = new World(plan, folder.FullName);
            PlayGuarded(world, plan);
            return new SimulationResult
            {
                Seed = plan.Options.Seed,
                Violation = world.Violation,
                Digest = world.Digest(),
                Story = world.Story,
                FaultsMet = world.FaultsMet,
                DeviceDays = plan.Shape.Devices * Math.Max(1, (int)Math.Ceiling(TimeSpan.FromTicks(plan.Steps.Count == 0 ? 0 : plan.Steps[^1].At).TotalDays)),
                Steps = plan.Steps.Count,
                Edits = world.Edits,
                Syncs = world.RunsEnded,
                Events = world.Scheduler.Events,
            };
        }
        finally
        {
            world?.Close();
            if (!plan.Options.KeepFiles)
            {
                folder.Delete(recursive: true);
            }

            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private static void PlayGuarded(World world, Plan plan)
    {
        try
        {
            Play(world, plan);
        }
#pragma warning disable CA1031 // whatever is thrown is a finding, with the story that led to it
        catch (Exception e)
#pragma warning restore CA1031
        {
            world.Violate("thrown", e.ToString());
        }
    }

    private static void Play(World world, Plan plan)
    {
        foreach (var step in plan.Steps)
        {
            world.Scheduler.RunUntil(step.At, () => { });
            if (world.Violation is not null)
            {
                return;
            }

            var kind = StepKinds.All.Single(k => string.Equals(k.Name, step.Kind, StringComparison.Ordinal));
            if (kind.IsFault)
            {
                world.Met(kind.Name);
                world.Say("step", $"{step.Number} {step.Kind} ({world.Device(step.Device).Name})");
            }

            kind.Run(world, step.Device, new Dice(step.Seed));
        }

        EndFaults(world);
        Settle(world);
    }

    // What is still on its way arrives; then the sun shines.
    private static void EndFaults(World world)
    {
        world.Say("step", "faults end");
        world.Calm = true;
        foreach (var device in world.Devices)
        {
            device.Weather.Clear();
            device.Skew = TimeSpan.Zero;
            device.Token = device.User;
            device.Process?.Watch.NoTrouble();
            device.Process?.Watch.NoCrash();
        }

        world.Guests.NoCrash();
        world.Server.Watch?.NoCrash();
        world.Server.Skew = TimeSpan.Zero;
        world.Scheduler.RunUntil(world.Scheduler.Now + Aftermath.Ticks, () => { });
        world.Guests.EndAll();
        world.Server.Start();
        foreach (var device in world.Devices)
        {
            device.Start();
            if (device.Running)
            {
                world.Violate("starvation", $"{device.Name}: a run has not ended for two days");
            }
        }
    }

    private static void Settle(World world)
    {
        if (!BecomesQuiet(world))
        {
            return;
        }

        world.Observe(new Quiet(AtRest(world)));
        ReceiptReader.Observe(world);
        for (var settling = 0; world.Violation is null && Discard(world) && settling < SettlingsMax; settling++)
        {
            if (!BecomesQuiet(world))
            {
                return;
            }
        }

        if (world.Violation is null)
        {
            world.Observe(new Settled(AtRest(world)));
            Examine(world);
        }
    }

    /// <summary>Rounds in which every device syncs, until one brings nothing new to anybody.</summary>
    private static bool BecomesQuiet(World world)
    {
        for (var round = 1; round <= RoundsMax && world.Violation is null; round++)
        {
            world.Scheduler.RunUntil(world.Scheduler.Now + RoundTime.Ticks, () => { });
            var moved = false;
            foreach (var device in world.Devices)
            {
                moved |= SyncWhole(world, device);
            }

            if (!moved)
            {
                return world.Violation is null;
            }
        }

        TellWhatWaits(world);
        world.Violate("starvation", $"not quiet {RoundsMax} rounds after faults ended: " + string.Join("; ", world.Devices.Select(d => $"{d.Name} {BooksReader.Read(d, world.Schema).Waiting} waiting, {BooksReader.Read(d, world.Schema).Aside} aside")));
        return false;
    }

    private static void TellWhatWaits(World world)
    {
        foreach (var device in world.Devices)
        {
            var inspector = new StoreInspector(device.Process!.Store);
            foreach (var item in inspector.Outbox(WaitingTold))
            {
                world.Say(device, $"still waiting: {item}");
            }

            foreach (var item in inspector.Aside().Take(WaitingTold))
            {
                world.Say(device, $"still put aside: {item}");
            }
        }
    }

    // A run that fetches few pages is followed by the next, as the scheduler does it: what is left is fetched, not waited for.
    private static bool SyncWhole(World world, SimulatedDevice device)
    {
        var moved = SyncOnce(world, device);
        for (var runs = 1; world.Violation is null && world.LastReport is { Error: null, Pull.HasMore: true }; runs++)
        {
            if (runs == FetchesMax)
            {
                world.Violate("starvation", $"{device.Name}: still fetching after {FetchesMax} runs");
                return false;
            }

            moved |= SyncOnce(world, device);
        }

        return moved;
    }

    private static bool SyncOnce(World world, SimulatedDevice device)
    {
        var story = world.Story.Count;
        var before = BooksReader.Read(device, world.Schema);
        device.Sync(SyncMode.Full);
        if (!world.Scheduler.RunUntil(() => !device.Running, world.Scheduler.Now + RunTimeMax.Ticks, () => { }))
        {
            world.Violate("starvation", $"{device.Name}: a run on a sunny day does not end");
            return false;
        }

        var report = world.LastReport!;
        var after = BooksReader.Read(device, world.Schema);
        return report.Error is not null || report.Push.Accepted + report.Push.Conflicts + report.Push.Failed + report.Push.DeadLetters + report.Pull.Applied + report.Pull.Merged + report.Pull.Deleted > 0
            || before.Floor != after.Floor || before.Waiting != after.Waiting || before.Aside != after.Aside || before.Staged != after.Staged || before.DeadLetters != after.DeadLetters || story == world.Story.Count;
    }

    // The person at each device takes back what was refused.
    private static bool Discard(World world)
    {
        var any = false;
        foreach (var device in world.Devices)
        {
            var store = device.Process!.Store;
            foreach (var letter in new StoreInspector(store).DeadLetters())
            {
                any = true;
                world.Say(device, $"discards {letter.Operation} {letter.Type} {letter.Key}: {letter.Code}");
                Now(store.DiscardAsync(letter.Id, default));
            }

            world.ObserveDevice(device);
        }

        return any;
    }

    private static void Examine(World world)
    {
        foreach (var device in world.Devices)
        {
            var report = Now(new StoreDoctor(device.Process!.Store, device.Process.Environment).ExamineAsync(repair: false, default));
            world.Observe(new Examined(device.Name, [.. report.Findings.Where(f => f.Severity == FindingSeverity.Fault).Select(f => f.Message)]));
        }
    }

    private static T Now<T>(Task<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new SimulatorException("What a person does waits for something.");

    private static List<ReplicaAtRest> AtRest(World world)
    {
        var replicas = world.Devices.Select(d => new ReplicaAtRest(d.Name, d.User, d.App.Read(), BooksReader.OpenTypes(d), BooksReader.Read(d, world.Schema)) { Recorded = BooksReader.Recorded(d), OpenRows = BooksReader.OpenRows(d) }).ToList();
        foreach (var user in world.Users)
        {
            if (world.ServerOf(user) is { } server)
            {
                replicas.Add(new ReplicaAtRest("", user, server.Rows, new SortedSet<string>(StringComparer.Ordinal), null));
            }
        }

        return replicas;
    }

    private static string DefaultFolder() => Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    private static string FolderName(Plan plan) => FormattableString.Invariant($"tidemark-sim-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}-{plan.Options.Seed}");
}
