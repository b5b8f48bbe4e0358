using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Merging;

namespace Tidemark.Client.Engines.Apply;

/// <summary>What is kept of a conflict.</summary>
internal static class ConflictRecords
{
    /// <param name="incoming">What came.</param>
    /// <param name="input">The rows that met.</param>
    /// <param name="resolution">What became of them.</param>
    /// <param name="nowMs">The time the merge saw.</param>
    /// <param name="byRules">False: rows that depend on this one decided.</param>
    public static ConflictRecord Of(IncomingRow incoming, ConflictInput input, ConflictResolution resolution, long nowMs, bool byRules = true) => new()
    {
        At = DateTimeOffset.FromUnixTimeMilliseconds(nowMs),
        Type = incoming.Table.Type.Name,
        Key = incoming.Key.ToString(),
        Command = incoming.Command?.ToString("D"),
        Outcome = ConflictOutcomes.NameOf(resolution.Outcome),
        Base = input.Base,
        Local = input.Local,
        Server = input.Remote,
        IsServerDeleted = input.IsRemoteDeleted,
        Merged = resolution.Outcome == ConflictOutcome.ManualRequired ? null : resolution.Merged,
        Fields = resolution.Fields,
        Reason = resolution.Reason,
        PolicyHash = byRules ? PolicyHash.Of(input.Type) : null,
        ServerVersion = incoming.Version,
    };
}
