using Microsoft.Extensions.Logging;

namespace Tidemark.Client.Observing;

/// <summary>Every message the client logs, each with an id that stays; `docs/internals/observability.md` lists them.</summary>
internal static partial class SyncLog
{
    public const string Category = "Tidemark.Client";

    [LoggerMessage(1, LogLevel.Debug, "Run started: {Mode}, asked for by {Trigger}.")]
    public static partial void RunStarted(this ILogger logger, string mode, string trigger);

    [LoggerMessage(2, LogLevel.Information, "Run {Outcome} after {DurationMs} ms ({Phases}): pushed {Pushed}, pulled {Pulled}, conflicts {Conflicts}, failed {Failed}, waiting {Pending}.")]
    public static partial void RunEnded(this ILogger logger, string outcome, double durationMs, string phases, int pushed, int pulled, int conflicts, int failed, long pending);

    [LoggerMessage(3, LogLevel.Debug, "Nothing to do, asked for by {Trigger}.")]
    public static partial void RunIdle(this ILogger logger, string trigger);

    [LoggerMessage(4, LogLevel.Warning, "Run failed: {Code}: {Message} (retryable: {Retryable}, asked to wait: {RetryAfter})")]
    public static partial void RunFailed(this ILogger logger, string code, string message, bool retryable, TimeSpan? retryAfter, Exception error);

    [LoggerMessage(5, LogLevel.Warning, "{Warning}")]
    public static partial void RunWarned(this ILogger logger, string warning);

    [LoggerMessage(6, LogLevel.Debug, "Phase {Phase} took {DurationMs} ms.")]
    public static partial void PhaseEnded(this ILogger logger, string phase, double durationMs);

    [LoggerMessage(10, LogLevel.Information, "Syncing {File} by itself has started.")]
    public static partial void ServiceStarted(this ILogger logger, string file);

    [LoggerMessage(11, LogLevel.Information, "Syncing {File} by itself has stopped.")]
    public static partial void ServiceStopped(this ILogger logger, string file);

    [LoggerMessage(12, LogLevel.Debug, "Others have written: new notes {HasNotes}, synced elsewhere {IsAll}, waiting {Waiting}.")]
    public static partial void FileChanged(this ILogger logger, bool hasNotes, bool isAll, long waiting);

    [LoggerMessage(13, LogLevel.Information, "Full fetch {Id} ({Reason}) is complete: {Rows} rows.")]
    public static partial void FullFetchDone(this ILogger logger, long id, string reason, long rows);

    [LoggerMessage(14, LogLevel.Error, "The handler of full fetch {Id} failed; the next start calls it again.")]
    public static partial void FullFetchHandlerFailed(this ILogger logger, long id, Exception error);

    [LoggerMessage(15, LogLevel.Error, "A listener of the service threw.")]
    public static partial void ListenerFailed(this ILogger logger, Exception error);

    [LoggerMessage(16, LogLevel.Error, "The service's loop met trouble of its own and goes on.")]
    public static partial void LoopFailed(this ILogger logger, Exception error);

    [LoggerMessage(17, LogLevel.Warning, "The file's folder cannot be watched; the file is looked at every {IntervalMs} ms.")]
    public static partial void NoFolderWatch(this ILogger logger, double intervalMs);

    [LoggerMessage(18, LogLevel.Error, "Listening for hints has ended with trouble of its own; the server is asked at intervals.")]
    public static partial void HintsFailed(this ILogger logger, Exception error);

    [LoggerMessage(20, LogLevel.Information, "The token was refused and is asked for again, once.")]
    public static partial void TokenRefreshed(this ILogger logger);
}
