namespace Tidemark.Model.Entities;

/// <summary>
/// A set of fields by which a person, or the source of a sample, would call two rows the same thing: an ISBN, a name with a birthday, a source with its sample's id.
/// Unlike a <see cref="UniqueKey"/> nothing enforces it: rows that share the values are found as duplicates and merged on request. Values are compared with the
/// fields' collations; a row with a null in one of them is nobody's duplicate.
/// </summary>
public sealed record NaturalKey
{
    public required IReadOnlyList<string> Fields { get; init; }
}
