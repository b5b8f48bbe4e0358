namespace Tidemark.Model.Entities;

/// <summary>What a field holds on the wire and on the server.</summary>
public enum FieldType
{
    /// <summary>Any storage class, untouched. What `adopt` chooses.</summary>
    Exact,
    Integer,
    Real,
    Text,
    Blob,
    Boolean,
    Uuid,
    Timestamp,
    Decimal,
    Json,
}

/// <summary>How the device stores a field. <see cref="Default"/> is the canonical form of its type.</summary>
public enum StorageForm
{
    Default,
    UuidUpper,

    /// <summary>16 bytes, the most significant first (RFC 9562).</summary>
    UuidBlob,

    /// <summary>Whole seconds since 1970; a fraction makes it a real, and text where a real would round.</summary>
    TimeUnixSeconds,

    /// <summary>Milliseconds since 1970, otherwise as <see cref="TimeUnixSeconds"/>.</summary>
    TimeUnixMilliseconds,

    /// <summary>Units of 100 ns since the year 1.</summary>
    TimeTicks,

    /// <summary>Text as SQLite's datetime() and EF Core write it, in UTC: 2026-01-31 12:00:00.</summary>
    TimeSpaced,

    /// <summary>A real; text where a real would round.</summary>
    DecimalReal,
}

/// <summary>How SQLite compares a key or unique field.</summary>
public enum Collation
{
    Binary,
    NoCase,
    RTrim,
}

/// <summary>What decides when both sides changed the same field. `docs/guides/conflicts.md` has an example table for each.</summary>
public enum FieldPolicy
{
    /// <summary>The edit that reaches the server last; with <see cref="Field.Clock"/> the one with the later time in that field.</summary>
    LastWriterWins,

    /// <summary>The pending edit.</summary>
    LocalWins,

    /// <summary>What the server has.</summary>
    ServerWins,

    /// <summary>A JSON array: the additions and removals of both sides; objects are told apart by <see cref="Field.ArrayKey"/>.</summary>
    MergeArrays,

    /// <summary>A JSON object: the members that each side changed, to any depth.</summary>
    MergeObject,

    /// <summary>Never goes back: the greater number, the later time, true, the later of <see cref="Field.States"/>. The server holds every edit to it.</summary>
    Monotonic,

    /// <summary>A number: what each side added or took away counts.</summary>
    Counter,

    /// <summary>Text: the lines and words that each side changed; where both changed the same ones, both stay.</summary>
    Text,

    /// <summary>A person decides.</summary>
    Manual,
}

/// <summary>One field of an entity type.</summary>
public sealed record Field
{
    /// <summary>The name on the wire and on the server.</summary>
    public required string Name { get; init; }

    /// <summary>The column on the device; the wire name when null.</summary>
    public string? Column { get; init; }

    public FieldType Type { get; init; }

    public StorageForm Form { get; init; }

    public Collation Collation { get; init; }

    [System.Text.Json.Serialization.JsonIgnore]
    public bool Nullable { get; init; } = true;

    // What JSON says: only `false` is written, and what is left out means true.
    [System.Text.Json.Serialization.JsonInclude]
    [System.Text.Json.Serialization.JsonPropertyName("nullable")]
    internal bool? NullableInJson
    {
        get => Nullable ? null : false;
        init => Nullable = value ?? true;
    }

    public FieldPolicy Policy { get; init; }

    /// <summary>With <see cref="FieldPolicy.MergeArrays"/>: the member by which objects of the array are told apart. Null: items are equal when they are the same JSON.</summary>
    public string? ArrayKey { get; init; }

    /// <summary>With <see cref="FieldPolicy.Monotonic"/>: the values in the order in which they may follow each other. Any other value stands before them all.</summary>
    public IReadOnlyList<string>? States { get; init; }

    /// <summary>With <see cref="FieldPolicy.LastWriterWins"/>: the monotonic field of the same row that says when it was written. Null: the server's order says it.</summary>
    public string? Clock { get; init; }

    /// <summary>Always the server's; what a device writes there is never sent.</summary>
    public bool ServerDerived { get; init; }

    /// <summary>Encrypted on the device; no server ever sees it plain. Such a file is synced by the way for several remotes, also with one.</summary>
    public bool Encrypted { get; init; }

    [System.Text.Json.Serialization.JsonIgnore]
    public string ColumnName => Column ?? Name;
}
