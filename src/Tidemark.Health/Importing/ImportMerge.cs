using Tidemark.Health.Storage;
using Tidemark.Model.Health;

namespace Tidemark.Health.Importing;

/// <summary>Brings what an export holds together with what the file knows, batch by batch: new, another version, there already, gone.</summary>
internal sealed class ImportMerge(HealthStore store, ImportOptions options, ExportKind kind)
{
    /// <summary>Two prints of one value in two units differ by less.</summary>
    private const double SameValue = 2e-5;
    private const int LargeBytesMax = 16 << 20;
    private readonly HashSet<Guid> _equals = [];
    private bool _knewSamples = true;
    private long _largeBytes;

    /// <summary>What the next commit takes.</summary>
    public List<FoundSample> Batch { get; } = [];

    public bool IsFull => Batch.Count >= options.BatchSamples;

    /// <summary>A few hundred routes are no full batch, and fill the memory all the same.</summary>
    public bool IsHeavy => _largeBytes > LargeBytesMax;

    public SeenBits Seen { get; set; } = new();

    public ImportReport Report { get; set; } = new();

    public void Add(in FoundSample sample)
    {
        Batch.Add(sample);
        _largeBytes += BlobTable.LargeOf(sample.Sample.Kind) is null ? 0 : sample.Sample.Extra?.Utf8.Length ?? 0;
    }

    public async Task BeginAsync(CancellationToken cancellationToken) => _knewSamples = await store.ReadAsync(() => store.Samples.Last > 0, cancellationToken).ConfigureAwait(false);

    /// <summary>The batch and what goes with it, one commit. The wait does not end half-way: what was collected is small, and goes into the file whole.</summary>
    public Task<bool> CommitAsync(Action? last) => store.WriteAsync(
        () =>
        {
            RankEquals();
            foreach (var sample in Batch)
            {
                Take(sample);
            }

            Batch.Clear();
            _largeBytes = 0;
            last?.Invoke();
            return true;
        },
        CancellationToken.None);

    public void Repaired(Repair repair, long count = 1)
    {
        if (count > 0)
        {
            Report.Repairs[repair.ToString()] = Report.Repairs.GetValueOrDefault(repair.ToString()) + count;
        }
    }

    /// <summary>Equal samples are ranked by when they were written, so that each gets the same ordinal in an export of another order.</summary>
    private void RankEquals()
    {
        _equals.Clear();
        var hasEquals = false;
        foreach (var sample in Batch)
        {
            hasEquals |= !_equals.Add(sample.Sample.Id);
        }

        if (!hasEquals)
        {
            return;
        }

        var places = new Dictionary<Guid, List<int>>();
        for (var i = 0; i < Batch.Count; i++)
        {
            (System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(places, Batch[i].Sample.Id, out _) ??= []).Add(i);
        }

        foreach (var equal in places.Values.Where(p => p.Count > 1))
        {
            var ranked = equal.ConvertAll(i => Batch[i]);
            ranked.Sort(static (a, b) =>
            {
                var created = Nullable.Compare(a.Sample.CreatedMs, b.Sample.CreatedMs);
                var version = created != 0 ? created : string.CompareOrdinal(a.Sample.Origin.Version, b.Sample.Origin.Version);
                return version != 0 ? version : Nullable.Compare(a.Sample.Value, b.Sample.Value);
            });
            for (var i = 0; i < equal.Count; i++)
            {
                Batch[equal[i]] = ranked[i];
            }
        }
    }

    private void Take(in FoundSample sample)
    {
        var role = sample.IsNested ? SeenBits.Nested : SeenBits.Top;
        if (sample.IsUnread)
        {
            Keep(sample.Sample.Id, role);
            return;
        }

        for (var ordinal = 0; ; ordinal++)
        {
            var id = sample.IdOf(ordinal);
            if (!_knewSamples && store.Samples.Insert(id, sample.Sample, sample.Sample.Version, kind) is { } inserted)
            {
                Added(inserted, role);
                return;
            }

            if (store.Samples.Find(id) is not { } known)
            {
                Added(store.Samples.Insert(id, sample.Sample, sample.Sample.Version, kind)!.Value, role);
                return;
            }

            var seen = Seen[known.Seq];
            if ((seen & role) == 0)
            {
                Meet(sample, id, known, seen, role);
                return;
            }

            if (sample.Series is null)
            {
                MeetAgain(sample, id, known, role);
                return;
            }
        }
    }

    private void Keep(Guid id, int role)
    {
        if (store.Samples.Find(id) is { } known)
        {
            Seen[known.Seq] |= role;
        }
    }

    private void Added(long seq, int role)
    {
        Seen[seq] = role;
        Report.Found++;
        Report.Added++;
    }

    private void Meet(in FoundSample sample, Guid id, in KnownSample known, int seen, int role)
    {
        if (seen != 0)
        {
            Seen[known.Seq] = seen | role;
            Report.Repeated++;
            Repaired(Repair.RepeatedChild);
            return;
        }

        Report.Found++;
        var version = NextVersion(sample, known);
        if (version is null)
        {
            Seen[known.Seq] = role;
            Report.Same++;
            return;
        }

        Seen[store.Samples.Replace(known, id, sample.Sample, version.Value, kind)] = role;
        Report.Changed += known.IsDeleted ? 0 : 1;
        Report.Added += known.IsDeleted ? 1 : 0;
    }

    // One name twice in one export: the higher version is it.
    private void MeetAgain(in FoundSample sample, Guid id, in KnownSample known, int role)
    {
        Report.Repeated++;
        if (sample.Sample.Version > known.Version)
        {
            Seen[store.Samples.Replace(known, id, sample.Sample, sample.Sample.Version, kind)] = role;
        }
    }

    /// <returns>Null: it is the sample that is known.</returns>
    private static long? NextVersion(in FoundSample sample, in KnownSample known)
    {
        if (known.IsDeleted)
        {
            return Math.Max(known.Version + 1, sample.Sample.Version);
        }

        if (sample.Sample.Version > known.Version)
        {
            return sample.Sample.Version;
        }

        return sample.IsSwitchable && sample.Sample.Version == 0 && sample.Sample.Value is { } now && known.Value is { } before && Math.Abs(now - before) > SameValue * Math.Max(Math.Abs(now), Math.Abs(before))
            ? known.Version + 1
            : null;
    }

    /// <summary>What is known of this kind of export and was not met is gone.</summary>
    /// <param name="untilMs">What was written after it cannot have been in the export.</param>
    public void DeleteUnseen(long untilMs = long.MaxValue)
    {
        var gone = new List<(long Seq, long Type)>();
        var met = new HashSet<long>();
        foreach (var (seq, type) in store.Samples.Living(kind, untilMs))
        {
            if (Seen[seq] == 0)
            {
                gone.Add((seq, type));
            }
            else
            {
                met.Add(type);
            }
        }

        foreach (var (seq, type) in gone)
        {
            if (options.DeleteWholeTypes || met.Contains(type))
            {
                store.Samples.Delete(seq);
                Report.Deleted++;
            }
        }

        Report.Withheld.AddRange(options.DeleteWholeTypes ? [] : gone.Select(g => g.Type).Distinct().Where(t => !met.Contains(t)).Select(store.Samples.NameOf).Order(StringComparer.Ordinal));
    }
}
