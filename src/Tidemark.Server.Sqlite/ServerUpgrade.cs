using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Brings the file of an older server to this one's format: what it has not is added, in one transaction. No row is written; a file that is new enough is not touched.</summary>
internal static class ServerUpgrade
{
    private const long WithMakers = 2;
    private const long WithLeases = 3;

    public static void Run(ServerConnection db, string file, Func<SyncModel?> readModel)
    {
        if (FormatOf(db, file) == ServerSchema.FormatVersion)
        {
            return;
        }

        db.Execute("BEGIN IMMEDIATE");
        try
        {
            // Another process may have done it meanwhile.
            var format = FormatOf(db, file);
            if (format < ServerSchema.FormatVersion)
            {
                if (format < WithMakers)
                {
                    AddMakers(db, readModel());
                }

                if (format < WithLeases)
                {
                    db.Connection.Run(ServerSchema.CreateLease);
                }

                foreach (var table in new[] { ServerSchema.CreateShared, ServerSchema.CreateMember, ServerSchema.CreateMemberUser, ServerSchema.CreateInvitation })
                {
                    db.Connection.Run(table);
                }

                db.Connection.Run("UPDATE _tm_meta SET value = ?1 WHERE key = 'server_format'", Value.Integer(ServerSchema.FormatVersion));
            }

            db.Execute("COMMIT");
        }
        catch
        {
            if (!db.Connection.IsAutocommit())
            {
                db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    private static long FormatOf(ServerConnection db, string file)
    {
        var format = db.Connection.Scalar("SELECT value FROM _tm_meta WHERE key = 'server_format'");
        if (format.Kind != ValueKind.Integer)
        {
            throw new StoreException(StoreTrouble.SchemaMismatch, $"{file}: This is a device's store, not a server's file. Give the server a folder of its own with --data.");
        }

        return format.AsInteger switch
        {
            > ServerSchema.FormatVersion => throw new StoreException(
                StoreTrouble.NewerVersion,
                $"{file}: The file was written by a newer server (format {format.AsInteger}; this one knows {ServerSchema.FormatVersion}). Upgrade this program; nothing was changed."),
            < 1 => throw new StoreException(StoreTrouble.Damaged, $"{file}: No server writes format {format.AsInteger}: the file is damaged. Restore it from a backup."),
            _ => format.AsInteger,
        };
    }

    // Format 2: which CREATE made a row. Nothing tells it of the rows that are there already; they have none.
    private static void AddMakers(ServerConnection db, SyncModel? model)
    {
        db.Connection.Run(ServerSchema.CreateMade);
        foreach (var type in model?.Entities ?? [])
        {
            db.Connection.Run($"ALTER TABLE {SqlName.Quote(type.Name)} ADD COLUMN {ServerSchema.RowMaker}");
            db.Connection.Run($"ALTER TABLE {ServerSchema.GoneTable(type)} ADD COLUMN {ServerSchema.GoneMaker}");
        }
    }
}
