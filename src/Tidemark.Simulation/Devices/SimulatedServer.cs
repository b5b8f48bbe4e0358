using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Devices;

/// <summary>The server: real decisions on a real file, in a process that can end between any two statements.</summary>
internal sealed class SimulatedServer
{
    private readonly World _world;
    private readonly Dice _dice;
    private readonly List<string> _backups = [];
    private ServerProcess? _process;
    private string _path;
    private int _files;

    public SimulatedServer(World world, Dice dice)
    {
        _world = world;
        _dice = dice;
        _path = NextPath();
        Start();
    }

    public TimeSpan Skew { get; set; }

    public bool Down => _process is null;

    public string Path => _path;

    public bool HasBackup => _backups.Count > 0;

    public DiskWatch? Watch => _process?.Watch;

    /// <summary>What the server answers; null when it is down, or ends over it.</summary>
    public WireReply? Handle(SimulatedDevice device, WireRequest request)
    {
        if (_process is not { } process)
        {
            return null;
        }

        try
        {
            var reply = process.Front.Handle(request);
            _world.Observe(new ExchangeSeen(device.Name, request.Token, request.Path, request.Body, reply.Status, reply.Body) { Lease = request.Lease, ServerMs = process.Clock.GetUtcNow().ToUnixTimeMilliseconds() });
            if (request.Path == "/sync/push")
            {
                _world.Say("server", $"{device.Name}'s {PushStory.Of(request, reply)}");
                if (reply.Status == 200)
                {
                    _world.ObserveServer(request.Token);
                    _world.Hints?.Publish(request.Token, device.Name);
                }
            }

            return reply;
        }
        catch (SimulatedCrashException)
        {
            EndProcess();
            return null;
        }
    }

    /// <summary>The process ends now, or before the n-th statement from now, and is started again later.</summary>
    public void Crash(long statements, TimeSpan downFor)
    {
        if (_process is not { } process)
        {
            return;
        }

        process.Watch.CrashIn(statements, () =>
        {
            _world.Say("server", $"is killed and back in {downFor}");
            var next = NextPath();
            FileSet.Copy(_path, next);
            _path = next;
            _world.Scheduler.After(downFor, Start);
        });
    }

    public void Backup()
    {
        if (_process is null)
        {
            return;
        }

        var backup = NextPath();
        FileSet.Copy(_path, backup);
        _backups.Add(backup);
    }

    /// <summary>Back to one of the last backups; what was committed since is gone.</summary>
    public void Restore(int which)
    {
        var process = _process;
        if (process is null || _backups.Count == 0)
        {
            return;
        }

        EndProcess();
        _path = NextPath();
        FileSet.Copy(_backups[^(1 + (which % Math.Min(3, _backups.Count)))], _path);
        Start();
        _world.Observe(new ServerRestored { Unanswered = [.. _world.Devices.SelectMany(BooksReader.Unanswered)] });
        _world.ObserveServers();
        _world.AwaitEverybody();
    }

    /// <summary>Forgets tombstones, verdicts and marks that are older than that.</summary>
    public void Compact(TimeSpan retention)
    {
        if (_process is not { } process)
        {
            return;
        }

        _world.Observe(new ServerCompacted { Unanswered = [.. _world.Devices.SelectMany(BooksReader.Unanswered)] });
        foreach (var user in _world.Users)
        {
            var space = new SpaceId("u:" + user);
            var retained = Retained.At(new Position((process.Clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond), retention);
            try
            {
                Done(CompactAsync(process.Store, space, retained));
            }
            catch (SimulatedCrashException)
            {
                EndProcess();
                return;
            }
        }
    }

    public void Start()
    {
        if (_process is not null)
        {
            return;
        }

        var clock = new VirtualClock(_world.Scheduler, () => Skew);
        var watch = new DiskWatch(clock);
        var dice = _dice.Fork();
        var environment = new ServerEnvironment { Time = clock, RandomBytes = count => Bytes(dice, count) };
        var store = SqliteServerStore.Open(_path, environment, watch);
        var server = new SyncServer(store, environment, _world.Shape.Server);
        _process = new ServerProcess(store, server, new ServerFront(server, text => _world.Violate("server", text)), watch, clock);
    }

    public void Stop() => EndProcess();

    private static byte[] Bytes(Dice dice, int count)
    {
        var bytes = new byte[count];
        dice.Fill(bytes);
        return bytes;
    }

    private static async Task CompactAsync(SqliteServerStore store, SpaceId space, Retained retained)
    {
        var transaction = await store.WriteAsync(space, Position.None, default).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            await transaction.CompactAsync(retained, default).ConfigureAwait(false);
            await transaction.SealAsync(default).ConfigureAwait(false);
            await transaction.CommitAsync(default).ConfigureAwait(false);
        }
    }

    private static void Done(Task task) => task.GetAwaiter().GetResult();

    private void EndProcess()
    {
        if (_process is { } process)
        {
            _process = null;
            process.Clock.Ended = true;
            process.Server.Dispose();
            process.Watch.CloseAll();
        }
    }

    private string NextPath() => System.IO.Path.Combine(_world.Folder, $"server-{++_files}.db");

    private sealed record ServerProcess(SqliteServerStore Store, SyncServer Server, ServerFront Front, DiskWatch Watch, VirtualClock Clock);
}
