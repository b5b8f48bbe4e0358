using Tidemark.Health.Storage;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>A UTC day of which the two sides hold other samples. The server may hold more: those of another device.</summary>
public sealed record DayDifference(string Type, string Day, long Here, long There);

/// <summary>What a check found and did.</summary>
public sealed record IntegrityReport
{
    /// <summary>Days that were compared.</summary>
    public required long Days { get; init; }

    /// <summary>Days that differed before anything was sent again.</summary>
    public required IReadOnlyList<DayDifference> Differences { get; init; }

    /// <summary>Samples and deletions that were sent again.</summary>
    public required long Sent { get; init; }

    /// <summary>Of these, the server had not.</summary>
    public required long Mended { get; init; }

    public required HealthOutcome Outcome { get; init; }
}

/// <summary>
/// Compares the imported samples of a file with the server, day by day, by what they are and not by clocks, and sends the days again that differ. No anchor moves, and what
/// the server has it recognises; a check that is interrupted is simply made again.
/// </summary>
public sealed class HealthIntegrity(HealthStore store, HealthSync sync, IHealthDigestSource server)
{
    private const int PieceSamples = 1000;

    /// <summary>All types, or one. To be called when nothing waits: what has not been sent differs.</summary>
    public async Task<IntegrityReport> CheckAsync(string? type, CancellationToken cancellationToken)
    {
        var differences = new List<DayDifference>();
        var (days, sent, mended, outcome) = (0L, 0L, 0L, HealthOutcome.Done);
        foreach (var name in type is null ? await store.ReadAsync(store.Samples.Types, cancellationToken).ConfigureAwait(false) : [type])
        {
            var here = await store.ReadAsync(() => store.Samples.Digests(name), cancellationToken).ConfigureAwait(false);
            var there = (await server.GetDigestsAsync(name, cancellationToken).ConfigureAwait(false)).Days.ToDictionary(d => d.Day, StringComparer.Ordinal);
            days += here.Count;
            foreach (var (day, digest) in here)
            {
                var text = HealthDigest.DayText(day);
                if (there.GetValueOrDefault(text)?.Digest == digest.ToString())
                {
                    continue;
                }

                differences.Add(new DayDifference(name, text, digest.Rows, there.GetValueOrDefault(text)?.Samples ?? 0));
                var again = await SendAgainAsync(name, day * HealthDigest.DayMs, (day + 1) * HealthDigest.DayMs, cancellationToken).ConfigureAwait(false);
                (sent, mended, outcome) = (sent + again.Captured, mended + again.Applied, again.Outcome);
                if (outcome != HealthOutcome.Done)
                {
                    return Report();
                }
            }
        }

        return Report();

        IntegrityReport Report() => new() { Days = days, Differences = differences, Sent = sent, Mended = mended, Outcome = outcome };
    }

    /// <summary>Everything of a type that starts in [from, to), deletions too, is sent once more (HLT-16).</summary>
    public async Task<HealthSyncReport> SendAgainAsync(string type, long fromMs, long toMs, CancellationToken cancellationToken)
    {
        var (after, sent, applied) = (0L, 0L, 0L);
        while (true)
        {
            var piece = await store.WriteAsync(
                () =>
                {
                    var rows = store.Samples.Page(type, fromMs, toMs, after, PieceSamples);
                    store.Queue.Again(type, [.. rows.Where(r => !r.IsDeleted).Select(r => r.Sample)], [.. rows.Where(r => r.IsDeleted).Select(r => new HealthDelete(r.Sample.Id, type, r.Sample.Version))], priority: 0);
                    return rows;
                },
                cancellationToken).ConfigureAwait(false);
            var report = await sync.DrainAsync(HealthPhase.Foreground, cancellationToken).ConfigureAwait(false);
            (sent, applied) = (sent + piece.Count, applied + report.Applied);
            if (piece.Count < PieceSamples || report.Outcome != HealthOutcome.Done)
            {
                return report with { Captured = sent, Applied = applied };
            }

            after = piece[^1].Seq;
        }
    }
}
