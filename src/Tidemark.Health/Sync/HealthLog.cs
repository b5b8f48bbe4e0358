using Microsoft.Extensions.Logging;

namespace Tidemark.Health.Sync;

/// <summary>Every message about health data, each with an id that stays; `docs/internals/observability.md` lists them.</summary>
internal static partial class HealthLog
{
    public const string Category = "Tidemark.Health";

    [LoggerMessage(101, LogLevel.Information, "{Name}: {Count} samples of {Type} in {DurationMs} ms, {Retries} retries.")]
    public static partial void SamplesSent(this ILogger logger, string name, int count, string type, double durationMs, int retries);

    [LoggerMessage(102, LogLevel.Warning, "{Name}: {Count} samples of {Type} wait after {DurationMs} ms and {Retries} retries: {Reason}")]
    public static partial void SamplesQueued(this ILogger logger, string name, int count, string type, double durationMs, int retries, string reason);

    [LoggerMessage(103, LogLevel.Warning, "{Type} cannot be read now ({Trouble}): {Reason}")]
    public static partial void SourceTroubled(this ILogger logger, string type, HealthTrouble trouble, string reason);

    [LoggerMessage(104, LogLevel.Information, "A background window is asked for, from {Earliest} on: {Waiting} items wait.")]
    public static partial void WindowAsked(this ILogger logger, DateTimeOffset earliest, long waiting);

    [LoggerMessage(105, LogLevel.Information, "Recheck of {Type}: {Missed} samples had been missed, {Gone} were gone.")]
    public static partial void Rechecked(this ILogger logger, string type, int missed, int gone);
}
