using System.Globalization;
using Tidemark.Benchmarks.Memory;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Live;

/// <summary>Live connections of which nobody says anything: what they cost one node, a process of its own with a real server; the devices are in another one.</summary>
internal sealed class LiveConnectionsBenchmark : Benchmark
{
    private const double AboveIdleMbMax = 1024;

    // The server pings every 30 s: everybody is asked at least twice.
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(65);
    private static readonly TimeSpan QuickHold = TimeSpan.FromSeconds(5);

    public override string Name => "websockets";

    public override string Summary => "memory of a node with 10,000 idle live connections (--connections=N)";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var folder = scratch.Folder("server");
        var hold = effort.Quick ? QuickHold : Hold;
        await using var server = ChildProcess.Start("serve", folder);
        var address = (await server.ReadLineAsync(cancel)).Split(' ');
        var idle = Usage.Parse(await server.AskAsync(cancel)).IdleMb;
        await using var devices = ChildProcess.Start("listen", folder, address[0], effort.Scale(effort.Connections).ToString(CultureInfo.InvariantCulture));
        var open = int.Parse(await devices.ReadLineAsync(cancel), CultureInfo.InvariantCulture);
        var connecting = Usage.Parse(await server.AskAsync(cancel)).PeakMb;
        var processor = server.ProcessorTime;
        await Task.Delay(hold, cancel);
        processor = server.ProcessorTime - processor;
        var held = Usage.Parse(await server.AskAsync(cancel));
        var left = int.Parse(await devices.AskAsync(cancel), CultureInfo.InvariantCulture);
        var who = $"{open:#,0} idle live connections";
        var share = processor / hold * 100;
        return
        [
            new($"{who}: still open after {hold.TotalSeconds:0} s", Count(open), Count(left), open == 0 ? 0 : (double)left / open, Target.Least(1)),
            new($"{who}: server, MB above idle", Mb(idle) + " idle", Mb(held.PeakMb) + " peak", held.PeakMb - idle, Target.Ceiling(AboveIdleMbMax)),
            new($"{who}: the same while they connect", Mb(idle) + " idle", Mb(connecting) + " peak", connecting - idle, Target.Ceiling(AboveIdleMbMax)),
            new($"{who}: server, processor, % of one", "-", string.Create(CultureInfo.InvariantCulture, $"{share:0.0} %"), share, Target.None),
        ];
    }

    private static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Mb(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} MB");
}
