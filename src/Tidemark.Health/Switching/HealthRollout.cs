using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Tidemark.Health.Switching;

/// <summary>Which devices go the new way. Fetched by the app from wherever it keeps its flags; may change at any time, in both directions.</summary>
public sealed record HealthRollout
{
    /// <summary>The share of all devices, from 0 to 1. A device that is in at a share is in at every greater one.</summary>
    public double Share { get; init; }

    /// <summary>Groups whose devices go the new way whatever the share is.</summary>
    public IReadOnlyCollection<string> Groups { get; init; } = [];

    /// <summary>Groups whose devices go the old way whatever else is said.</summary>
    public IReadOnlyCollection<string> GroupsOut { get; init; } = [];

    /// <summary>Does the device go the new way?</summary>
    /// <param name="deviceId">Stays the same for the life of the device.</param>
    /// <param name="groups">The groups it is in.</param>
    public bool Includes(string deviceId, IReadOnlyCollection<string> groups)
    {
        ArgumentException.ThrowIfNullOrEmpty(deviceId);
        ArgumentNullException.ThrowIfNull(groups);
        if (Share is not (>= 0 and <= 1))
        {
            throw new InvalidOperationException("Share must be from 0 to 1.");
        }

        if (groups.Any(GroupsOut.Contains))
        {
            return false;
        }

        var place = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes("health rollout\u001f" + deviceId)));
        return groups.Any(Groups.Contains) || place < Share * (1L << 32);
    }
}
