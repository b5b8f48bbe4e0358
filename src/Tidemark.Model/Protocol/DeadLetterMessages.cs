using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

/// <summary>
/// PUT /devices/{id}/dead-letters: what one file of the device has in dead letters now, in place of what it said before. Counts and codes alone: no key, no value,
/// no message, which could quote one.
/// </summary>
public sealed record DeadLetterReport : IJsonOnDeserialized
{
    /// <summary>Types and codes that one report tells of.</summary>
    public const int LinesMax = 100;

    public required string StoreId { get; init; }

    /// <summary>Empty: there are none any more.</summary>
    public IReadOnlyList<DeadLetterCount> DeadLetters { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(DeadLetters, "deadLetters");
}

/// <summary>Dead letters of one type that have the same code.</summary>
public sealed record DeadLetterCount
{
    public required string EntityType { get; init; }

    /// <summary>The last verdict's code, or one of the device's own such as CONFLICT.</summary>
    public required string Code { get; init; }

    public required long Count { get; init; }

    /// <summary>Since when the oldest of them is one: ISO 8601 UTC.</summary>
    public required string Oldest { get; init; }
}

/// <summary>The report is kept.</summary>
public sealed record DeadLettersNoted
{
    /// <summary>Dead letters that it told of.</summary>
    public required long Total { get; init; }
}

/// <summary>What one file of a device has told last.</summary>
public sealed record DeviceDeadLetters
{
    public required string User { get; init; }

    public required string DeviceId { get; init; }

    public required string StoreId { get; init; }

    /// <summary>When it did: ISO 8601 UTC.</summary>
    public required string ReportedAt { get; init; }

    public required IReadOnlyList<DeadLetterCount> DeadLetters { get; init; }
}

/// <summary>GET /admin/dead-letters: by user, device and file.</summary>
public sealed record DeadLetterReports
{
    public required long Total { get; init; }

    public required IReadOnlyList<DeviceDeadLetters> Devices { get; init; }
}
