using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.PostgreSql.Schema;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>Writes the rows of one type with arrays, one statement for all that are new, changed or gone.</summary>
internal static class RowStatements
{
    // No row has this version: were it inserted, it would be noticed.
    private const long Unread = -1;

    /// <summary>The statements for entries of one type, each with the number of rows it must meet; null where any number will do.</summary>
    /// <param name="type">The type.</param>
    /// <param name="space">The space.</param>
    /// <param name="entries">What was written.</param>
    /// <param name="position">The version they get.</param>
    /// <param name="again">They were written in this transaction already, with another position.</param>
    public static IEnumerable<(NpgsqlBatchCommand Command, int? Rows)> Write(TypeQueries type, SpaceId space, List<RowEntry> entries, long position, bool again)
    {
        // In one order everywhere, so that two writers meet at the first row they share.
        entries.Sort((a, b) => a.Key.CompareTo(b.Key));
        var inserted = again ? [] : entries.FindAll(e => e.IsNew);
        var updated = entries.FindAll(e => e.Row is not null && (again || (e.Met is not null && !ReferenceEquals(e.Row, e.Sent))));
        var deleted = again ? [] : entries.FindAll(e => e.Row is null && e.Met is not null);
        var revived = again ? [] : entries.FindAll(e => e.Row is not null && e.StoredGone is not null);
        var gone = entries.FindAll(e => e.Gone is not null && e.Row is null);
        if (deleted.Count > 0)
        {
            yield return (Delete(type, space, deleted), deleted.Count);
        }

        if (updated.Count > 0)
        {
            yield return (Update(type, space, updated, position, again), updated.Count);
        }

        if (inserted.Count > 0)
        {
            yield return (Insert(type, space, inserted, position), inserted.Count);
        }

        if (revived.Count > 0)
        {
            yield return (Revive(type, space, revived), null);
        }

        if (gone.Count > 0)
        {
            yield return (Bury(type, space, gone, position), null);
        }
    }

    private static NpgsqlBatchCommand Insert(TypeQueries type, SpaceId space, List<RowEntry> rows, long position)
    {
        var t = type.Tables;
        var count = t.Columns.Count;
        var sent = t.Columns.Select((c, i) => $"${i + 3}::{c.ArrayType}").Concat(OriginArrays(count + 3));
        var names = t.Columns.Select((_, i) => "c" + i).Concat(["d", "m", "f", "b"]);
        var columns = string.Join(", ", t.Columns.Select(c => c.Name));
        var values = string.Join(", ", t.Columns.Select((c, i) => c.Received("u.c" + i)));
        var command = Stamped($"INSERT INTO {t.Live}(space_id, {columns}, _tm_version, _tm_device, _tm_command, _tm_offered, _tm_made_by) SELECT $1, {values}, $2, u.d, u.m, u.f, u.b FROM unnest({string.Join(", ", sent)}) AS u({string.Join(", ", names)})", space, position);
        AddValues(command, t.Columns, Enumerable.Range(0, count), rows);
        AddOrigins(command, rows.Count, i => rows[i].Row!.Origin);
        return command;
    }

    // ON CONFLICT goes by the key's index, row by row; a join might be planned the other way round. The version that was read travels in the version's column: a row that
    // has another one by now is not touched, and one that is gone would be inserted, which the result tells.
    private static NpgsqlBatchCommand Update(TypeQueries type, SpaceId space, List<RowEntry> rows, long position, bool again)
    {
        var t = type.Tables;
        var count = t.Columns.Count;
        var sent = t.Columns.Select((c, i) => $"${i + 3}::{c.ArrayType}").Append($"${count + 3}::bigint[]").Concat(OriginArrays(count + 4));
        var names = t.Columns.Select((_, i) => "c" + i).Concat(["v", "d", "m", "f", "b"]);
        var columns = string.Join(", ", t.Columns.Select(c => c.Name));
        var values = string.Join(", ", t.Columns.Select((c, i) => c.Received("u.c" + i)));
        var sets = t.Columns.Where((_, i) => !type.Type.IsKey(i)).Select(c => c.Name).Concat(["_tm_device", "_tm_command", "_tm_offered", "_tm_made_by"]).Select(c => $"{c} = excluded.{c}").Append("_tm_version = $2");
        var conflict = string.Join(", ", t.FoldedKeys().Select(TypeTables.Parenthesized));
        var command = Stamped(
            $"WITH written AS (INSERT INTO {t.Live} AS t (space_id, {columns}, _tm_version, _tm_device, _tm_command, _tm_offered, _tm_made_by) SELECT $1, {values}, u.v, u.d, u.m, u.f, u.b FROM unnest({string.Join(", ", sent)}) AS u({string.Join(", ", names)}) ON CONFLICT (space_id, {conflict}) DO UPDATE SET {string.Join(", ", sets)}{(again ? "" : " WHERE t._tm_version = excluded._tm_version")} RETURNING (xmax <> 0) AS was_there) SELECT count(*) FROM written WHERE was_there",
            space, position);
        AddValues(command, t.Columns, Enumerable.Range(0, count), rows);
        command.Parameters.Add(Array(NpgsqlDbType.Bigint, Fill(rows.Count, i => again || rows[i].Met is not { } met ? Unread : met.Version)));
        AddOrigins(command, rows.Count, i => rows[i].Row!.Origin);
        return command;
    }

    private static NpgsqlBatchCommand Delete(TypeQueries type, SpaceId space, List<RowEntry> rows)
    {
        var t = type.Tables;
        var sent = t.Keys.Select((k, i) => $"${i + 3}::{k.ArrayType}");
        var match = TypeTables.Match(t.FoldedKeys("x"), t.Keys.Select((_, i) => t.FoldedSent(i, "u.p" + i)));
        var command = TypeQueries.Spaced($"DELETE FROM {t.Live} t WHERE t.space_id = $1 AND t._tm_version = ANY($2) AND t.ctid = ANY({Places(t.Live, t, sent, match, " AND x._tm_version = u.v", ", v", ", $2::bigint[]")})", space);
        command.Parameters.Add(Array(NpgsqlDbType.Bigint, Fill(rows.Count, i => rows[i].Met!.Version)));
        AddKeys(command, t.Keys, rows);
        return command;
    }

    private static NpgsqlBatchCommand Revive(TypeQueries type, SpaceId space, List<RowEntry> rows)
    {
        var t = type.Tables;
        var sent = t.Keys.Select((k, i) => $"${i + 2}::{k.ArrayType}");
        var match = TypeTables.Match(t.FoldedGoneKeys("x"), t.Keys.Select((_, i) => t.FoldedSent(i, "u.p" + i)));
        var command = TypeQueries.Spaced($"DELETE FROM {t.Gone} t WHERE t.space_id = $1 AND t.ctid = ANY({Places(t.Gone, t, sent, match, "", "", "")})", space);
        AddKeys(command, t.Keys, rows);
        return command;
    }

    // Where the rows of many keys stand, each found by the key's index.
    private static string Places(string table, TypeTables t, IEnumerable<string> sent, string match, string also, string alsoName, string alsoSent) =>
        $"ARRAY(SELECT p.at FROM unnest({string.Join(", ", sent)}{alsoSent}) AS u({string.Join(", ", Enumerable.Range(0, t.Keys.Count).Select(i => "p" + i))}{alsoName}) CROSS JOIN LATERAL (SELECT x.ctid AS at FROM {table} x WHERE x.space_id = $1 AND {match}{also} OFFSET 0) p)";

    private static NpgsqlBatchCommand Bury(TypeQueries type, SpaceId space, List<RowEntry> rows, long position)
    {
        var t = type.Tables;
        var keys = t.Keys.Count;
        var columns = string.Join(", ", Enumerable.Range(0, keys).Select(i => "k" + i));
        var sent = t.Keys.Select((k, i) => $"${i + 3}::{k.ArrayType}").Concat(OriginArrays(keys + 3));
        var names = Enumerable.Range(0, keys).Select(i => "p" + i).Concat(["d", "m", "f", "b"]);
        var values = string.Join(", ", t.Keys.Select((k, i) => k.Received("u.p" + i)));
        var conflict = string.Join(", ", t.FoldedGoneKeys().Select(TypeTables.Parenthesized));
        var command = Stamped($"INSERT INTO {t.Gone}(space_id, {columns}, position, device, command, offered, made_by) SELECT $1, {values}, $2, u.d, u.m, u.f, u.b FROM unnest({string.Join(", ", sent)}) AS u({string.Join(", ", names)}) ON CONFLICT (space_id, {conflict}) DO UPDATE SET position = excluded.position, device = excluded.device, command = excluded.command, offered = excluded.offered, made_by = excluded.made_by", space, position);
        for (var i = 0; i < keys; i++)
        {
            var part = i;
            command.Parameters.Add(t.Keys[i].Many(rows.Count, n => rows[n].Gone!.Key[part]));
        }

        AddOrigins(command, rows.Count, i => rows[i].Gone!.Origin);
        return command;
    }

    private static NpgsqlBatchCommand Stamped(string sql, SpaceId space, long position)
    {
        var command = TypeQueries.Spaced(sql, space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = position });
        return command;
    }

    private static string[] OriginArrays(int first) => [$"${first}::text[]", $"${first + 1}::uuid[]", $"${first + 2}::bigint[]", $"${first + 3}::uuid[]"];

    private static void AddKeys(NpgsqlBatchCommand command, IReadOnlyList<ColumnForm> keys, List<RowEntry> rows)
    {
        for (var i = 0; i < keys.Count; i++)
        {
            var part = i;
            command.Parameters.Add(keys[i].Many(rows.Count, n => rows[n].Key[part]));
        }
    }

    private static void AddValues(NpgsqlBatchCommand command, IReadOnlyList<ColumnForm> columns, IEnumerable<int> ordinals, List<RowEntry> rows)
    {
        foreach (var ordinal in ordinals)
        {
            command.Parameters.Add(columns[ordinal].Many(rows.Count, n => rows[n].Row!.Row[ordinal]));
        }
    }

    private static void AddOrigins(NpgsqlBatchCommand command, int count, Func<int, RowOrigin> origin)
    {
        command.Parameters.Add(Array(NpgsqlDbType.Text, Fill(count, i => origin(i).Device)));
        command.Parameters.Add(Array(NpgsqlDbType.Uuid, Fill(count, i => origin(i).Command)));
        command.Parameters.Add(Array(NpgsqlDbType.Bigint, Fill(count, i => origin(i).Offered)));
        command.Parameters.Add(Array(NpgsqlDbType.Uuid, Fill(count, i => origin(i).MadeBy)));
    }

    private static NpgsqlParameter Array(NpgsqlDbType type, object values) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = values };

    private static T[] Fill<T>(int count, Func<int, T> valueOf)
    {
        var values = new T[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = valueOf(i);
        }

        return values;
    }
}
