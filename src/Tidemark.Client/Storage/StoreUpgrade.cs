using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Brings the metadata of an older file to this version's form. One transaction; a file that is new enough is not written.</summary>
internal static class StoreUpgrade
{
    // From format 1: what conflicts are told and replayed by, how often a row came back, what was accepted.
    private static readonly string[] ToSecond =
    [
        "ALTER TABLE _tm_conflict ADD COLUMN server_deleted INTEGER",
        "ALTER TABLE _tm_conflict ADD COLUMN reason TEXT",
        "ALTER TABLE _tm_conflict ADD COLUMN policies TEXT",
        "ALTER TABLE _tm_conflict ADD COLUMN settlement TEXT",
        "ALTER TABLE _tm_conflict ADD COLUMN settled_at INTEGER",
        StoreSchema.ConflictIndex,
        StoreSchema.RebaseTable,
        StoreSchema.AnswerTable,
    ];

    public static void Run(StoreConnection db)
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
                foreach (var statement in ToSecond)
                {
                    db.Execute(statement);
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
}
