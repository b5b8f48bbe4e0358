namespace Tidemark.Model.Entities;

/// <summary>What becomes of the children when their parent is deleted. Executed by the server.</summary>
public enum DeleteRule
{
    Restrict,
    Cascade,
    SetNull,
}

/// <summary>A reference from the fields of one type to the key (or a unique key) of another.</summary>
public sealed record Relation
{
    /// <summary>The fields here, in the order of <see cref="TargetFields"/>.</summary>
    public required IReadOnlyList<string> Fields { get; init; }

    /// <summary>The referenced entity type.</summary>
    public required string Target { get; init; }

    /// <summary>The referenced fields; the key of the target when empty.</summary>
    public IReadOnlyList<string> TargetFields { get => field ?? []; init; }

    /// <summary>A row may not exist without its parent. A reference with a null is no reference.</summary>
    public bool Required { get; init; }

    public DeleteRule OnDelete { get; init; }
}

/// <summary>What the server does when two rows claim one unique value.</summary>
public enum UniqueRule
{
    /// <summary>The later command is refused; a person decides.</summary>
    Manual,
    Merge,
    Rename,
}

/// <summary>A set of fields whose values no two rows of a space share. Nulls never clash.</summary>
public sealed record UniqueKey
{
    public required IReadOnlyList<string> Fields { get; init; }

    public UniqueRule Rule { get; init; }
}
