namespace Tidemark.Health.Importing;

/// <summary>What was mended, or could not be, while an export was read. docs/guides/health.md has one line for each.</summary>
public enum Repair
{
    /// <summary>A declaration of the DTD has no end; the DTD is not used.</summary>
    BrokenDtd,

    /// <summary>startDate stands twice and endDate not at all: the second one is the end.</summary>
    DoubledStartDate,

    /// <summary>A control character that XML does not allow was taken out of a text.</summary>
    ControlCharacter,

    /// <summary>The file ends in the middle; nothing is deleted because of it.</summary>
    TruncatedTail,

    /// <summary>A piece that is no element: skipped up to the next line that begins one.</summary>
    UnreadableElement,

    /// <summary>A sample without a start that can be read: left out.</summary>
    UnreadableDate,

    /// <summary>A quantity whose number cannot be read: left out.</summary>
    UnreadableNumber,

    /// <summary>An end before its start: the two are exchanged.</summary>
    EndBeforeStart,

    /// <summary>A child that stands at the top level too: one sample.</summary>
    RepeatedChild,

    /// <summary>The same day's rings again: the last one counts.</summary>
    RepeatedSummary,

    /// <summary>A record where the DTD allows none: a sample like any other.</summary>
    UndeclaredNesting,

    /// <summary>An element nobody knows; in a workout its content is kept, at the top level it is counted only.</summary>
    UnknownElement,

    /// <summary>A unit that is not known, or not one of its type: the value is kept as it came.</summary>
    UnknownUnit,

    /// <summary>A date of the first exports: 20150616071916-0700.</summary>
    OldDate,

    /// <summary>A heading of an ECG without its comma, or a rate or number with a decimal comma.</summary>
    EcgSpelling,

    /// <summary>An ECG file that cannot be read as one: left out.</summary>
    UnreadableEcg,

    /// <summary>A route whose file is not in the export: left out; one that was imported earlier stays.</summary>
    MissingRoute,

    /// <summary>A route's file that cannot be read as one, or is larger than any real one: as if it were missing.</summary>
    UnreadableRoute,

    /// <summary>A point of a route without a place or a time that can be read: left out.</summary>
    UnreadablePoint,

    /// <summary>A table of a Health Connect export that SQLite cannot read to its end: what came before is kept, and nothing is deleted because it is missing.</summary>
    UnreadableTable,
}

/// <summary>How often each was needed.</summary>
public sealed class Repairs
{
    private readonly long[] _counts = new long[Enum.GetValues<Repair>().Length];

    public long this[Repair repair]
    {
        get => _counts[(int)repair];
        internal set => _counts[(int)repair] = value;
    }

    /// <summary>All of them, without what took nothing away from the file.</summary>
    public long Total => _counts.Sum();

    /// <summary>Those that were needed.</summary>
    public IReadOnlyDictionary<Repair, long> Needed => Enum.GetValues<Repair>().Where(r => this[r] > 0).ToDictionary(r => r, r => this[r]);

    /// <summary>Elements at the top level, or tables, that nobody knows, by name; the first hundred names.</summary>
    public IReadOnlyDictionary<string, long> UnknownElements => _unknown;

    private readonly SortedDictionary<string, long> _unknown = new(StringComparer.Ordinal);

    internal void CountUnknown(string element)
    {
        this[Repair.UnknownElement]++;
        Note(element, 1);
    }

    internal void Add(Repairs more)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += more._counts[i];
        }

        foreach (var (element, count) in more._unknown)
        {
            Note(element, count);
        }
    }

    /// <summary>What was counted until now; counting begins anew.</summary>
    internal Repairs Take()
    {
        var taken = new Repairs();
        taken.Add(this);
        Array.Clear(_counts);
        _unknown.Clear();
        return taken;
    }

    private void Note(string element, long count)
    {
        if (_unknown.Count < 100 || _unknown.ContainsKey(element))
        {
            _unknown[element] = _unknown.GetValueOrDefault(element) + count;
        }
    }
}
