using Microsoft.Data.Sqlite;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>Puts the capture triggers into a file, takes them out, and tells which types lack them. Runs in the caller's transaction.</summary>
public static class CaptureInstaller
{
    /// <summary>Puts the triggers of all types in place; whatever stood under Tidemark's names is replaced.</summary>
    /// <exception cref="StoreException">A table of the model is missing.</exception>
    public static void Install(SqliteConnection connection, SyncModel model, IReadOnlyDictionary<string, int> typeNumbers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(typeNumbers);
        Remove(connection);
        foreach (var type in model.Entities)
        {
            foreach (var trigger in Wanted(connection, type, typeNumbers[type.Name]))
            {
                connection.Run(trigger.Sql);
            }
        }
    }

    /// <summary>Takes all of Tidemark's triggers away: before a migration, or for good.</summary>
    public static void Remove(SqliteConnection connection)
    {
        foreach (var name in Installed(connection).Keys)
        {
            connection.Run("DROP TRIGGER " + SqlName.Quote(name));
        }
    }

    /// <summary>The names of the types whose triggers in the file are not exactly the wanted ones: lost, changed, or too many.</summary>
    public static IReadOnlyList<string> Missing(SqliteConnection connection, SyncModel model, IReadOnlyDictionary<string, int> typeNumbers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(typeNumbers);
        var installed = Installed(connection);
        var missing = new List<string>();
        foreach (var type in model.Entities)
        {
            var number = typeNumbers[type.Name];
            var wanted = Wanted(connection, type, number);
            var standing = installed.Where(t => t.Key.StartsWith(CaptureTables.TriggersOf(number), StringComparison.Ordinal)).ToList();
            if (standing.Count != wanted.Count || !wanted.All(w => installed.TryGetValue(w.Name, out var sql) && string.Equals(sql, w.Sql, StringComparison.Ordinal)))
            {
                missing.Add(type.Name);
            }
        }

        return missing;
    }

    /// <summary>Triggers under Tidemark's names that belong to none of these types.</summary>
    public static IReadOnlyList<string> Strange(SqliteConnection connection, IEnumerable<int> typeNumbers)
    {
        var prefixes = typeNumbers.Select(CaptureTables.TriggersOf).ToList();
        return [.. Installed(connection).Keys.Where(name => !prefixes.Exists(p => name.StartsWith(p, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];
    }

    private static IReadOnlyList<CaptureTrigger> Wanted(SqliteConnection connection, EntityType type, int number)
    {
        var table = SchemaReader.Read(connection, type.TableName);
        if (table is not { Kind: TableKind.Table })
        {
            throw new StoreException(StoreTrouble.SchemaMismatch, $"{connection.DataSource}: The table {type.TableName} of the model is not in the file. Bring it back, or adopt the file anew.");
        }

        return CaptureTriggers.For(type, number, table);
    }

    // In a damaged file a name may stand twice, and what was text may be none: such a trigger is none of ours.
    private static Dictionary<string, string> Installed(SqliteConnection connection)
    {
        var installed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in connection.Query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, ?1) = ?2", Value.Integer(CaptureTables.TriggerPrefix.Length), Value.Text(CaptureTables.TriggerPrefix)))
        {
            if (row[0].Kind == ValueKind.Text && row[1].Kind == ValueKind.Text)
            {
                installed[row[0].AsText] = row[1].AsText;
            }
        }

        return installed;
    }
}
