using Tidemark.Model.Protocol;

namespace Tidemark.Model.Health;

/// <summary>What sort of thing was measured. The names travel in lower case.</summary>
public enum HealthKind
{
    /// <summary>A number with a unit.</summary>
    Quantity,

    /// <summary>One of a few named values, over a time.</summary>
    Category,

    /// <summary>Samples that belong together, such as the two of a blood pressure.</summary>
    Correlation,
    Workout,
    Ecg,
    Audiogram,
    VisionPrescription,
    ClinicalRecord,

    /// <summary>The rings of one day; its version rises when the day's figures change.</summary>
    ActivitySummary,

    /// <summary>Where a workout went: its points are a large part.</summary>
    WorkoutRoute,
}

/// <summary>The device that measured, without anything that changes from one export to the next.</summary>
public sealed record HealthDevice
{
    public string? Name { get; init; }

    public string? Manufacturer { get; init; }

    public string? Model { get; init; }

    /// <summary>Such as Watch6,2; the part of a device that is in a sample's identity.</summary>
    public string? Hardware { get; init; }

    public string? Software { get; init; }
}

/// <summary>Which app wrote a sample, and on what device it was measured.</summary>
public sealed record HealthOrigin
{
    /// <summary>The app's or device's name as the user sees it.</summary>
    public required string Source { get; init; }

    public string? Version { get; init; }

    public string? Bundle { get; init; }

    public HealthDevice? Device { get; init; }
}

/// <summary>
/// One sample in canonical form: UTC instants, canonical unit, an identity that is the same in every export and on every device.
/// What was measured never changes; a corrected sample has a higher version.
/// </summary>
public sealed class HealthSample
{
    /// <summary>See <see cref="HealthIdentity"/>.</summary>
    public required Guid Id { get; init; }

    /// <summary>0, or the version that its source gave it; a higher one replaces a lower one.</summary>
    public long Version { get; init; }

    public required HealthKind Kind { get; init; }

    /// <summary>The name without the platform's prefix: HeartRate, SleepAnalysis, Workout. Names that nobody here knows are kept.</summary>
    public required string Type { get; init; }

    /// <summary>Milliseconds since 1970.</summary>
    public required long StartMs { get; init; }

    /// <summary>Milliseconds since 1970; not before the start.</summary>
    public required long EndMs { get; init; }

    /// <summary>In <see cref="Unit"/>; null where there is no number.</summary>
    public double? Value { get; init; }

    /// <summary>The canonical unit of the type; an unknown one as it came.</summary>
    public string? Unit { get; init; }

    /// <summary>The named value of a category, the activity of a workout, the verdict of an ECG.</summary>
    public string? Category { get; init; }

    /// <summary>The IANA time zone where it was measured, when its source says it.</summary>
    public string? Zone { get; init; }

    /// <summary>When it was written into its source; milliseconds since 1970. May be days after the end, and before it. No part of the identity.</summary>
    public long? CreatedMs { get; init; }

    public required HealthOrigin Origin { get; init; }

    /// <summary>A JSON object with what else the kind has: metadata (name and value pairs), children (ids), beats, parts. See docs/guides/health.md.</summary>
    public RawJson? Extra { get; init; }

    /// <summary>The same sample with another version.</summary>
    public HealthSample WithVersion(long version) => With(version, Extra);

    /// <summary>The same sample with another <see cref="Extra"/>.</summary>
    public HealthSample With(RawJson? extra) => With(Version, extra);

    private HealthSample With(long version, RawJson? extra) => new()
    {
        Id = Id,
        Version = version,
        Kind = Kind,
        Type = Type,
        StartMs = StartMs,
        EndMs = EndMs,
        Value = Value,
        Unit = Unit,
        Category = Category,
        Zone = Zone,
        CreatedMs = CreatedMs,
        Origin = Origin,
        Extra = extra,
    };
}

/// <summary>A sample that its source has no more.</summary>
/// <param name="Id">Which.</param>
/// <param name="Type">Its type.</param>
/// <param name="Version">The version that was deleted; a higher one that arrives later lives.</param>
public sealed record HealthDelete(Guid Id, string Type, long Version);
