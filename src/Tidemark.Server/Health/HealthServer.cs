#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Buffers;
using System.Globalization;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Health;

/// <summary>The decisions behind the endpoints of health data. Each method may be called by any number of threads.</summary>
/// <param name="store">The samples.</param>
/// <param name="environment">Time.</param>
/// <param name="admission">Whose leases admit bulk work; null: all work is admitted.</param>
public sealed class HealthServer(IHealthStore store, ServerEnvironment environment, SyncServer? admission = null)
{
    private const int PageSamplesDefault = 500;
    private const int PageSamplesMax = 5000;
    private const int DaysMax = 4000;

    /// <summary>
    /// Samples and deletes, each with its own verdict: one that cannot be stored refuses none of the others. A sample is stored once whoever sends it, however often:
    /// a higher version replaces a lower one, an equal one is a duplicate, a deletion holds until a higher version comes.
    /// </summary>
    public async Task<HealthBatchResponse> UpsertAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        HealthBatch batch;
        try
        {
            batch = HealthBatch.Read(body.Span, HealthLimits.BatchItemsMax);
        }
        catch (WireFormatException e)
        {
            throw Problems.Of(e);
        }

        return await StoreRetries.RunAsync(environment, () => UpsertAsync(caller, batch, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One page of samples as JSON.</summary>
    public async Task<byte[]> GetSamplesAsync(Caller caller, HealthQuery query, string? after, int? limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(query);
        var count = Math.Clamp(limit ?? PageSamplesDefault, 1, PageSamplesMax);
        var samples = await store.ReadAsync(Spaces.DefaultOf(caller.User), query.Type, query.FromMs, query.ToMs, PlaceOf(after), count + 1, cancellationToken).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("samples");
            foreach (var sample in samples.Take(count))
            {
                HealthSampleJson.Write(json, sample);
            }

            json.WriteEndArray();
            if (samples.Count > count)
            {
                var last = samples[count - 1];
                json.WriteString("next", string.Create(CultureInfo.InvariantCulture, $"{last.StartMs}.{last.Id:n}"));
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    public async Task<HealthCompleteness> GetCompletenessAsync(Caller caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return new HealthCompleteness(await store.GetTypesAsync(Spaces.DefaultOf(caller.User), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>One digest for each UTC day with samples: two sides with the same digest hold the same samples of that day.</summary>
    public async Task<HealthDigests> GetDigestsAsync(Caller caller, HealthQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(query);
        var days = new SortedDictionary<long, SetDigest>();
        await store.VisitAsync(
            Spaces.DefaultOf(caller.User),
            query.Type,
            query.FromMs,
            query.ToMs,
            (id, version, startMs) =>
            {
                var day = HealthDigest.DayOf(startMs);
                var digest = days.GetValueOrDefault(day);
                HealthDigest.Add(ref digest, id, version);
                days[day] = digest;
            },
            cancellationToken).ConfigureAwait(false);
        return new HealthDigests(query.Type, [.. days.Select(d => new HealthDayDigest(HealthDigest.DayText(d.Key), d.Value.Rows, d.Value.ToString()))]);
    }

    /// <summary>One figure a day, derived from the samples that are there now.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="query">Type and time; at most 4000 days.</param>
    /// <param name="zone">An IANA zone whose days are meant; UTC without one.</param>
    /// <param name="sources">Names of sources in rank, the first first; the others follow, the one with most samples first.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task<HealthAggregates> GetAggregatesAsync(Caller caller, HealthQuery query, string? zone, IReadOnlyList<string> sources, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(query);
        if ((query.ToMs - query.FromMs) / HealthDigest.DayMs > DaysMax)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"At most {DaysMax} days can be asked for at once.");
        }

        var intervals = await store.GetIntervalsAsync(Spaces.DefaultOf(caller.User), query.Type, query.FromMs, query.ToMs, cancellationToken).ConfigureAwait(false);
        var type = HealthTypes.Find(query.Type);
        var days = DayAggregates.Of(intervals, type, ZoneOf(zone), sources, query, environment.Time.GetUtcNow().ToUnixTimeMilliseconds());
        return new HealthAggregates(query.Type, type?.Aggregation == HealthAggregation.Duration ? "s" : type?.Unit, days);
    }

    private async Task<HealthBatchResponse> UpsertAsync(Caller caller, HealthBatch batch, CancellationToken cancellationToken)
    {
        var verdicts = new HealthVerdict[batch.Samples.Count + batch.Deletes.Count];
        var puts = new Dictionary<Guid, HealthSample>();
        var deletes = new Dictionary<Guid, HealthDelete>();
        await AdmitAsync().ConfigureAwait(false);
        var transaction = await store.WriteAsync(Spaces.DefaultOf(caller.User), cancellationToken).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            var ids = batch.Samples.Where(s => s is not null).Select(s => s!.Id).Concat(batch.Deletes.Where(d => d is not null).Select(d => d!.Id)).ToHashSet();
            var known = new Dictionary<Guid, StoredHealth>(await transaction.FindAsync(ids, cancellationToken).ConfigureAwait(false));
            for (var i = 0; i < batch.Samples.Count; i++)
            {
                verdicts[i] = batch.Samples[i] is { } sample ? Judge(sample, known, puts) : HealthVerdict.Rejected;
            }

            for (var i = 0; i < batch.Deletes.Count; i++)
            {
                verdicts[batch.Samples.Count + i] = batch.Deletes[i] is { } delete ? Judge(delete, known, puts, deletes) : HealthVerdict.Rejected;
            }

            if (puts.Count + deletes.Count > 0)
            {
                var now = environment.Time.GetUtcNow().ToUnixTimeMilliseconds();
                await transaction.PutAsync([.. puts.Values], now, cancellationToken).ConfigureAwait(false);
                await transaction.DeleteAsync([.. deletes.Values], now, cancellationToken).ConfigureAwait(false);
                await AdmitAsync().ConfigureAwait(false); // Its lease may have ended while the work was done: then nothing of it was.
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return new HealthBatchResponse { SyncOperationId = batch.SyncOperationId, Verdicts = verdicts, Rejected = batch.Rejected };

        Task AdmitAsync() => admission?.CheckLeaseOfSamplesAsync(caller, verdicts.Length, cancellationToken) ?? Task.CompletedTask;
    }

    // A repetition within the batch is one of what came before it, not of what the store had.
    private static HealthVerdict Judge(HealthSample sample, Dictionary<Guid, StoredHealth> known, Dictionary<Guid, HealthSample> puts)
    {
        if (known.TryGetValue(sample.Id, out var stored) && sample.Version <= stored.Version
#if TIDEMARK_MUTANTS
            && !Mutants.Is(Mutant.HealthOlderVersionStored)
#endif
            )
        {
            return stored.IsDeleted || sample.Version < stored.Version ? HealthVerdict.Stale : HealthVerdict.Duplicate;
        }

        known[sample.Id] = new StoredHealth(sample.Version, IsDeleted: false);
        puts[sample.Id] = sample;
        return HealthVerdict.Applied;
    }

    private static HealthVerdict Judge(HealthDelete delete, Dictionary<Guid, StoredHealth> known, Dictionary<Guid, HealthSample> puts, Dictionary<Guid, HealthDelete> deletes)
    {
        if (known.TryGetValue(delete.Id, out var stored))
        {
            if (stored.IsDeleted && delete.Version <= stored.Version)
            {
                return HealthVerdict.Duplicate;
            }

            if (delete.Version < stored.Version)
            {
                return HealthVerdict.Stale;
            }
        }

        known[delete.Id] = new StoredHealth(delete.Version, IsDeleted: true);
        puts.Remove(delete.Id);
        deletes[delete.Id] = delete;
        return HealthVerdict.Applied;
    }

    private static HealthPlace? PlaceOf(string? after)
    {
        if (string.IsNullOrEmpty(after))
        {
            return null;
        }

        var parts = after.Split('.');
        return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var start) && Guid.TryParseExact(parts[1], "N", out var id)
            ? new HealthPlace(start, id)
            : throw Problems.Of(ErrorCodes.BadRequest, "after is no place that an earlier page named.");
    }

    private static TimeZoneInfo ZoneOf(string? zone) => string.IsNullOrEmpty(zone)
        ? TimeZoneInfo.Utc
        : TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) ? found : throw Problems.Of(ErrorCodes.BadRequest, "There is no such time zone; say one such as Europe/Lisbon.");
}

/// <summary>A type and a time, [from, to).</summary>
public sealed record HealthQuery(string Type, long FromMs, long ToMs);
