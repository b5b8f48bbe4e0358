using Npgsql;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>The row in the line of changes on which a reader stands.</summary>
internal sealed class LineRow(TypeQueries queries, NpgsqlDataReader reader) : IUnreadRow
{
    public Row Read() => queries.RowAt(reader, TypeQueries.FirstColumn);

    public bool TryWrite(CanonicalJsonWriter json, int ordinal) => queries.Tables.Columns[ordinal].TryWrite(reader, TypeQueries.FirstColumn + ordinal, json);
}
