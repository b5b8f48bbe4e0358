using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Tidemark.Client.Coordination;

namespace Tidemark.Torture.Nodes;

/// <summary>What became of a run of <see cref="NodeRuns"/>.</summary>
internal sealed record NodeResult(int Devices, int Edits, int Runs, int FailedByKills, int FailedByDraining, int Rows, TimeSpan Time);

/// <summary>
/// Three nodes on one PostgreSQL behind a balancer; many devices edit and sync. Each node is killed in turn, the database is restarted, each node is restarted in
/// good order; then everything must be there once and equal everywhere.
/// </summary>
internal static class NodeRuns
{
    private const int Nodes = 3;
    private const int DevicesOfUser = 10;
    private const int AtOnce = 16;
    private const int RoundsMax = 20;

    public static async Task<NodeResult> RunAsync(int seed, int devices, Action<string>? say = null)
    {
        var watch = Stopwatch.StartNew();
        using var fleet = new NodeFleet(Nodes);
        var users = Enumerable.Range(0, Math.Max(2, devices / DevicesOfUser)).Select(i => new NodeUser(string.Create(CultureInfo.InvariantCulture, $"user{i}"))).ToList();
        var tokens = await fleet.TokensAsync(users.Select(u => u.Name));
        var all = new List<NodeDevice>();
        try
        {
            for (var i = 0; i < devices; i++)
            {
                var path = Path.Combine(fleet.Folder, string.Create(CultureInfo.InvariantCulture, $"d{i}.db"));
                all.Add(NodeDevice.Make(path, users[i % users.Count], fleet.Balancer.Address, tokens[i % users.Count], (seed * 1000) + i));
            }

            var load = new Load(all);
            await load.MoreAsync(all.Count);
            MustBe(load.Failed == 0, $"{load.Failed} runs failed before anything was done to the nodes: {load.LastError}");
            say?.Invoke($"{devices} devices of {users.Count} users, {load.Runs} runs, {watch.Elapsed.TotalSeconds:F0} s");

            // All of it while the devices go on.
            for (var node = 0; node < Nodes; node++)
            {
                fleet.Kill(node);
                await load.MoreAsync(all.Count / 2);
                fleet.Start(node);
                await load.MoreAsync(all.Count / 4);
                say?.Invoke($"node {node} killed and started, {load.Runs} runs, {load.Failed} failed, {watch.Elapsed.TotalSeconds:F0} s");
            }

            fleet.Postgres.Stop();
            await Task.Delay(TimeSpan.FromSeconds(1));
            fleet.Postgres.Start();
            await load.MoreAsync(all.Count / 2);
            await EventuallyAsync(() => fleet.Balancer.Ready == Nodes, "all nodes are ready");
            await load.MoreAsync(AtOnce * 2); // Whoever had been on the way when it came back.
            say?.Invoke($"PostgreSQL restarted, {load.Runs} runs, {load.Failed} failed, {watch.Elapsed.TotalSeconds:F0} s");
            var byKills = load.Failed;
            for (var node = 0; node < Nodes; node++)
            {
                var ended = fleet.Restart(node);
                MustBe(ended.ExitCode == 0, $"A node that was asked to stop ended with {ended.ExitCode}: {ended.Errors}");
                await EventuallyAsync(() => fleet.Balancer.Ready == Nodes, "all nodes are ready");
            }

            var byDraining = load.Failed - byKills;
            await load.StopAsync();
            say?.Invoke($"every node drained and restarted under load, {load.Runs} runs, {byDraining} failed{(byDraining > 0 ? " " + load.LastError : "")}, {watch.Elapsed.TotalSeconds:F0} s");
            await SettleAsync(all);
            var rows = await MustBeWellAsync(all, users, fleet);
            return new NodeResult(devices, all.Sum(d => d.Edits), load.Runs, byKills, byDraining, rows, watch.Elapsed);
        }
        finally
        {
            foreach (var device in all)
            {
                await device.DisposeAsync();
            }
        }
    }

    // In turn until nothing moves; each user's devices behind each other, the users beside each other.
    private static Task SettleAsync(List<NodeDevice> all) => Parallel.ForEachAsync(all.GroupBy(d => d.User.Name, StringComparer.Ordinal), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (devices, token) =>
    {
        var moved = true;
        for (var round = 0; moved; round++)
        {
            MustBe(round < RoundsMax, $"{devices.Key}: still moving after {RoundsMax} rounds.");
            moved = false;
            foreach (var device in devices)
            {
                var report = await device.SyncAsync(token);
                MustBe(report.Error is null, $"{devices.Key}: {report.Error}");
                moved |= report.Outcome != SyncOutcome.Idle || report.Pending > 0;
            }
        }
    });

    private static async Task<int> MustBeWellAsync(List<NodeDevice> all, List<NodeUser> users, NodeFleet fleet)
    {
        var count = 0;
        foreach (var user in users)
        {
            var devices = all.Where(d => d.User == user).ToList();
            var first = await devices[0].RowsAsync();
            count += first.Count;
            foreach (var device in devices)
            {
                var rows = await device.RowsAsync();
                MustBe(rows.SequenceEqual(first, StringComparer.Ordinal), $"{user.Name}: devices differ: {string.Join(" ; ", rows.Except(first, StringComparer.Ordinal).Take(3))} and {string.Join(" ; ", first.Except(rows, StringComparer.Ordinal).Take(3))}");
            }

            var there = await devices[0].MarkersAsync();
            var twice = there.GroupBy(m => m, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key).ToList();
            var lost = user.Made.Except(user.Deleted, StringComparer.Ordinal).Except(there, StringComparer.Ordinal).ToList();
            MustBe(lost.Count == 0 && twice.Count == 0, $"{user.Name}: lost: {string.Join(", ", lost)}; twice: {string.Join(", ", twice)}");
            MustBe(await devices[0].IsLikeServerAsync(CancellationToken.None), $"{user.Name}: the server's digests are others.");
        }

        await using var source = NpgsqlDataSource.Create(fleet.Postgres.ConnectionString);
        await using var command = source.CreateCommand("SELECT (SELECT count(*) FROM tidemark.folders) + (SELECT count(*) FROM tidemark.notes) + (SELECT count(*) FROM tidemark.tags)");
        var stored = (long)(await command.ExecuteScalarAsync())!;
        MustBe(stored == count, $"PostgreSQL has {stored} rows, the devices {count}.");
        return count;
    }

    private static async Task EventuallyAsync(Func<bool> isSo, string what)
    {
        for (var until = Environment.TickCount64 + 60_000; !isSo(); await Task.Delay(50))
        {
            MustBe(Environment.TickCount64 < until, $"Not within a minute: {what}.");
        }
    }

    private static void MustBe(bool isSo, string otherwise)
    {
        if (!isSo)
        {
            throw new TortureException(otherwise);
        }
    }

    /// <summary>Devices that edit and sync, some at a time, until they are stopped.</summary>
    private sealed class Load
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _working;
        private int _runs;
        private int _failed;

        public Load(List<NodeDevice> devices)
        {
            var workers = Math.Min(AtOnce, devices.Count);

            // Each worker has devices of its own: two runs of one device at once would wait for each other.
            _working = Task.WhenAll(Enumerable.Range(0, workers).Select(w => Task.Run(() => WorkAsync([.. devices.Where((_, i) => i % workers == w)]))));
        }

        public int Runs => _runs;

        public int Failed => _failed;

        public string? LastError { get; private set; }

        public async Task MoreAsync(int runs)
        {
            for (var until = _runs + runs; _runs < until; await Task.Delay(5))
            {
                MustBe(!_working.IsCompleted, "The load has ended: " + _working.Exception);
            }
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _working;
        }

        private async Task WorkAsync(List<NodeDevice> mine)
        {
            for (var turn = 0; !_stop.IsCancellationRequested; turn++)
            {
                var device = mine[turn % mine.Count];
                await device.EditAsync();
                var report = await device.SyncAsync(CancellationToken.None);
                Interlocked.Increment(ref _runs);
                if (report.Error is { } error)
                {
                    Interlocked.Increment(ref _failed);
                    LastError = error.ToString();
                    await Task.Delay(100);
                }
            }
        }
    }
}
