using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

/// <summary>Uses a refresh token, once.</summary>
public sealed record RefreshRequest
{
    public required string RefreshToken { get; init; }
}

/// <summary>A pair of tokens.</summary>
public sealed record TokenResponse
{
    public required string AccessToken { get; init; }

    /// <summary>Bearer.</summary>
    public string TokenType { get; init; } = "Bearer";

    /// <summary>Seconds until the access token runs out.</summary>
    public long ExpiresIn { get; init; }

    /// <summary>Good for the next refresh, in place of the one that came.</summary>
    public required string RefreshToken { get; init; }
}

/// <summary>Ends what the request's own token stands for.</summary>
public sealed record RevokeRequest
{
    /// <summary>All tokens of the user that were made before now; otherwise the token of the request, and those of its session.</summary>
    public bool All { get; init; }
}

/// <summary>It is so from now on.</summary>
public sealed record Revoked
{
    [JsonPropertyName("revoked")]
    public bool IsRevoked { get; init; } = true;
}

/// <summary>Registers a device, gives it a name, or lets a revoked one in again.</summary>
public sealed record DeviceRequest
{
    public required string DeviceId { get; init; }

    /// <summary>What its user calls it; at most 200 characters.</summary>
    public string? Name { get; init; }
}

public sealed record DeviceInfo
{
    public required string DeviceId { get; init; }

    public string? Name { get; init; }

    /// <summary>When it was first seen: ISO 8601 UTC.</summary>
    public required string Since { get; init; }

    /// <summary>When it was last seen, to the hour.</summary>
    public required string Seen { get; init; }

    /// <summary>It is refused.</summary>
    public bool Revoked { get; init; }
}

/// <summary>Devices, in the order of their ids.</summary>
public sealed record DeviceList
{
    public required IReadOnlyList<DeviceInfo> Devices { get; init; }
}

/// <summary>Users who have come with a device, in ordinal order.</summary>
public sealed record UserList
{
    public required IReadOnlyList<string> Users { get; init; }
}

/// <summary>A space as its operator sees it: no row of it.</summary>
public sealed record SpaceHead
{
    public required string Space { get; init; }

    public required string Epoch { get; init; }

    public long Head { get; init; }

    /// <summary>What is before this has been forgotten.</summary>
    public long CompactedTo { get; init; }
}

public sealed record SpaceList
{
    public required IReadOnlyList<SpaceHead> Spaces { get; init; }
}

/// <summary>Forgets what is past the retention now, instead of with the next interval.</summary>
public sealed record CompactionRequest;

public sealed record CompactionResponse
{
    /// <summary>The number of spaces that had something to forget.</summary>
    public int Spaces { get; init; }
}

/// <summary>GET /admin/retention: for how long what is needed by devices that were away is kept, and what there is of it.</summary>
public sealed record RetentionInfo
{
    /// <summary>Tombstones and verdicts that are older are forgotten; marks two years later.</summary>
    public required long RetentionMs { get; init; }

    /// <summary>How often the server does it by itself.</summary>
    public required long EveryMs { get; init; }

    /// <summary>What is from before is forgotten with the next time: ISO 8601 UTC.</summary>
    public required string Before { get; init; }

    public required IReadOnlyList<SpaceRetention> Spaces { get; init; }
}

/// <summary>What a space keeps besides its rows.</summary>
public sealed record SpaceRetention
{
    public required string Space { get; init; }

    /// <summary>What is before this position has been forgotten.</summary>
    public long CompactedTo { get; init; }

    public required KeptCounts Kept { get; init; }

    /// <summary>Those of them that are past the retention.</summary>
    public required KeptCounts Due { get; init; }
}

/// <param name="Tombstones">Remembered deletions.</param>
/// <param name="Verdicts">Idempotency records: what was said to commands that were accepted.</param>
/// <param name="Marks">Commits, by which a server restored from a backup is noticed.</param>
public sealed record KeptCounts(long Tombstones, long Verdicts, long Marks);
