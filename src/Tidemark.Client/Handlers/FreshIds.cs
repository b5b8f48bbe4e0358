using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>Ids that no row of this file has or had, as far as the file knows.</summary>
internal sealed class FreshIds(StoreSession session, EntityTable table, SyncEnvironment environment, IEnumerable<EntityKey> alsoTaken)
{
    private long? _last;

    public EntityKey Take()
    {
        var type = table.Type.Fields[table.Type.KeyOrdinals[0]].Type;
        if (type == FieldType.Uuid || (type == FieldType.Exact && !HasIntegers()))
        {
            return EntityKey.Of(environment.NewId().ToString("D"));
        }

        _last ??= Math.Max(Math.Max(
            session.Db.ScalarInt64($"SELECT max({table.KeyColumns[0]}) FROM {table.Name}"),
            Math.Max(session.Db.ScalarInt64($"SELECT max(k0) FROM {table.RowTable}"), session.Tombstones.MaxId(table.Number))),
            alsoTaken.Select(k => k[0].Kind == ValueKind.Integer ? k[0].AsInteger : 0).DefaultIfEmpty().Max());
        _last++;
        return EntityKey.Of(_last.Value);
    }

    private bool HasIntegers() =>
        session.Db.ScalarInt64($"SELECT NOT EXISTS(SELECT 1 FROM {table.Name} WHERE typeof({table.KeyColumns[0]}) <> 'integer')") != 0;
}
