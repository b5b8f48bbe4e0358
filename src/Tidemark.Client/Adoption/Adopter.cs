using Microsoft.Data.Sqlite;
using Tidemark.Client.Capture;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Client.Adoption;

/// <summary>Makes a store of an existing database, or a new database of a model. The app's tables are not altered.</summary>
public static class Adopter
{
    /// <summary>Reads the file as a model and puts capture in place; existing rows are noted for the first sync.</summary>
    /// <exception cref="StoreException">The file is in trouble, or a store already.</exception>
    /// <exception cref="ArgumentException">A named table does not exist.</exception>
    public static AdoptionReport Adopt(string path, AdoptionOptions options, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        var file = SqliteFile.CanonicalPath(path);
        using var connection = SqliteFile.Open(file, new OpenOptions { BusyTimeout = options.BusyTimeout, Checkpoints = true });
        if (LocalStore.IsStore(connection))
        {
            throw new StoreException(StoreTrouble.SchemaMismatch, $"{file}: This file is a Tidemark store already; there is nothing to adopt. `tidemark status` shows it.");
        }

        var (report, triggers) = Decide(connection, options);
        StoreCreator.Create(connection, report.Model, environment, options.FirstSync, () => AppTriggers.Guard(connection, triggers));
        return report with { Triggers = [.. triggers.Select(t => $"{t.Name} on {t.Table}: {t.Reason}")] };
    }

    /// <summary>A new file with the model's own schema and no rows; the first pull fills it.</summary>
    public static void CreateEmpty(string path, SyncModel model, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(environment);
        if (model.Schema.Count == 0)
        {
            throw new ArgumentException("The server's model carries no schema of tables, so no file can be made from it. Make the app's tables first and adopt that file.", nameof(model));
        }

        using var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true, ForeignKeys = false });
        foreach (var item in model.Schema.OrderBy(o => o.Kind switch { "table" => 0, "index" => 1, "view" => 2, _ => 3 }))
        {
            connection.Run(item.Sql);
        }

        var triggers = AppTriggers.Classify(connection, TablesOf(model));
        StoreCreator.Create(connection, model, environment, null, () => AppTriggers.Guard(connection, triggers));
    }

    // A table whose trigger cannot be classified is left out; that can change what the triggers of others write, so all are looked at again.
    private static (AdoptionReport Report, IReadOnlyList<AppTriggerDecision> Triggers) Decide(SqliteConnection connection, AdoptionOptions options)
    {
        var refused = new List<(string Name, string Reason)>();
        while (true)
        {
            var report = new ModelFromSqlite(connection, options, [.. refused.Select(r => r.Name)]).Read();
            var triggers = AppTriggers.Classify(connection, TablesOf(report.Model));
            var bad = triggers.Where(t => t.Kind == AppTriggerKind.Refuse).ToList();
            if (bad.Count == 0)
            {
                return (report with { Model = Encrypting(report.Model, options.Encrypt), LeftOut = [.. report.LeftOut, .. refused] }, triggers);
            }

            refused.AddRange(bad.Select(t => (t.Table, $"What its trigger {t.Name} writes cannot be told: {t.Reason}")));
        }
    }

    private static SyncModel Encrypting(SyncModel model, IReadOnlyList<string> columns)
    {
        if (columns.FirstOrDefault(c => !model.Entities.Any(e => e.Fields.Any(f => SqlName.Comparer.Equals(e.TableName + "." + f.ColumnName, c)))) is { } unknown)
        {
            throw new ArgumentException($"There is no column {unknown} among the adopted ones; say table.column.", nameof(columns));
        }

        return columns.Count == 0 ? model : ModelValidator.Checked(model with
        {
            Entities = [.. model.Entities.Select(e => e with
            {
                Fields = [.. e.Fields.Select(f => columns.Any(c => SqlName.Comparer.Equals(e.TableName + "." + f.ColumnName, c)) ? f with { Encrypted = true } : f)],
            })],
        });
    }

    private static string[] TablesOf(SyncModel model) => [.. model.Entities.Select(e => e.TableName)];
}
