using System.Text.Json.Serialization;

namespace Tidemark.Model.Entities;

/// <summary>One statement of the app's own schema, kept so that `clone` makes the app's tables and not a likeness.</summary>
public sealed record SchemaObject
{
    /// <summary>table, index, trigger or view.</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Table { get; init; }

    public required string Sql { get; init; }
}

/// <summary>The contract that client and server share. Immutable; validated whole by <see cref="ModelValidator"/>.</summary>
public sealed record SyncModel
{
    private Derived? _derived;

    /// <summary>Counts upwards with every change of the model.</summary>
    // Generated JSON code sets what a document leaves out to the type's default, whatever an initializer says.
    public int Version { get => field == 0 ? 1 : field; init; }

    public required IReadOnlyList<EntityType> Entities { get; init; }

    /// <summary>The DDL of the adopted tables and what belongs to them; empty for models made by hand.</summary>
    public IReadOnlyList<SchemaObject> Schema { get => field ?? []; init; }

    // Editors look for it at the top of the file; it is no part of the model.
    [JsonInclude]
    [JsonPropertyName("$schema")]
    internal string? SchemaOfTheFile
    {
        get => null;
        init => _ = value;
    }

    /// <summary>Some type says which space its rows are in, or has public ones: a file holds all spaces of its user.</summary>
    [JsonIgnore]
    public bool HasSpaces => Entities.Any(e => e.Space is not null || e.Catalog is not null);

    [JsonIgnore]
    public RelationGraph Graph => Own.Graph;

    /// <summary>Lower-case hex SHA-256 over the canonical JSON form.</summary>
    [JsonIgnore]
    public string Hash => Own.Hash;

    // A copy made by `with` starts with the original's derived parts: they are only used by their owner.
    private Derived Own => _derived is { } derived && ReferenceEquals(derived.Owner, this) ? derived : _derived = new Derived(this);

    public EntityType? Find(string name) => Own.ByName.GetValueOrDefault(name);

    public EntityType Get(string name) => Find(name) ?? throw new KeyNotFoundException($"The model has no entity type {name}.");

    public bool Equals(SyncModel? other) => other is not null && string.Equals(Hash, other.Hash, StringComparison.Ordinal);

    public override int GetHashCode() => string.GetHashCode(Hash, StringComparison.Ordinal);

    private sealed class Derived(SyncModel owner)
    {
        private RelationGraph? _graph;
        private string? _hash;

        public SyncModel Owner => owner;

        public Dictionary<string, EntityType> ByName { get; } = owner.Entities.ToDictionary(e => e.Name, StringComparer.Ordinal);

        public RelationGraph Graph => _graph ??= new RelationGraph(owner);

        public string Hash => _hash ??= SyncModelJson.HashOf(owner);
    }
}
