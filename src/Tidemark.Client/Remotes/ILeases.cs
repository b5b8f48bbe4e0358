using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes;

/// <summary>A remote that admits bulk work by leases.</summary>
public interface ILeases
{
    /// <summary>The lease that every push and pull names from now on; null: none.</summary>
    string? Lease { get; set; }

    /// <exception cref="Errors.SyncException">RateLimited (LEASE_DENIED): ask again when RetryAfter is over; the place is kept.</exception>
    Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken);

    /// <exception cref="Errors.SyncException">LeaseLost.</exception>
    Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken);

    Task ReleaseLeaseAsync(string id, CancellationToken cancellationToken);
}
