using System.Globalization;
using Tidemark.Benchmarks.Memory;
using Tidemark.Benchmarks.Postgres;
using Tidemark.Benchmarks.Running;
using Tidemark.Model.Entities;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.PostgreSql;

namespace Tidemark.Benchmarks.Nodes;

/// <summary>Devices of eight users push over HTTP, all to one node or half of them to each of two; each node is a process that is held to a part of a processor, PostgreSQL and the devices are not.</summary>
internal sealed class NodesBenchmark : PostgresBenchmark
{
    private const int Devices = 8;
    private const int RowsAPush = 50;
    private const double Share = 0.4;

    public override string Name => "nodes";

    public override string Summary => "pushes to two nodes on one PostgreSQL against one, each held to 0.4 of a processor";

    protected override async Task<IReadOnlyList<Figure>> MeasureAsync(PostgresBackend backend, Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var tokens = await TokensAsync(backend.ConnectionString, cancel);
        await using var first = ChildProcess.Start("node", scratch.Folder("first"), backend.ConnectionString);
        Uri[] addresses = [new(await first.ReadLineAsync(cancel)), default!];
        await using var second = ChildProcess.Start("node", scratch.Folder("second"), backend.ConnectionString);
        addresses[1] = new Uri(await second.ReadLineAsync(cancel));
        var devices = tokens.Select((t, i) => new NodeDevice(t, i)).ToList();
        await devices[0].RegisterAsync(addresses[0], SyncModelJson.ToUtf8(WireTable.Model), cancel);
        using var firstQuota = ProcessorQuota.Hold(first.Id, Share);
        using var secondQuota = ProcessorQuota.Hold(second.Id, Share);
        if (firstQuota is null || secondQuota is null)
        {
            await Console.Error.WriteAsync("no control group may be made here, ");
            return [];
        }

        var rows = Math.Max(effort.Scale(48_000), Devices * RowsAPush); // Long enough that the devices which end last weigh little.
        var (alone, both) = (new NodeUse([first.Id]), new NodeUse([first.Id, second.Id]));
        var pair = await SideBySide.RunAsync(
            effort.Rounds,
            () => alone.WatchAsync(() => PushAsync(devices, _ => addresses[0], rows, cancel)),
            () => both.WatchAsync(() => PushAsync(devices, i => addresses[i % 2], rows, cancel)),
            cancel);
        await first.WaitAsync(cancel);
        await second.WaitAsync(cancel);
        devices.ForEach(d => d.Dispose());
        return
        [
            Figure.OfRates($"PostgreSQL: two nodes instead of one, {Share} of a processor each", "rows", rows / pair.Bare * 1000, rows / pair.Tidemark * 1000, Target.Least(1.6)),
            new Figure("the same: what a node got of a processor", Part(alone.Share), Part(both.Share), both.Share / alone.Share, Target.None),
        ];
    }

    private static string Part(double share) => share.ToString("0.00", CultureInfo.InvariantCulture);

    // What is sent is there before the clock starts.
    private static async Task<double> PushAsync(List<NodeDevice> devices, Func<int, Uri> addressOf, int rows, CancellationToken cancel)
    {
        var bodies = devices.ConvertAll(d => d.Prepare(rows / Devices, RowsAPush));
        return await SideBySide.TimeAsync(() => Task.WhenAll(devices.Select((d, i) => d.PushAsync(addressOf(i), bodies[i], cancel))));
    }

    private static async Task<IReadOnlyList<string>> TokensAsync(string connection, CancellationToken cancel)
    {
        await using var store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = connection }, ServerEnvironment.System, cancel);
        using var tokens = await TidemarkTokens.OpenAsync(store, cancellationToken: cancel);
        return [.. Enumerable.Range(0, Devices).Select(i => tokens.Create("user-" + i, TimeSpan.FromHours(1)))];
    }
}
