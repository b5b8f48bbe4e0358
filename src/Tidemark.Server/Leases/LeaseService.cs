#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Leases;

/// <summary>Gives, renews and takes back leases, and refuses bulk work without one. The book is the store's, so that nodes share it.</summary>
internal sealed class LeaseService(IServerStore store, LeaseOptions options, ServerEnvironment environment)
{
    private readonly LeaseRules _rules = new(options);

    private long NowMs => environment.Time.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<LeaseResponse> AskAsync(UserId user, LeaseRequest request, CancellationToken cancellationToken)
    {
        Identifiers.Check("deviceId", request.DeviceId);
        var place = request.DeviceId;
        if (request.Work is { } work)
        {
            place += string.Equals(work, LeaseRequest.HealthWork, StringComparison.Ordinal)
                ? "\n" + work // In no identifier.
                : throw Problems.Of(ErrorCodes.BadRequest, $"work is {LeaseRequest.HealthWork}, or left out for the rows of a device."); // Any name would be a place of its own.
        }

        var answer = await store.ChangeLeasesAsync(book => _rules.Ask(book, user, place, environment.NewId, NowMs), cancellationToken).ConfigureAwait(false);
        return answer.Lease is { } lease
            ? Of(lease)
            : throw new ServerException(Problems.Describe(ErrorCodes.LeaseDenied, "As much bulk work as this server admits is under way; your place is kept.") with { RetryAfterMs = answer.RetryAfterMs });
    }

    public async Task<LeaseResponse> RenewAsync(UserId user, string id, CancellationToken cancellationToken)
    {
        var lease = Guid.TryParse(id, out var guid)
            ? await store.ChangeLeasesAsync(book => _rules.Renew(book, guid, user, NowMs), cancellationToken).ConfigureAwait(false)
            : null;
        return lease is null ? throw Lost() : Of(lease);
    }

    public async Task<LeaseReleased> ReleaseAsync(UserId user, string id, CancellationToken cancellationToken) =>
        new()
        {
            Released = Guid.TryParse(id, out var guid)
                && await store.ChangeLeasesAsync(book => LeaseRules.Release(book, guid, user, NowMs), cancellationToken).ConfigureAwait(false),
        };

    /// <summary>Before the work, and before its commit: a lease that is named must be held, and bulk work must name one.</summary>
    /// <exception cref="ServerException">LEASE_LOST, or LEASE_DENIED: ask for one first.</exception>
    public async Task CheckAsync(Caller caller, bool isBulk, CancellationToken cancellationToken)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(caller.Lease is null ? Mutant.BulkUnadmitted : Mutant.LeaseUnfenced))
        {
            return;
        }
#endif
        if (caller.Lease is { } named)
        {
            var book = await store.ReadLeasesAsync(cancellationToken).ConfigureAwait(false);
            if (!Guid.TryParse(named, out var id) || !LeaseRules.IsHeld(book, id, caller.User, NowMs))
            {
                throw Lost();
            }
        }
        else if (isBulk)
        {
            throw new ServerException(Problems.Describe(ErrorCodes.LeaseDenied, "A request of this size needs a lease: POST /sync/lease, then name it in Tidemark-Lease. Smaller requests need none.") with { RetryAfterMs = options.RetryMinMs });
        }
    }

    private static ServerException Lost() => Problems.Of(ErrorCodes.LeaseLost, "The lease is not held any more: it ran out or was released. Nothing was done.");

    private LeaseResponse Of(StoredLease lease) => new()
    {
        LeaseId = lease.Id.ToString("D"),
        ExpiresInMs = options.TimeMs,
        ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(lease.Expires),
    };
}
