using Tidemark.Client.Storage;

namespace Tidemark.Client.Inspection;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>Needs a person, sooner or later.</summary>
    Warning,

    /// <summary>Something that must not be.</summary>
    Fault,
}

/// <summary>One thing the doctor found.</summary>
/// <param name="Code">Stable, for programs.</param>
/// <param name="Severity">How bad.</param>
/// <param name="Message">What was found, with names and counts.</param>
/// <param name="Cure">What to do.</param>
/// <param name="Repairable">A repair would put it right.</param>
/// <param name="Repaired">This examination put it right.</param>
public sealed record DoctorFinding(string Code, FindingSeverity Severity, string Message, string Cure, bool Repairable = false, bool Repaired = false);

/// <summary>What an examination came to.</summary>
public sealed record DoctorReport
{
    public required IReadOnlyList<DoctorFinding> Findings { get; init; }

    /// <summary>After repairs, if there were any.</summary>
    public required Ledger Ledger { get; init; }

    /// <summary>No fault is left.</summary>
    public bool Healthy => Findings.All(f => f.Severity != FindingSeverity.Fault || f.Repaired);

    /// <summary>Something waits for a person.</summary>
    public bool NeedsPerson => Findings.Any(f => f.Severity == FindingSeverity.Warning && !f.Repaired);
}

/// <summary>The codes of findings.</summary>
public static class FindingCodes
{
    public const string FileDamaged = "FILE_DAMAGED";
    public const string IndexDamaged = "INDEX_DAMAGED";
    public const string IndexUnchecked = "INDEX_UNCHECKED";
    public const string WalLarge = "WAL_LARGE";
    public const string GuardLeft = "GUARD_LEFT";
    public const string SchemaMismatch = "SCHEMA_MISMATCH";
    public const string CaptureMissing = "CAPTURE_MISSING";
    public const string CaptureStrange = "CAPTURE_STRANGE";
    public const string TriggerUnguarded = "TRIGGER_UNGUARDED";
    public const string ChangesMissed = "CHANGES_MISSED";
    public const string RowsVanished = "ROWS_VANISHED";
    public const string Orphans = "ORPHANS";
    public const string LedgerOpen = "LEDGER_OPEN";
    public const string DeadLetters = "DEAD_LETTERS";
    public const string PutAside = "PUT_ASIDE";
    public const string Stuck = "STUCK";
    public const string ClaimLeft = "CLAIM_LEFT";
    public const string HeldBack = "HELD_BACK";
    public const string CursorBroken = "CURSOR_BROKEN";
    public const string Duplicates = "DUPLICATES";
    public const string Resync = "RESYNC";
    public const string LibraryOld = "LIBRARY_OLD";
}
