using Tidemark.Model.Health;

namespace Tidemark.Health.Sources;

/// <summary>One page of what a source holds of a time.</summary>
/// <param name="Samples">In any order.</param>
/// <param name="Next">Ask with it for the next page; null: this was the last one.</param>
/// <param name="IsWhole">The source vouches that it was allowed to see everything of the type: what is known and not here was deleted. When in doubt: false.</param>
public sealed record HealthWindowPage(IReadOnlyList<HealthSample> Samples, string? Next, bool IsWhole);

/// <summary>A source that can also be asked for what it holds of a time: what its announcements and anchors have missed is found by it.</summary>
public interface IHealthWindowSource : IHealthChangeSource
{
    /// <summary>Living samples of a type that overlap [from, to), whenever they were written.</summary>
    /// <param name="type">One type.</param>
    /// <param name="fromMs">Milliseconds since 1970.</param>
    /// <param name="toMs">Milliseconds since 1970.</param>
    /// <param name="page">Next of the page before; null for the first.</param>
    /// <param name="limit">Samples of one page at most.</param>
    /// <param name="cancellationToken">The deadline of the caller.</param>
    /// <exception cref="HealthSourceException">It cannot be read now.</exception>
    ValueTask<HealthWindowPage> ReadWindowAsync(string type, long fromMs, long toMs, string? page, int limit, CancellationToken cancellationToken);
}
