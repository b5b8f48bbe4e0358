using Microsoft.Data.Sqlite;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>Puts the capture triggers into a file, takes them out, and tells which types lack them. Runs in the caller's transaction.</summary>
public static class CaptureInstaller
{
    /// <summary>Replaces every capture trigger of the file by the wanted ones.</summary>
    public static void Install(SqliteConnection connection, SyncModel model, IReadOnlyDictionary<string, int> numbers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(numbers);
        Remove(connection);
        foreach (var trigger in model.Entities.SelectMany(type => Wanted(connection, type, numbers)))
        {
            connection.Run(trigger.Sql);
        }
    }

    public static void Remove(SqliteConnection connection)
    {
        foreach (var name in Existing(connection).Keys)
        {
            connection.Run("DROP TRIGGER " + SqlName.Quote(name));
        }
    }

    /// <summary>Entity types whose triggers are missing or are not, letter by letter, the wanted ones.</summary>
    public static IReadOnlyList<string> Missing(SqliteConnection connection, SyncModel model, IReadOnlyDictionary<string, int> numbers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(numbers);
        var existing = Existing(connection);
        return [.. model.Entities
            .Where(type => Wanted(connection, type, numbers).Any(t => !existing.TryGetValue(t.Name, out var sql) || !string.Equals(sql, t.Sql, StringComparison.Ordinal)))
            .Select(type => type.Name)];
    }

    private static IReadOnlyList<CaptureTrigger> Wanted(SqliteConnection connection, EntityType type, IReadOnlyDictionary<string, int> numbers) =>
        SchemaReader.Read(connection, type.TableName) is { } table
            ? CaptureTriggers.For(type, numbers[type.Name], table)
            : throw new StoreException(StoreTrouble.SchemaMismatch, $"There is no table {type.TableName} for the entity type {type.Name}.");

    private static Dictionary<string, string> Existing(SqliteConnection connection) =>
        connection.Query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?1 ESCAPE '\\'", Value.Text(CaptureTables.TriggerPrefix.Replace("_", "\\_", StringComparison.Ordinal) + "%"))
            .ToDictionary(r => r[0].AsText, r => r[1].AsText, StringComparer.Ordinal);
}
