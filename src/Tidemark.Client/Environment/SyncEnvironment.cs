using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Environment;

/// <summary>
/// Everything of the outside that the engine uses: clock, randomness, ids, transport and waiting.
/// Nothing in the engine goes around it; a simulator gives its own.
/// </summary>
public sealed class SyncEnvironment
{
    private readonly Lock _lock = new();

    /// <summary>The machine's clock and timers. Wall time and timer time may be apart.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Fills a span with random bytes.</summary>
    public required RandomSource Random { get; init; }

    /// <summary>Makes the handler that requests go through.</summary>
    public required Func<HttpMessageHandler> Transport { get; init; }

    /// <summary>This process, in a form that <see cref="IsAlive"/> of any process on this machine can judge.</summary>
    public required string ProcessName { get; init; }

    /// <summary>Does the process of that name still run? Unknown ones are taken for alive.</summary>
    public required Func<string, bool> IsAlive { get; init; }

    /// <summary>Where queued reads and writes are run. Default: the thread pool.</summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>Sees every statement on the store's connections. Default: nobody.</summary>
    public IStatementWatch? Statements { get; init; }

    /// <summary>Where logs go. Default: nowhere.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>What the network is like. Default: nothing is known, so all is well.</summary>
    public IConnectivity Connectivity { get; init; } = new ManualConnectivity();

    /// <summary>Calls back after writes to a file or its neighbours of the same name; null where that cannot be. Default: it cannot.</summary>
    public Func<string, Action, IDisposable?> WatchFile { get; init; } = static (_, _) => null;

    /// <summary>The real machine.</summary>
    public static SyncEnvironment System { get; } = new()
    {
        Time = TimeProvider.System,
        Random = RandomNumberGenerator.Fill,
        ProcessName = ProcessNames.Own,
        IsAlive = ProcessNames.IsAlive,
        Connectivity = SystemConnectivity.Instance,
        WatchFile = FolderWatch.Start,
        Transport = static () => new SocketsHttpHandler
        {
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(15),
        },
    };

    public DateTimeOffset Now => Time.GetUtcNow();

    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A new UUID of version 7.</summary>
    public Guid NewId()
    {
        Span<byte> random = stackalloc byte[10];
        lock (_lock)
        {
            Random(random);
        }

        return UuidV7.Create(NowMs, random);
    }

    /// <summary>Evenly distributed in [0, 1).</summary>
    public double NextDouble()
    {
        Span<byte> random = stackalloc byte[8];
        lock (_lock)
        {
            Random(random);
        }

        return (BitConverter.ToUInt64(random) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Computes beside the caller: nothing of the engine's is touched.</summary>
    public Task<T> BesideAsync<T>(Func<T> compute)
    {
        ArgumentNullException.ThrowIfNull(compute);
        return Task.Factory.StartNew(compute, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Scheduler);
    }

    /// <summary>Begins work elsewhere than on the caller's thread, which may be one that an app draws with.</summary>
    internal Task<T> AwayAsync<T>(Func<Task<T>> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Scheduler).Unwrap();

    /// <summary>Waits by this environment's timers.</summary>
    public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) =>
        ReferenceEquals(Scheduler, TaskScheduler.Default) ? Task.Delay(time, Time, cancellationToken) : DelayHereAsync(time, cancellationToken);

    // A cancelled Task.Delay goes on on the thread pool, whatever the scheduler is; this one where it is cancelled.
    private async Task DelayHereAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var over = new TaskCompletionSource();
        await using var timer = Time.CreateTimer(static state => ((TaskCompletionSource)state!).TrySetResult(), over, time, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        await using var cancelled = cancellationToken.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), over).ConfigureAwait(false);
        await over.Task.ConfigureAwait(false);
    }
}

/// <summary>Fills the span with random bytes.</summary>
public delegate void RandomSource(Span<byte> bytes);
