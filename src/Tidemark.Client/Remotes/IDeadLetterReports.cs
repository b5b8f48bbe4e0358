using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes;

/// <summary>A remote whose operator wants to know of dead letters on devices.</summary>
public interface IDeadLetterReports
{
    /// <summary>Tells what the device's file has in dead letters now, in place of what was told before.</summary>
    Task ReportDeadLettersAsync(string deviceId, DeadLetterReport report, CancellationToken cancellationToken);
}
