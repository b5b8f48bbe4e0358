namespace Tidemark.Model.Protocol;

/// <summary>POST /sync/lease.</summary>
public sealed record LeaseRequest
{
    /// <summary>The work of health data.</summary>
    public const string HealthWork = "health_ingest";

    /// <summary>Which device is to be admitted. It has one lease at most for each kind of work: asking again gives the same one.</summary>
    public required string DeviceId { get; init; }

    /// <summary>The kind of work: <see cref="HealthWork"/>; null: of its rows.</summary>
    public string? Work { get; init; }
}

/// <summary>PUT /sync/lease/{id}: held for its time from now on. Has no members yet.</summary>
public sealed record LeaseRenewal;

/// <summary>A lease that is held.</summary>
public sealed record LeaseResponse
{
    /// <summary>The name of the header that carries a lease.</summary>
    public const string Header = "Tidemark-Lease";

    /// <summary>Named in the header Tidemark-Lease of the work it admits.</summary>
    public required string LeaseId { get; init; }

    /// <summary>How long it is held unless it is renewed. Count from when the request was sent: the clocks of the two sides need not agree.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>The same by the server's clock.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>DELETE /sync/lease/{id}.</summary>
public sealed record LeaseReleased
{
    /// <summary>False: it was not held any more.</summary>
    public required bool Released { get; init; }
}
