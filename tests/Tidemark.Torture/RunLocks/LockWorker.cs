using System.Globalization;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;

namespace Tidemark.Torture.RunLocks;

/// <summary>
/// One process among several on a file: starts, stops, abandons and doubles services until its input ends, and says each cycle and each row that was committed. It is
/// killed at any moment.
/// </summary>
internal sealed class LockWorker(string path, Uri server, string token, int seed)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);
    private readonly Random _random = new(seed);
    private int _number;

    public async Task RunAsync()
    {
        var ended = Task.Run(Console.In.ReadToEnd);
        Console.WriteLine("process " + SyncEnvironment.System.ProcessName);
        while (!ended.IsCompleted)
        {
            var services = 1 + _random.Next(3);
            var how = await CycleAsync(services).WaitAsync(Deadline);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cycle {services} {how}"));
        }
    }

    private async Task<string> CycleAsync(int count)
    {
        var how = (Ending)_random.Next(4);
        var shared = _random.Next(2) == 0 ? Open() : null;
        var instances = Enumerable.Range(0, count).Select(_ => new Instance(shared ?? Open(), shared is null, server, token, path)).ToList();
        instances.ForEach(i => i.Service.Start());
        await WriteAsync(instances[0].Store);
        switch (how)
        {
            case Ending.AfterARun:
                await Task.WhenAll(instances.Select(i => i.Service.SyncNowAsync()));
                break;
            case Ending.InTheMiddle:
                await Task.Delay(_random.Next(30));
                break;
            case Ending.Abandoned:
                // A hot reload: nobody stops the old ones, and new ones are there at once.
                instances.ForEach(i => i.Service.Dispose());
                var next = new Instance(shared ?? Open(), shared is null, server, token, path);
                instances.Add(next);
                next.Service.Start();
                await next.Service.SyncNowAsync();
                break;
            default:
                instances.ForEach(i => i.Service.Pause());
                await Task.Delay(_random.Next(10));
                instances.ForEach(i => i.Service.Resume());
                await instances[^1].Service.SyncNowAsync();
                break;
        }

        await Task.WhenAll(instances.Select(i => i.Service.StopAsync()));
        await MustBeFreeAsync();
        foreach (var instance in instances)
        {
            await instance.DisposeAsync();
        }

        if (shared is not null)
        {
            await shared.DisposeAsync();
        }

        return how.ToString();
    }

    // What was stopped has let go when the task ends; what was abandoned lets go by itself.
    private async Task MustBeFreeAsync()
    {
        for (var i = 0; i < 3000; i++)
        {
            if (LockFile.Owner(path) is not { } owner || !owner.StartsWith(SyncEnvironment.System.ProcessName + "#", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(10);
        }

        throw new TortureException("All services of this process have ended, and the lock is still theirs.");
    }

    private async Task WriteAsync(LocalStore store)
    {
        for (var i = _random.Next(1, 4); i > 0; i--)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{seed}-{++_number}");
            await store.WriteAsync(c =>
            {
                using var command = c.CreateCommand();
                command.CommandText = "INSERT INTO notes VALUES($id, 'x')";
                command.Parameters.AddWithValue("$id", id);
                return command.ExecuteNonQuery();
            });
            Console.WriteLine("row " + id);
        }
    }

    private LocalStore Open() => LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);

    private enum Ending
    {
        AfterARun,
        InTheMiddle,
        Abandoned,
        Paused,
    }

    private sealed class Instance : IAsyncDisposable
    {
        private readonly bool _ownsStore;
        private readonly TidemarkHttpRemote _remote;

        public Instance(LocalStore store, bool ownsStore, Uri server, string token, string path)
        {
            Store = store;
            _ownsStore = ownsStore;
            _remote = new TidemarkHttpRemote(server, _ => Task.FromResult(token), SyncEnvironment.System);
            var options = new SyncOptions { LockWait = TimeSpan.FromMinutes(1) };
            options.Automatic.FollowsHints = false;
            options.Automatic.GateTimeout = TimeSpan.Zero;
            options.Automatic.Throttle = TimeSpan.Zero;
            options.Automatic.Quiet = TimeSpan.FromMilliseconds(5);
            Service = new DataSyncService(store, new OneAtATime(_remote, path + ".pushing"), options, SyncEnvironment.System);
        }

        public LocalStore Store { get; }

        public DataSyncService Service { get; }

        public async ValueTask DisposeAsync()
        {
            Service.Dispose();
            _remote.Dispose();
            if (_ownsStore)
            {
                await Store.DisposeAsync();
            }
        }
    }
}
