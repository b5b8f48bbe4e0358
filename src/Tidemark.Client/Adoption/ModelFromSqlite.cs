using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Adoption;

/// <summary>Reads an existing database as a model: every field exact, keys and relations as the file declares them.</summary>
internal sealed class ModelFromSqlite(SqliteConnection connection, AdoptionOptions options, IReadOnlyCollection<string> refused)
{
    private static readonly string[] Bookkeeping = ["__EFMigrationsHistory", "__EFMigrationsLock", "sqlite_sequence", "android_metadata", "room_master_table", "schema_migrations", "VersionInfo", "__diesel_schema_migrations", "_sqlx_migrations"];
    private readonly List<(string, string)> _leftOut = [];
    private readonly List<string> _warnings = [];

    public AdoptionReport Read()
    {
        var all = SchemaReader.ReadAll(connection);
        CheckNames(all, options);
        var tables = all.Where(IsWanted).ToList();
        var names = tables.Select(t => t.Name).ToHashSet(SqlName.Comparer);
        var model = ModelValidator.Checked(new SyncModel
        {
            Entities = [.. tables.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => TypeOf(t, tables, names))],
            Schema = Objects(all),
        });
        return new AdoptionReport
        {
            Model = model,
            Rows = [.. model.Entities.Select(e => (e.Name, connection.Scalar($"SELECT count(*) FROM {SqlName.Quote(e.TableName)}").AsInteger))],
            LeftOut = _leftOut,
            Warnings = _warnings,
        };
    }

    private static void CheckNames(IReadOnlyList<TableSchema> all, AdoptionOptions options)
    {
        var unknown = options.Include.Concat(options.Exclude).Where(n => !all.Any(t => SqlName.Comparer.Equals(t.Name, n))).ToArray();
        if (unknown.Length > 0)
        {
            throw new ArgumentException($"There is no table {string.Join(", ", unknown)}. The tables are: {string.Join(", ", all.Where(t => t.Kind == TableKind.Table).Select(t => t.Name))}.", nameof(options));
        }
    }

    private bool IsWanted(TableSchema table)
    {
        if (table.Name.StartsWith("_tm_", StringComparison.OrdinalIgnoreCase) || table.Name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        if (refused.Contains(table.Name, SqlName.Comparer))
        {
            return false;
        }

        var reason = Reason(table);
        if (reason is not null)
        {
            _leftOut.Add((table.Name, reason));
        }

        return reason is null;
    }

    private string? Reason(TableSchema table)
    {
        if (options.Exclude.Contains(table.Name, SqlName.Comparer))
        {
            return "It is excluded by name.";
        }

        if (options.Include.Count > 0 && !options.Include.Contains(table.Name, SqlName.Comparer))
        {
            return "It is not among the included tables.";
        }

        return table.Kind switch
        {
            TableKind.View => "A view has no rows of its own; the tables behind it are synced.",
            TableKind.Virtual => "The rows of a virtual table are kept by its module; sync the tables it is made from.",
            TableKind.Shadow => "A shadow table belongs to a virtual table.",
            _ when Bookkeeping.Contains(table.Name, SqlName.Comparer) => "It is the bookkeeping of a tool, different on every device.",
            _ when table.Key.Count == 0 => "It has no primary key, so a row could not be told from another; give it one.",
            _ when table.Key.Count > StoreSchema.KeyColumnsMax => $"Its key has {table.Key.Count} columns; at most {StoreSchema.KeyColumnsMax} can be synced.",
            _ when table.Key.Any(c => c.Generated) => "Its key is a generated column.",
            _ when table.Find(ModelValidator.SpaceColumn) is not null => $"It has a column {ModelValidator.SpaceColumn}, by which the server's tables tell spaces apart; rename the column.",
            _ when table.Columns.Count > ModelValidator.FieldsMax => $"It has {table.Columns.Count} columns; at most {ModelValidator.FieldsMax} can be synced.",
            _ => null,
        };
    }

    private EntityType TypeOf(TableSchema table, List<TableSchema> tables, HashSet<string> names)
    {
        CheckKeys(table);
        var columns = table.Columns.Where(c => c is { Generated: false, Hidden: false }).ToArray();
        return new EntityType
        {
            Name = table.Name,
            Identity = IsIntegerKey(table) ? IdentityModel.ServerAssigned : IdentityModel.ClientAssigned,
            Fields = [.. columns.Select(c => new Field
            {
                Name = c.Name,
                Type = FieldType.Exact,
                Nullable = !c.NotNull && c.KeyPlace == 0,
                Collation = CollationOf(table, c),
            })],
            Key = [.. table.Key.Select(c => c.Name)],
            UniqueKeys = [.. UniqueKeysOf(table)],
            Relations = [.. table.ForeignKeys.Select(f => RelationOf(table, f, tables, names)).OfType<Relation>()
                .DistinctBy(r => string.Join('\0', [.. r.Fields, "", r.Target, .. r.TargetFields]), StringComparer.Ordinal)],
        };
    }

    private void CheckKeys(TableSchema table)
    {
        var name = SqlName.Quote(table.Name);
        foreach (var column in table.Key)
        {
            var key = SqlName.Quote(column.Name);
            var nulls = connection.Scalar($"SELECT count(*) FROM {name} WHERE {key} IS NULL").AsInteger;
            var classes = connection.Query($"SELECT DISTINCT typeof({key}) FROM {name} WHERE {key} IS NOT NULL").Count;
            if (nulls > 0)
            {
                _warnings.Add($"{table.Name}.{column.Name}: {nulls} rows have no key; they cannot be synced until they get one.");
            }

            if (classes > 1)
            {
                _warnings.Add($"{table.Name}.{column.Name}: keys of {classes} storage classes; '1' and 1 are different rows.");
            }
        }
    }

    private static bool IsIntegerKey(TableSchema table) =>
        table.Key.Count == 1 && (table.RowIdAlias is not null || table.Key[0].DeclaredType.Contains("INT", StringComparison.OrdinalIgnoreCase))
        && !table.ForeignKeys.Any(f => f.Columns.Contains(table.Key[0].Name, SqlName.Comparer));

    private Collation CollationOf(TableSchema table, ColumnSchema column)
    {
        switch (column.Collation.ToUpperInvariant())
        {
            case "BINARY":
                return Collation.Binary;
            case "NOCASE":
                return Collation.NoCase;
            case "RTRIM":
                return Collation.RTrim;
            default:
                _warnings.Add($"{table.Name}.{column.Name}: the collation {column.Collation} belongs to the app; keys are compared byte by byte.");
                return Collation.Binary;
        }
    }

    private IEnumerable<UniqueKey> UniqueKeysOf(TableSchema table)
    {
        foreach (var index in table.UniqueIndexes.Where(i => !i.IsKey))
        {
            if (index.Where is not null || index.Terms.Any(t => t.Column is null || table.Find(t.Column) is null or { Generated: true }))
            {
                _warnings.Add($"{table.Name}: the unique index {index.Name} is partial or on an expression; it is checked on the devices, not by the server.");
                continue;
            }

            yield return new UniqueKey { Fields = [.. index.Terms.Select(t => table.Find(t.Column!)!.Name)] };
        }
    }

    private Relation? RelationOf(TableSchema table, ForeignKeySchema key, List<TableSchema> tables, HashSet<string> names)
    {
        if (!names.TryGetValue(key.Target, out var targetName))
        {
            _leftOut.Add(($"{table.Name}({string.Join(", ", key.Columns)})", $"The reference to {key.Target} is not kept, because that table is not synced."));
            return null;
        }

        var target = tables.First(t => t.Name == targetName);
        var columns = key.Columns.Select(c => table.Find(c)!).ToArray();
        var targetKey = target.Key.Select(c => c.Name).ToArray();
        var targetColumns = key.TargetColumns.Count == 0 ? targetKey : [.. key.TargetColumns.Select(c => target.Find(c)?.Name ?? c)];
        if (columns.Length != targetColumns.Length || columns.Any(c => c.Generated))
        {
            _leftOut.Add(($"{table.Name}({string.Join(", ", key.Columns)})", $"The reference to {key.Target} does not fit the columns it names."));
            return null;
        }

        if (!IsUnique(target, targetColumns))
        {
            _leftOut.Add(($"{table.Name}({string.Join(", ", key.Columns)})", $"The reference leads to {key.Target}({string.Join(", ", targetColumns)}), which is neither its key nor unique: SQLite itself cannot follow it."));
            return null;
        }

        var required = columns.All(c => c.NotNull || c.KeyPlace > 0);
        return new Relation
        {
            Fields = [.. columns.Select(c => c.Name)],
            Target = target.Name,
            TargetFields = targetColumns.SequenceEqual(targetKey, StringComparer.Ordinal) ? [] : targetColumns,
            Required = required,
            OnDelete = key.OnDelete.ToUpperInvariant() switch
            {
                "CASCADE" => DeleteRule.Cascade,
                "SET NULL" when !columns.Any(c => c.NotNull || c.KeyPlace > 0) => DeleteRule.SetNull,
                _ => DeleteRule.Restrict,
            },
        };
    }

    private static bool IsUnique(TableSchema target, string[] columns) =>
        target.Key.Select(c => c.Name).ToHashSet(SqlName.Comparer).SetEquals(columns)
        || target.UniqueIndexes.Any(i => i.Where is null && i.Terms.All(t => t.Column is { } c && target.Find(c) is { Generated: false }) && i.Terms.Select(t => t.Column!).ToHashSet(SqlName.Comparer).SetEquals(columns));

    // The whole schema of the app, so that a clone has it too; tables that are not synced come empty.
    private List<SchemaObject> Objects(IReadOnlyList<TableSchema> all)
    {
        var hidden = all.Where(t => t.Kind is TableKind.Virtual or TableKind.Shadow).Select(t => t.Name).ToHashSet(SqlName.Comparer);
        return [.. SchemaReader.ReadObjects(connection).Where(o =>
            !hidden.Contains(o.Table) && !hidden.Contains(o.Name)
            && !o.Name.StartsWith("_tm_", StringComparison.OrdinalIgnoreCase) && !o.Name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))];
    }
}
