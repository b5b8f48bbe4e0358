using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Sync;

/// <summary>What a recheck found.</summary>
/// <param name="Types">Types that could be looked at.</param>
/// <param name="Missed">Samples that no anchor had brought, or in an older version; they are sent now.</param>
/// <param name="Gone">Samples that the source has no more and said nothing of; their deletion is sent now.</param>
/// <param name="Again">Samples of days that the server holds otherwise; they are sent once more.</param>
public sealed record RecheckReport(int Types, long Missed, long Gone, long Again);

/// <summary>Asks a source for what it holds of the last days, whatever its anchors said, and compares that with what was captured and, if wanted, with the server's days.</summary>
internal sealed class HealthRecheck(HealthStore store, IHealthWindowSource source, HealthSyncOptions options, SyncEnvironment environment, IHealthDigestSource? server)
{
    private const long AheadMs = HealthDigest.DayMs;
    private readonly ILogger _log = environment.Loggers.CreateLogger(HealthLog.Category);

    /// <param name="window">How far back; of types that owe more, everything that is known.</param>
    /// <param name="withServer">Compare whole days with the server's, too.</param>
    /// <param name="between">Called between two types.</param>
    /// <param name="cancellationToken">The end of the time; what was found until then is kept.</param>
    public async Task<RecheckReport> RunAsync(TimeSpan window, bool withServer, Func<Task>? between, CancellationToken cancellationToken)
    {
        var report = new RecheckReport(0, 0, 0, 0);
        var owed = await store.ReadAsync(store.States.OwedRechecks, cancellationToken).ConfigureAwait(false);
        foreach (var type in await source.GetTypesAsync(cancellationToken).ConfigureAwait(false))
        {
            report = await OfTypeAsync(type, owed.Contains(type) ? options.KeepKnown : window, withServer, report, cancellationToken).ConfigureAwait(false);
            await (between?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        }

        return report;
    }

    private async Task<RecheckReport> OfTypeAsync(string type, TimeSpan window, bool withServer, RecheckReport report, CancellationToken cancellationToken)
    {
        var begun = environment.NowMs;
        var (from, to) = (begun - (long)window.TotalMilliseconds, begun + AheadMs);
        var found = new Dictionary<Guid, HealthSample>();
        var isWhole = true;
        try
        {
            for (string? next = null; ;)
            {
                var page = await source.ReadWindowAsync(type, from, to, next, options.PageSamples, cancellationToken).ConfigureAwait(false);
                foreach (var sample in page.Samples.Where(s => !found.TryGetValue(s.Id, out var there) || there.Version < s.Version))
                {
                    found[sample.Id] = sample;
                }

                isWhole &= page.IsWhole;
                if ((next = page.Next) is null)
                {
                    break;
                }
            }
        }
        catch (HealthSourceException)
        {
            return report; // The anchored read has said why, or will.
        }

        var different = withServer && server is not null ? await DifferentDaysAsync(type, found.Values, from, begun, cancellationToken).ConfigureAwait(false) : [];
        var (missed, gone, again) = await store.WriteAsync(() => Settle(type, found, from, to, begun, isWhole, different), cancellationToken).ConfigureAwait(false);
        if (missed + gone > 0)
        {
            _log.Rechecked(type, missed, gone);
        }

        return new RecheckReport(report.Types + 1, report.Missed + missed, report.Gone + gone, report.Again + again);
    }

    // What the anchored read captured while the window was read is in the table, and was not when the window was read.
    private (int Missed, int Gone, int Again) Settle(string type, Dictionary<Guid, HealthSample> found, long from, long to, long begun, bool isWhole, HashSet<long> days)
    {
        var known = store.Known.Overlapping(type, from, to);
        HealthSample[] missed = [.. found.Values.Where(s => !known.TryGetValue(s.Id, out var k) || k.Version < s.Version)];
        HealthDelete[] gone = isWhole ? [.. known.Where(k => !found.ContainsKey(k.Key) && k.Value.CapturedMs < begun).Select(k => new HealthDelete(k.Key, type, k.Value.Version))] : [];
        HealthSample[] again = [.. found.Values.Where(s => days.Contains(HealthDigest.DayOf(s.StartMs))).Except(missed)];
        store.Queue.Again(type, [.. missed, .. again], gone, options.PriorityOf(type));
        store.Known.Put(missed, from, environment.NowMs);
        store.Known.Forget(gone);
        store.States.PaidRecheck(type);
        return (missed.Length, gone.Length, again.Length);
    }

    // Whole UTC days alone: of the one at the edge the source was asked for a part.
    private async Task<HashSet<long>> DifferentDaysAsync(string type, IEnumerable<HealthSample> found, long from, long now, CancellationToken cancellationToken)
    {
        var here = new Dictionary<long, SetDigest>();
        foreach (var sample in found)
        {
            var digest = here.GetValueOrDefault(HealthDigest.DayOf(sample.StartMs));
            HealthDigest.Add(ref digest, sample.Id, sample.Version);
            here[HealthDigest.DayOf(sample.StartMs)] = digest;
        }

        var there = (await server!.GetDigestsAsync(type, cancellationToken).ConfigureAwait(false)).Days.ToDictionary(d => d.Day, d => d.Digest, StringComparer.Ordinal);
        return [.. here.Where(d => d.Key > HealthDigest.DayOf(from) && d.Key <= HealthDigest.DayOf(now) && there.GetValueOrDefault(HealthDigest.DayText(d.Key)) != d.Value.ToString()).Select(d => d.Key)];
    }
}
