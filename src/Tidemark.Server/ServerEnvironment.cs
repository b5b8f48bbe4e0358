using System.Security.Cryptography;
using Tidemark.Model.Values;

namespace Tidemark.Server;

/// <summary>Time, ids and randomness. A simulator gives its own.</summary>
public sealed class ServerEnvironment
{
    /// <summary>The machine's clock and the system's random numbers.</summary>
    public static ServerEnvironment System { get; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>As many random bytes as asked for; unpredictable, because tokens and keys are made of them.</summary>
    public Func<int, byte[]> RandomBytes { get; init; } = RandomNumberGenerator.GetBytes;

    /// <summary>A new id, ordered by time.</summary>
    public Guid NewId() => UuidV7.Create(Time.GetUtcNow().ToUnixTimeMilliseconds(), RandomBytes(10));

    /// <summary>32 lower-case hex digits: the token of a commit or the epoch of a space.</summary>
    public string NewToken() => Convert.ToHexStringLower(RandomBytes(16));

    /// <summary>Now as a position: microseconds since 1970.</summary>
    public Position Now() => new((Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
}
