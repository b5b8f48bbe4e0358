namespace Tidemark.Sqlite.Schema;

public enum TableKind
{
    Table,
    View,
    Virtual,

    /// <summary>A table that a virtual table keeps for itself.</summary>
    Shadow,
}

/// <param name="Name">The name as declared.</param>
/// <param name="DeclaredType">The type as declared; empty when there is none.</param>
/// <param name="NotNull">Declared NOT NULL.</param>
/// <param name="KeyPlace">The place in the primary key from 1; 0 outside of it.</param>
/// <param name="Generated">Computed from other columns, stored or not.</param>
/// <param name="Hidden">A hidden column of a virtual table.</param>
/// <param name="Collation">BINARY, NOCASE, RTRIM or one of the app's.</param>
public sealed record ColumnSchema(string Name, string DeclaredType, bool NotNull, int KeyPlace, bool Generated, bool Hidden, string Collation);

/// <summary>One foreign key. <paramref name="TargetColumns"/> is empty when it refers to the primary key.</summary>
public sealed record ForeignKeySchema(IReadOnlyList<string> Columns, string Target, IReadOnlyList<string> TargetColumns, string OnDelete, string OnUpdate);

/// <summary>One term of an index: a column, or an expression as written.</summary>
public sealed record IndexTerm(string? Column, string? Expression, string Collation);

/// <summary>A unique index.</summary>
/// <param name="Name">Its name; SQLite's own for constraints.</param>
/// <param name="IsKey">It belongs to the primary key.</param>
/// <param name="Terms">What must be unique.</param>
/// <param name="Where">The condition of a partial index as written; null otherwise.</param>
public sealed record UniqueIndexSchema(string Name, bool IsKey, IReadOnlyList<IndexTerm> Terms, string? Where);

public sealed record TriggerSchema(string Name, string Table, string Sql);

/// <summary>One table as it stands in the file.</summary>
public sealed record TableSchema
{
    public required string Name { get; init; }

    public required TableKind Kind { get; init; }

    public bool WithoutRowId { get; init; }

    public required IReadOnlyList<ColumnSchema> Columns { get; init; }

    /// <summary>The INTEGER PRIMARY KEY column that is the rowid; null when there is none.</summary>
    public string? RowIdAlias { get; init; }

    public IReadOnlyList<ForeignKeySchema> ForeignKeys { get; init; } = [];

    public IReadOnlyList<UniqueIndexSchema> UniqueIndexes { get; init; } = [];

    public IReadOnlyList<TriggerSchema> Triggers { get; init; } = [];

    public required string Sql { get; init; }

    /// <summary>The primary key's columns in key order.</summary>
    public IReadOnlyList<ColumnSchema> Key => [.. Columns.Where(c => c.KeyPlace > 0).OrderBy(c => c.KeyPlace)];

    public ColumnSchema? Find(string column) => Columns.FirstOrDefault(c => SqlName.Comparer.Equals(c.Name, column));

    /// <summary>A name by which SQL reaches the rowid; null when there is no rowid or columns hide all three names.</summary>
    public string? RowIdName => WithoutRowId || Kind != TableKind.Table
        ? null
        : new[] { "rowid", "_rowid_", "oid" }.FirstOrDefault(name => Find(name) is null);
}
