using System.Text.Json.Serialization;
using Tidemark.Model.Values;

namespace Tidemark.Model.Entities;

/// <summary>Who decides a new row's id.</summary>
public enum IdentityModel
{
    /// <summary>The id made offline is final.</summary>
    ClientAssigned,

    /// <summary>The server keeps the proposed id when it is free and was never used, else gives a new one that replaces it.</summary>
    ServerAssigned,
}

/// <summary>Delete against update of the same row.</summary>
public enum DeletePolicy
{
    UpdateWins,
    DeleteWins,
}

/// <summary>One kind of row: its fields, key, identity and relations. Immutable.</summary>
public sealed record EntityType
{
    private EntityTypeIndex? _index;

    /// <summary>The name on the wire and on the server.</summary>
    public required string Name { get; init; }

    /// <summary>The table on the device; the wire name when null.</summary>
    public string? Table { get; init; }

    public IdentityModel Identity { get; init; }

    public required IReadOnlyList<Field> Fields { get; init; }

    /// <summary>The key fields, in key order.</summary>
    public required IReadOnlyList<string> Key { get; init; }

    public IReadOnlyList<UniqueKey> UniqueKeys { get => field ?? []; init; }

    /// <summary>By which values rows are duplicates of each other; not enforced.</summary>
    public IReadOnlyList<NaturalKey> NaturalKeys { get => field ?? []; init; }

    public IReadOnlyList<Relation> Relations { get => field ?? []; init; }

    public DeletePolicy DeletePolicy { get; init; }

    /// <summary>Setting this field is a DELETE on the wire; clearing it a restore. Null when deletes are real.</summary>
    public string? SoftDelete { get; init; }

    /// <summary>Rows are only ever added; merging never applies: where the server has a row of the same key, it is the row.</summary>
    public bool ConflictFree { get; init; }

    /// <summary>The name of the function that merges rows of this type instead of the fields' policies. Every program that syncs the type must have registered it.</summary>
    public string? CustomMerge { get; init; }

    /// <summary>
    /// The field that says which space a row is in: the space's id (null: the user's own space), or a reference to the row whose space it shares. Null: rows made
    /// here are in the user's own space. Where any type names one, a file holds all spaces of its user.
    /// </summary>
    public string? Space { get; init; }

    /// <summary>
    /// The catalog whose public rows this type has beside the user's own: they come from the space `c:` and this name, are everybody's to read, and rows of all spaces may
    /// refer to them. Null: none.
    /// </summary>
    public string? Catalog { get; init; }

    [JsonIgnore]
    public string TableName => Table ?? Name;

    [JsonIgnore]
    public IReadOnlyList<int> KeyOrdinals => Index.Key;

    /// <summary>Field ordinals sorted by wire name, as canonical JSON wants them.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> CanonicalOrder => Index.Canonical;

    // A copy made by `with` starts with the original's index: it is only used by its owner.
    internal EntityTypeIndex Index => _index is { } index && ReferenceEquals(index.Owner, this) ? index : _index = new EntityTypeIndex(this);

    /// <summary>The place of a field, or -1.</summary>
    public int FindOrdinal(string field) => Index.Ordinals.GetValueOrDefault(field, -1);

    /// <summary>The place of a field.</summary>
    /// <exception cref="KeyNotFoundException">The type has no such field.</exception>
    public int OrdinalOf(string field) =>
        Index.Ordinals.TryGetValue(field, out var ordinal) ? ordinal : throw new KeyNotFoundException($"{Name} has no field {field}.");

    public bool IsKey(int ordinal) => Index.IsKey[ordinal];

    public EntityKey KeyOf(ReadOnlySpan<Value> values)
    {
        var key = Index.Key;
        var parts = new Value[key.Length];
        for (var i = 0; i < key.Length; i++)
        {
            parts[i] = values[key[i]];
        }

        return new EntityKey(parts);
    }

    /// <summary>The ordinals of a relation's fields.</summary>
    public int[] OrdinalsOf(IReadOnlyList<string> fields) => [.. fields.Select(OrdinalOf)];

    public bool Equals(EntityType? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => string.GetHashCode(Name, StringComparison.Ordinal);

    public override string ToString() => Name;
}
