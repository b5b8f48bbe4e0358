using Tidemark.Client.Duplicates;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inbox;

/// <summary>What a person is asked.</summary>
public enum InboxItemKind
{
    /// <summary>Changed on both sides, and no rule decides: settle it.</summary>
    Conflict,

    /// <summary>The server refused it for good: correct the row and retry, or discard.</summary>
    DeadLetter,

    /// <summary>Rows here describe the same thing, by a natural key of the model: merge them, or make them differ.</summary>
    Duplicate,
}

/// <summary>One field of a row that waits for a person.</summary>
/// <param name="Name">The field's name in the model.</param>
/// <param name="Label">Its name in words: "due date" for due_date or DueDate.</param>
/// <param name="Before">What both sides had, in words; null where there was nothing.</param>
/// <param name="Mine">What it is here.</param>
/// <param name="Theirs">What it is at the server.</param>
/// <param name="IsInConflict">Both sides changed it, differently: this is the question.</param>
public sealed record InboxField(string Name, string Label, string? Before, string? Mine, string? Theirs, bool IsInConflict);

/// <summary>One row that needs a person.</summary>
public sealed record InboxItem
{
    public required InboxItemKind Kind { get; init; }

    /// <summary>The command that stands behind it; names the item. Empty for duplicates, which their type and key name.</summary>
    public required Guid Command { get; init; }

    /// <summary>The id of the conflict's record; null for a dead letter.</summary>
    public long? Conflict { get; init; }

    public required string Type { get; init; }

    public required EntityKey Key { get; init; }

    /// <summary>The row in words: its first text, else its key.</summary>
    public required string Title { get; init; }

    /// <summary>Why a person is needed.</summary>
    public required string Reason { get; init; }

    public string? Code { get; init; }

    /// <summary>The field that is at fault; null: the row as a whole.</summary>
    public string? Field { get; init; }

    /// <summary>Since when; of duplicates nobody knows (1970).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The fields in which the sides differ, in the model's order; of duplicates, mine is the row that would stay, theirs the first that has something else.</summary>
    public required IReadOnlyList<InboxField> Fields { get; init; }

    /// <summary>The duplicates, the row that would stay first; null for other items.</summary>
    public DuplicateGroup? Duplicates { get; init; }

    /// <summary>Rows that wait for this one, in words; of duplicates, the rows that would be merged into it.</summary>
    public required IReadOnlyList<string> Dependents { get; init; }

    /// <summary>Everything but lists, and what those hold: two readings of an unchanged item are the same.</summary>
    internal bool IsSame(InboxItem other) =>
        this with { Fields = other.Fields, Dependents = other.Dependents, Duplicates = other.Duplicates } == other && Same(Duplicates, other.Duplicates) && Fields.SequenceEqual(other.Fields) && Dependents.SequenceEqual(other.Dependents);

    private static bool Same(DuplicateGroup? a, DuplicateGroup? b) =>
        a is null || b is null ? a == b : a.Fields.SequenceEqual(b.Fields, StringComparer.Ordinal) && a.Rows.SequenceEqual(b.Rows);
}

/// <summary>What a person chose for one field.</summary>
public sealed class FieldChoice
{
    private FieldChoice(bool isTheirs, Value? value) => (IsTheirs, Value) = (isTheirs, value);

    /// <summary>As it is here.</summary>
    public static FieldChoice Mine { get; } = new(false, null);

    /// <summary>As the server has it.</summary>
    public static FieldChoice Theirs { get; } = new(true, null);

    internal bool IsTheirs { get; }

    internal Value? Value { get; }

    /// <summary>Another value.</summary>
    public static FieldChoice Of(Value value) => new(false, value);
}
