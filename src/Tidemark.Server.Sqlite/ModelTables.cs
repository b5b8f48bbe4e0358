using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Makes and grows the tables of a model; the caller's transaction holds it together.</summary>
internal static class ModelTables
{
    public static void Apply(ServerConnection db, SyncModel? from, SyncModel to)
    {
        foreach (var type in to.Entities)
        {
            if (from?.Find(type.Name) is { } former)
            {
                Grow(db, former, type);
            }
            else
            {
                foreach (var statement in ServerSchema.CreateTypeStatements(type))
                {
                    db.Connection.Run(statement);
                }
            }

            foreach (var statement in ServerSchema.IndexStatements(type).Concat(ServerSchema.TriggerStatements(type)))
            {
                db.Connection.Run(statement);
            }
        }

        db.Connection.Run("INSERT OR REPLACE INTO _tm_meta(key, value) VALUES('model', ?1)", Value.Blob(SyncModelJson.ToUtf8(to)));
    }

    private static void Grow(ServerConnection db, EntityType from, EntityType to)
    {
        foreach (var field in to.Fields.Where(f => from.FindOrdinal(f.Name) < 0))
        {
            db.Connection.Run($"ALTER TABLE {SqlName.Quote(to.Name)} ADD COLUMN {ServerSchema.Column(field)}");
        }
    }
}
