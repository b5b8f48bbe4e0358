using Tidemark.Model.Health;

namespace Tidemark.Server.Leases;

/// <summary>Admission for bulk work.</summary>
public sealed class LeaseOptions
{
    /// <summary>A push of more commands than this needs a lease; told to every client. 0 (default): none does.</summary>
    public int Commands { get; init; }

    /// <summary>A page with a limit above this needs a lease; told to every client. 0 (default): none does.</summary>
    public int Rows { get; init; }

    /// <summary>A batch of more health samples and deletes than this needs a lease; told to every client. 0 (default): none does; else at least <see cref="HealthLimits.BatchItemsFree"/>.</summary>
    public int Samples { get; init; }

    /// <summary>Leases at a time, all nodes together. Default: 8.</summary>
    public int LeasesMax { get; init; } = 8;

    /// <summary>How long a lease is held without being renewed. Default: 60,000.</summary>
    public long TimeMs { get; init; } = 60_000;

    /// <summary>Devices whose place is kept while they wait; others are denied without a place. Default: 200.</summary>
    public int WaitersMax { get; init; } = 200;

    /// <summary>When the first who waits is to ask again; the second after twice as long, and so on. Default: 1,000.</summary>
    public long RetryMinMs { get; init; } = 1000;

    /// <summary>The longest time anybody is told to wait. Default: 30,000.</summary>
    public long RetryMaxMs { get; init; } = 30_000;

    /// <summary>How much later than told a device may ask and still have its place. Default: 10,000.</summary>
    public long GraceMs { get; init; } = 10_000;

    internal IEnumerable<string> Faults()
    {
        if (Commands < 0 || Rows < 0)
        {
            yield return "Leases.Commands and Leases.Rows must not be below 0.";
        }

        if (Samples != 0 && Samples < HealthLimits.BatchItemsFree)
        {
            yield return $"Leases.Samples must be 0 or at least {HealthLimits.BatchItemsFree}.";
        }

        if (LeasesMax < 1 || WaitersMax < 1 || TimeMs < 1000 || RetryMinMs < 1 || RetryMaxMs < RetryMinMs || GraceMs < 0)
        {
            yield return "Leases needs LeasesMax and WaitersMax of at least 1, TimeMs of at least 1000, RetryMinMs of at least 1, RetryMaxMs not below it, GraceMs not below 0.";
        }
    }
}
