using Tidemark.Model.Health;

namespace Tidemark.Health.Importing;

/// <summary>A sample as it stands in an export, before it is known whether others are equal to it.</summary>
/// <param name="Sample">With the identity of the first of its equals.</param>
/// <param name="IsNested">It stands inside of another element, which may repeat one of the top level.</param>
internal readonly record struct FoundSample(HealthSample Sample, bool IsNested)
{
    /// <summary>What <see cref="HealthIdentity.Of"/> needs to name the next of its equals; null when its source names it.</summary>
    public byte[]? Series { get; init; }

    public long IdentityValue { get; init; }

    /// <summary>The value may come back in another unit, rounded another way.</summary>
    public bool IsSwitchable { get; init; }

    /// <summary>The name of the file that holds its large part.</summary>
    public string? File { get; init; }

    /// <summary>Its file could not be read: nothing is known of it but that it is not gone.</summary>
    public bool IsUnread { get; init; }

    /// <summary>The identity of the n-th of its equals.</summary>
    public Guid IdOf(int ordinal) => ordinal == 0 || Series is null ? Sample.Id : HealthIdentity.Of(Series, Sample.StartMs, Sample.EndMs, IdentityValue, ordinal);

    public FoundSample WithId(Guid id) => id == Sample.Id ? this : this with
    {
        Sample = new HealthSample
        {
            Id = id,
            Version = Sample.Version,
            Kind = Sample.Kind,
            Type = Sample.Type,
            StartMs = Sample.StartMs,
            EndMs = Sample.EndMs,
            Value = Sample.Value,
            Unit = Sample.Unit,
            Category = Sample.Category,
            Zone = Sample.Zone,
            CreatedMs = Sample.CreatedMs,
            Origin = Sample.Origin,
            Extra = Sample.Extra,
        },
    };
}
