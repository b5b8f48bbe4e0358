using Tidemark.Client.Coordination;

namespace Tidemark.Client.Engines.Push;

/// <summary>Bounds of the push.</summary>
public sealed class PushOptions
{
    /// <summary>Commands per request; the server's own limit wins when it is lower. Default 1,000.</summary>
    public int BatchCommandsMax { get; set; } = 1000;

    /// <summary>Bytes of commands per request. Default 4 MiB.</summary>
    public long BatchBytesMax { get; set; } = 4 * 1024 * 1024;

    /// <summary>Retryable refusals before a command is a dead letter. Default 12.</summary>
    public int AttemptsMax { get; set; } = 12;

    /// <summary>How often a row may come back within one run before it waits for the next. Default 4.</summary>
    public int ReturnsMax { get; set; } = 4;

    /// <summary>How often in a row a command may be made anew after a conflict before a person is asked. Default 50.</summary>
    public int RebasesMax { get; set; } = 50;

    public Backoff Backoff { get; set; } = new();
}
