using Microsoft.Data.Sqlite;
using Tidemark.Client.Capture;
using Tidemark.Client.Environment;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>What a new store does with the rows that are there already.</summary>
public enum FirstSync
{
    /// <summary>A row's key names the same row everywhere: devices that adopt copies of one file end with one set of rows.</summary>
    Match,

    /// <summary>The rows are this device's own; where the server assigns ids, a taken id is replaced.</summary>
    Append,
}

/// <summary>Makes a store of a database whose tables are there: metadata, capture, notes for the rows it holds. One transaction.</summary>
internal static class StoreCreator
{
    public static void Create(SqliteConnection connection, SyncModel model, SyncEnvironment environment, FirstSync? firstSync, Action guardAppTriggers)
    {
        using var db = new StoreConnection(connection, ownsConnection: false);
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var statement in StoreSchema.CreateStatements)
            {
                db.Execute(statement);
            }

            var numbers = AddTypes(db, model, 1);
            var meta = new MetaRepository(db);
            meta.Set(MetaRepository.Format, Value.Integer(StoreSchema.FormatVersion));
            meta.Set(MetaRepository.StoreId, Value.Text(environment.NewId().ToString("D")));
            meta.Set(MetaRepository.DeviceId, Value.Text(environment.NewId().ToString("D")));
            meta.Set(MetaRepository.Model, Value.Blob(SyncModelJson.ToUtf8(model)));
            db.Execute("INSERT INTO _tm_context(id, user, space) VALUES(1, '', '')");
            db.Execute("INSERT INTO _tm_current(ctx) VALUES(1)");
            db.Execute("INSERT INTO _tm_remote(id, name, ctx) VALUES(1, 'home', 1)");
            guardAppTriggers();
            CaptureInstaller.Install(connection, model, numbers);
            if (firstSync is { } first)
            {
                NoteRows(db, model, numbers, first, environment.NowMs);
            }

            meta.Set(MetaRepository.SchemaVersion, Value.Integer(db.ScalarInt64("PRAGMA schema_version")));
            db.Execute("COMMIT");
        }
        catch
        {
            if (!connection.IsAutocommit())
            {
                db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    private static Dictionary<string, int> AddTypes(StoreConnection db, SyncModel model, int first)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var type in model.Entities)
        {
            var number = first++;
            numbers[type.Name] = number;
            db.Execute("INSERT INTO _tm_type(n, name) VALUES(?1, ?2)", Value.Integer(number), Value.Text(type.Name));
            foreach (var statement in StoreSchema.CreateTypeStatements(number, type))
            {
                db.Execute(statement);
            }
        }

        return numbers;
    }

    private static void NoteRows(StoreConnection db, SyncModel model, Dictionary<string, int> numbers, FirstSync first, long nowMs)
    {
        foreach (var type in model.Graph.SyncOrder)
        {
            var table = new EntityTable(type, numbers[type.Name]);
            db.Execute(
                $"INSERT INTO _tm_touch(type, op, {table.MetaKeys}, at, ctx) SELECT ?1, ?2, {string.Join(", ", table.KeyColumns)}, ?3, 1 FROM {table.Name} ORDER BY {string.Join(", ", table.KeyColumns)}",
                Value.Integer(table.Number), Value.Text(first == FirstSync.Match ? "A" : "I"), Value.Integer(nowMs));
        }
    }
}
