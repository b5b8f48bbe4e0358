namespace Tidemark.Health.Synthetic;

/// <summary>What real exports have wrong with them, each a switch. None changes what the person measured, unless it says so.</summary>
[Flags]
public enum HealthFaults
{
    None = 0,

    /// <summary>A declaration of the DTD without its end.</summary>
    Dtd = 1 << 0,

    /// <summary>startDate twice instead of endDate, in one record of 97.</summary>
    DoubledStart = 1 << 1,

    /// <summary>A raw control character in a text.</summary>
    Control = 1 << 2,

    /// <summary>The file ends in the middle of one record more.</summary>
    Truncated = 1 << 3,

    /// <summary>The names of the file and the ECG folder in another language.</summary>
    Localised = 1 << 4,

    /// <summary>ECGs with German headings, decimal commas, a no-break space in the rate and a heading without its comma.</summary>
    Ecg = 1 << 5,

    /// <summary>Steps of the phone beside those of the watch: more samples, the same truth in a day's sum.</summary>
    Overlap = 1 << 6,

    /// <summary>Workouts once more by another app: more samples.</summary>
    Mirrors = 1 << 7,

    /// <summary>The parts of a blood pressure at the top level too.</summary>
    Children = 1 << 8,

    /// <summary>Records where the DTD allows none: an effort in every workout; more samples.</summary>
    Effort = 1 << 9,

    /// <summary>Elements nobody knows, in workouts and at the top level.</summary>
    Unknown = 1 << 10,

    /// <summary>A day's rings twice; the last one counts.</summary>
    SummaryTwice = 1 << 11,

    /// <summary>Energies in Cal, glucose in mmol/L, distances in miles, masses in pounds.</summary>
    Units = 1 << 12,

    /// <summary>Files that a Mac adds to an archive.</summary>
    MacFiles = 1 << 13,

    /// <summary>Pieces that are no elements between the records.</summary>
    Garbage = 1 << 14,

    /// <summary>A type that nobody knows: more samples.</summary>
    UnknownType = 1 << 15,

    /// <summary>Dates as the first exports spelt them, in one record of 89.</summary>
    OldDates = 1 << 16,

    /// <summary>A second route in every workout that has one, whose file is not there, and a point without a place in every route.</summary>
    Routes = 1 << 17,
    All = (1 << 18) - 1,
}
