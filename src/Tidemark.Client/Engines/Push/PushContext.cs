using Tidemark.Client.Engines.Integrity;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Push;

/// <summary>What a push needs to know of the store, the server and the options.</summary>
internal sealed class PushContext
{
    public required string DeviceId { get; init; }

    public required string StoreId { get; init; }

    /// <summary>Null: the user's default space.</summary>
    public string? Space { get; init; }

    public required WireLimits Limits { get; init; }

    public required PushOptions Options { get; init; }

    public GateMode GateMode { get; init; }

    public List<IntegrityReport> Integrity { get; } = [];

    public void AddIntegrity(IntegrityReport report)
    {
        if (report.Relations.Count > 0)
        {
            Integrity.Add(report);
        }
    }
}
