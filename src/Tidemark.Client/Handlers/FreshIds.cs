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
            Math.Max(Expected(), alsoTaken.Select(k => k[0].Kind == ValueKind.Integer ? k[0].AsInteger : 0).DefaultIfEmpty().Max()));
        _last++;
        return EntityKey.Of(_last.Value);
    }

    // Ids of rows that have not come yet: others refer to them, or they are put aside.
    // Numbers sort before texts: an index on the reference finds the last one.
    private long Expected()
    {
        var last = session.HasAside ? session.Db.ScalarInt64("SELECT max(CAST(key AS INTEGER)) FROM _tm_aside WHERE type = ?1", Value.Text(table.Type.Name)) : 0;
        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.TargetsKey))
        {
            var child = session.Table(edge.Source);
            var column = child.ColumnOf(edge.SourceOrdinals[0]);
            last = Math.Max(last, session.Db.ScalarInt64($"SELECT max({column}) FROM {child.Name} WHERE {column} < ''"));
        }

        return last;
    }

    private bool HasIntegers() =>
        session.Db.ScalarInt64($"SELECT NOT EXISTS(SELECT 1 FROM {table.Name} WHERE typeof({table.KeyColumns[0]}) <> 'integer')") != 0;
}
