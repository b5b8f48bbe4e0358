using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Server.Health;

/// <summary>What the store knows of a sample, living or deleted.</summary>
public readonly record struct StoredHealth(long Version, bool IsDeleted);

/// <summary>Where a page of samples ended.</summary>
public readonly record struct HealthPlace(long StartMs, Guid Id);

/// <summary>One interval of a type, as aggregates need it.</summary>
public readonly record struct HealthInterval(long StartMs, long EndMs, double? Value, string Source);

/// <summary>
/// Where health samples live. A store executes, it decides nothing. Trouble of the engine comes out as <see cref="ServerException"/> with UNAVAILABLE.
/// </summary>
public interface IHealthStore : IAsyncDisposable
{
    /// <summary>The only writer of a space until it is disposed; rolled back unless committed.</summary>
    ValueTask<IHealthTransaction> WriteAsync(SpaceId space, CancellationToken cancellationToken);

    /// <summary>Living samples of a type that start in [from, to), in order of start and id, after a place.</summary>
    ValueTask<IReadOnlyList<HealthSample>> ReadAsync(SpaceId space, string type, long fromMs, long toMs, HealthPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>What there is of every type, in ordinal order of the names.</summary>
    ValueTask<IReadOnlyList<HealthTypeState>> GetTypesAsync(SpaceId space, CancellationToken cancellationToken);

    /// <summary>Gives id, version and start of every living sample of a type that starts in [from, to), in order of start.</summary>
    ValueTask VisitAsync(SpaceId space, string type, long fromMs, long toMs, Action<Guid, long, long> visit, CancellationToken cancellationToken);

    /// <summary>Living samples of a type that overlap [from, to), in order of start.</summary>
    ValueTask<IReadOnlyList<HealthInterval>> GetIntervalsAsync(SpaceId space, string type, long fromMs, long toMs, CancellationToken cancellationToken);
}

/// <summary>One batch.</summary>
public interface IHealthTransaction : IAsyncDisposable
{
    /// <summary>What is known of these; unknown ones are left out.</summary>
    ValueTask<IReadOnlyDictionary<Guid, StoredHealth>> FindAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken);

    /// <summary>Each takes the place of what has its id, living or deleted.</summary>
    ValueTask PutAsync(IReadOnlyList<HealthSample> samples, long receivedMs, CancellationToken cancellationToken);

    /// <summary>Each becomes a remembered deletion, also where there was nothing.</summary>
    ValueTask DeleteAsync(IReadOnlyList<HealthDelete> deletes, long receivedMs, CancellationToken cancellationToken);

    ValueTask CommitAsync(CancellationToken cancellationToken);
}
