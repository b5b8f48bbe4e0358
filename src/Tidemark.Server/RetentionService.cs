using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server;

/// <summary>What is kept for devices that were away, and when it is forgotten.</summary>
internal sealed class RetentionService(IServerStore store, ServerOptions options, ServerEnvironment environment)
{
    private Retained Now => Retained.At(environment.Now(), options.TombstoneRetention);

    public async Task<int> CompactAsync(CancellationToken cancellationToken)
    {
        var retained = Now;
        var compacted = 0;
        foreach (var space in await store.GetSpacesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await IsCompactAsync(space, retained, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            var transaction = await store.WriteAsync(space, Position.None, cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await transaction.CompactAsync(retained, cancellationToken).ConfigureAwait(false);
                await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }

            compacted++;
        }

        return compacted;
    }

    public async Task<RetentionInfo> DescribeAsync(CancellationToken cancellationToken)
    {
        var due = Now;
        var spaces = new List<SpaceRetention>();
        foreach (var space in await store.GetSpacesAsync(cancellationToken).ConfigureAwait(false))
        {
            var snapshot = await store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                if (snapshot.State is { } state)
                {
                    spaces.Add(new SpaceRetention
                    {
                        Space = space.Value,
                        CompactedTo = state.CompactedTo.Value,
                        Kept = await snapshot.CountKeptAsync(Retained.From(new Position(long.MaxValue)), cancellationToken).ConfigureAwait(false),
                        Due = DueOf(await snapshot.CountKeptAsync(due, cancellationToken).ConfigureAwait(false)),
                    });
                }
            }
        }

        return new RetentionInfo
        {
            RetentionMs = (long)options.TombstoneRetention.TotalMilliseconds,
            EveryMs = (long)options.CompactEvery.TotalMilliseconds,
            Before = WireTime.OfPosition(due.Deletions.Value),
            Spaces = spaces,
        };
    }

    // The last commit before the time stays: all after it are known.
    private static KeptCounts DueOf(KeptCounts below) => below with { Marks = Math.Max(0, below.Marks - 1) };

    private async Task<bool> IsCompactAsync(SpaceId space, Retained retained, CancellationToken cancellationToken)
    {
        var snapshot = await store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
        await using (snapshot.ConfigureAwait(false))
        {
            return snapshot.State is not { } state
                || (Math.Min(retained.Deletions.Value, state.Head.Position) <= state.CompactedTo.Value && !await HasDueCommitsAsync(snapshot, retained, cancellationToken).ConfigureAwait(false));
        }
    }

    // Also where nobody writes any more; the last one below the time stays.
    private static async ValueTask<bool> HasDueCommitsAsync(IStoreSnapshot snapshot, Retained retained, CancellationToken cancellationToken) =>
        await snapshot.OldestCommitAsync(1, cancellationToken).ConfigureAwait(false) < retained.Commits.Value;
}
