using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>Many new rows of a type, by COPY: an insert from arrays takes half as much time again on both sides, and of few the round trip is more than that.</summary>
internal static class RowCopy
{
    /// <summary>Of fewer the round trips are more than they save.</summary>
    public const int RowsMin = 200;

    private const int PartBytes = 64 * 1024;
    private const int OwnColumns = 6; // The space, the version and the origin.

    public static bool Serves(TypeQueries type) => type.Tables.Columns.All(c => c.IsCopied);

    public static string Sql(TypeQueries type) =>
        $"COPY {type.Tables.Live}(space_id, {string.Join(", ", type.Tables.Columns.Select(c => c.Name))}, _tm_version, _tm_device, _tm_command, _tm_offered, _tm_made_by) FROM STDIN (FORMAT BINARY)";

    /// <summary>The rows in the order of their keys. A part is valid until the next.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Parts(TypeQueries type, SpaceId space, List<StoredRow> rows, long position)
    {
        rows.Sort((a, b) => a.Row.Key.CompareTo(b.Row.Key));
        var columns = type.Tables.Columns;
        using var writer = new PgWriter(2 * PartBytes);
        writer.Begin();
        foreach (var stored in rows)
        {
            writer.BeginRow(columns.Count + OwnColumns);
            writer.Write(space.Value);
            for (var i = 0; i < columns.Count; i++)
            {
                columns[i].WriteTo(writer, stored.Row[i]);
            }

            writer.Write(position);
            Write(writer, stored.Origin);
            if (writer.Length >= PartBytes)
            {
                yield return writer.Written;
                writer.Clear();
            }
        }

        writer.End();
        yield return writer.Written;
    }

    private static void Write(PgWriter writer, RowOrigin origin)
    {
        if (origin.Device is { } device)
        {
            writer.Write(device);
        }
        else
        {
            writer.WriteNull();
        }

        Write(writer, origin.Command);
        if (origin.Offered is { } offered)
        {
            writer.Write(offered);
        }
        else
        {
            writer.WriteNull();
        }

        Write(writer, origin.MadeBy);
    }

    private static void Write(PgWriter writer, Guid? id)
    {
        if (id is { } value)
        {
            writer.Write(value);
        }
        else
        {
            writer.WriteNull();
        }
    }
}
