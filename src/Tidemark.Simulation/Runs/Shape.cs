using Tidemark.Server;
using Tidemark.Server.Leases;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Runs;

/// <summary>What holds for a whole run.</summary>
internal sealed record Shape
{
    public required int Devices { get; init; }

    public required int Days { get; init; }

    public required IReadOnlyList<string> Users { get; init; }

    public required int LatencyMsMax { get; init; }

    /// <summary>How likely the app writes while a request is on its way.</summary>
    public required double BusyApp { get; init; }

    /// <summary>How much time one reading of a timestamp takes: makes slow machines.</summary>
    public required long WorkTicks { get; init; }

    /// <summary>The system cannot tell whether a process still runs; its lock is waited for.</summary>
    public required bool ForgetsProcesses { get; init; }

    public required TimeSpan Retention { get; init; }

    public required ServerOptions Server { get; init; }

    public static Shape Make(Dice dice, SimulationOptions options)
    {
        var devices = options.Devices ?? dice.Pick([2, 2, 3, 3, 4, 5]);
        var retention = TimeSpan.FromDays(dice.Pick([1, 2, 90]));
        var shape = new Shape
        {
            Devices = devices,
            Days = Math.Max(1, 10 / devices),
            Users = dice.Chance(0.15) && devices > 2 ? ["ann", "bob"] : ["ann"],
            LatencyMsMax = dice.Pick([50, 400, 5000]),
            BusyApp = dice.Pick([0, 0.1, 0.3]),
            WorkTicks = dice.Pick([0, 0, TimeSpan.TicksPerMillisecond * 60]),
            ForgetsProcesses = dice.Chance(0.1),
            Retention = retention,
            Server = new ServerOptions { Dev = true, TombstoneRetention = retention },
        };
        return !Workloads.Has(options.Workload, Workloads.Fourth) ? shape : shape with { Server = new ServerOptions { Dev = true, TombstoneRetention = retention, Leases = LeasesOf(dice, shape.LatencyMsMax) } };
    }

    // So little is bulk work, and so short are some leases, that denials and losses are of every day. One shorter than a few round trips would let nobody do anything.
    private static LeaseOptions LeasesOf(Dice dice, int latencyMs) =>
        new() { Commands = dice.Pick([1, 3, 8]), Rows = dice.Pick([2, 6]), LeasesMax = dice.Pick([1, 1, 2]), TimeMs = Math.Max(1000, latencyMs * dice.Pick([6, 12, 60])), RetryMaxMs = 5000 };
}
