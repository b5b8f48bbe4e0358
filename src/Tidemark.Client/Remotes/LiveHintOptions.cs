using Tidemark.Client.Coordination;

namespace Tidemark.Client.Remotes;

/// <summary>How a connection for hints is kept.</summary>
public sealed class LiveHintOptions
{
    /// <summary>The space; null: the user's default space.</summary>
    public string? Space { get; set; }

    /// <summary>This device; its own changes are then not hinted at. Null: they are.</summary>
    public string? DeviceId { get; set; }

    /// <summary>How often the other side is pinged while nothing comes. Default 20 s.</summary>
    public TimeSpan PingEvery { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>A ping that is not answered for so long ends the connection: it is half open. Default 10 s.</summary>
    public TimeSpan PongWithin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an attempt may take. Default 15 s.</summary>
    public TimeSpan ConnectWithin { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The pauses between attempts, with full jitter; from the first again after a connection that said something. Default: up to 1 s, growing to a minute.</summary>
    public Backoff Backoff { get; set; } = new() { DelayMaxMs = 60_000 };
}
