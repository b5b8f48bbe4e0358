using Microsoft.Extensions.Logging;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Why the storage cannot answer, for whoever runs the server: clients are told that it is so, and no more. One line for each cause, and one a minute while it lasts.</summary>
internal sealed partial class StorageTroubles(ServerEnvironment environment, ILoggerFactory logging)
{
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);
    private readonly Lock _gate = new();
    private string? _told;
    private long _toldAt;

    /// <summary>Does nothing for a refusal that is not the storage's.</summary>
    public void Tell(Exception refusal)
    {
        if (refusal is not ServerException { Cause: { } cause })
        {
            return;
        }

        lock (_gate)
        {
            var now = environment.Time.GetTimestamp();
            if (cause == _told && environment.Time.GetElapsedTime(_toldAt, now) < Again)
            {
                return;
            }

            (_told, _toldAt) = (cause, now);
        }

        Troubled(logging.CreateLogger("Tidemark.Server.Storage"), cause);
    }

    [LoggerMessage(EventId = 1006, Level = LogLevel.Warning, Message = "The storage cannot answer: {Cause}")]
    private static partial void Troubled(ILogger logger, string cause);
}
