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

        var report = new ModelFromSqlite(connection, options).Read();
        StoreCreator.Create(connection, report.Model, environment, options.FirstSync, () => { });
        return report;
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

        StoreCreator.Create(connection, model, environment, null, () => { });
    }
}
