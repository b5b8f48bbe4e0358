using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>A live row as the table holds it and as the app sees it; they differ for rows that are softly deleted.</summary>
internal readonly record struct LiveRow(Row? Any, Row? Visible)
{
    public bool Exists => Any is not null;
}

/// <summary>Reading live rows with the type's soft-delete rule.</summary>
internal static class LiveRows
{
    public static LiveRow Read(StoreSession session, EntityTable table, EntityKey key)
    {
        var row = table.ReadLive(session.Db, key);
        return new LiveRow(row, row is not null && IsSoftlyDeleted(row) ? null : row);
    }

    public static bool IsSoftlyDeleted(Row row)
    {
        if (row.Type.SoftDelete is not { } field)
        {
            return false;
        }

        var value = row[field];
        return !value.IsNull && !value.IsAbsent && !(value.Kind == ValueKind.Integer && value.AsInteger == 0);
    }

    /// <summary>The value that marks a row as deleted at a time.</summary>
    public static Value DeletedMark(EntityType type, DateTimeOffset at) => type.Fields[type.OrdinalOf(type.SoftDelete!)].Type switch
    {
        FieldType.Boolean or FieldType.Integer => Value.Integer(1),
        _ => Value.Text(Tidemark.Model.Protocol.WireTime.ToText(at)),
    };
}
