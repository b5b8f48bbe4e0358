using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>
/// Brings the metadata of an older file to this version's form: what a new store has and the file has not - tables, indexes, columns - is added.
/// One transaction; a file that is new enough is not written.
/// </summary>
internal static class StoreUpgrade
{
    public static void Run(StoreConnection db, SyncModel model, long nowMs)
    {
        var meta = new MetaRepository(db);
        if (meta.Integer(MetaRepository.Format) >= StoreSchema.FormatVersion)
        {
            return;
        }

        using var turn = db.EnterGate();
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            // Another process may have done it meanwhile.
            if (meta.Integer(MetaRepository.Format) < StoreSchema.FormatVersion)
            {
                AddMissing(db, model);
                if (SeveralSchema.Exists(db))
                {
                    // When it was is not known: before now.
                    db.Execute("UPDATE _tm_owed SET refused_at = ?1 WHERE code IS NOT NULL AND refused_at IS NULL", Value.Integer(nowMs));
                }

                meta.Set(MetaRepository.Format, Value.Integer(StoreSchema.FormatVersion));
            }

            db.Execute("COMMIT");
        }
        catch
        {
            if (SQLitePCL.raw.sqlite3_get_autocommit(db.Connection.Handle) == 0)
            {
                db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    private static void AddMissing(StoreConnection db, SyncModel model)
    {
        using var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        using var wanted = new StoreConnection(connection, ownsConnection: false);
        var types = db.Query("SELECT n, name FROM _tm_type ORDER BY n", s => ((int)s.ColumnInt64(0), s.Text(1)));
        foreach (var statement in StoreSchema.CreateStatements
            .Concat(SeveralSchema.Exists(db) ? SeveralSchema.CreateStatements : [])
            .Concat(types.Where(t => model.Find(t.Item2) is not null).SelectMany(t => StoreSchema.CreateTypeStatements(t.Item1, model.Get(t.Item2)))))
        {
            wanted.Execute(statement);
        }

        foreach (var (name, type, sql) in wanted.Query("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, rowid", s => (s.Text(0), s.Text(1), s.Text(2))))
        {
            if (db.ScalarInt64("SELECT count(*) FROM sqlite_master WHERE name = ?1", Value.Text(name)) == 0)
            {
                db.Execute(sql);
            }
            else if (type == "table")
            {
                AddColumns(db, wanted, name);
            }
        }
    }

    private static void AddColumns(StoreConnection db, StoreConnection wanted, string table)
    {
        var there = db.Query("SELECT name FROM pragma_table_info(?1)", s => s.Text(0), Value.Text(table)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, type, isNotNull, preset) in wanted.Query(
            "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info(?1)", s => (s.Text(0), s.Text(1), s.ColumnInt64(2) != 0, s.TextOrNull(3)), Value.Text(table)))
        {
            if (!there.Contains(name))
            {
                db.Execute($"ALTER TABLE {table} ADD COLUMN {name} {type}{(preset is null ? "" : $" DEFAULT {preset}")}{(isNotNull && preset is not null ? " NOT NULL" : "")}");
            }
        }
    }
}
