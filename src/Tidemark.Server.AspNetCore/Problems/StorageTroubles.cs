using Microsoft.Extensions.Logging;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>
/// Why the storage cannot answer, and why files for first fetches cannot be written, for whoever runs the server: clients are told that it is so, or nothing, and no more.
/// One line for each cause, and one a minute while it lasts.
/// </summary>
internal sealed partial class StorageTroubles(ServerEnvironment environment, ILoggerFactory logging)
{
    private readonly Told _storage = new(environment.Time);
    private readonly Told _snapshots = new(environment.Time);

    /// <summary>Does nothing for a refusal that is not the storage's.</summary>
    public void Tell(Exception refusal)
    {
        if (refusal is ServerException { Cause: { } cause } && _storage.IsDue(cause))
        {
            Troubled(Logger, cause);
        }
    }

    public void TellOfSnapshots(string cause)
    {
        if (_snapshots.IsDue(cause))
        {
            NoSnapshot(Logger, cause);
        }
    }

    private ILogger Logger => logging.CreateLogger("Tidemark.Server.Storage");

    [LoggerMessage(EventId = 1006, Level = LogLevel.Warning, Message = "The storage cannot answer: {Cause}")]
    private static partial void Troubled(ILogger logger, string cause);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning, Message = "A snapshot file cannot be written, first fetches go by pages: {Cause}")]
    private static partial void NoSnapshot(ILogger logger, string cause);

    private sealed class Told(TimeProvider time)
    {
        private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);
        private readonly Lock _gate = new();
        private string? _cause;
        private long _at;

        public bool IsDue(string cause)
        {
            lock (_gate)
            {
                var now = time.GetTimestamp();
                if (cause == _cause && time.GetElapsedTime(_at, now) < Again)
                {
                    return false;
                }

                (_cause, _at) = (cause, now);
                return true;
            }
        }
    }
}
