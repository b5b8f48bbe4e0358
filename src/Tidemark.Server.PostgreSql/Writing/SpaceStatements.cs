using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.PostgreSql.Verdicts;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>What is written of a space besides rows and verdicts. Parameter 1 is always the space.</summary>
internal static class SpaceStatements
{
    public static NpgsqlBatchCommand TakeTurn(string schema, SpaceId space) =>
        TypeQueries.Spaced($"SELECT 1 FROM {schema}._tm_turn WHERE space_id = $1 FOR UPDATE", space);

    /// <summary>A space is made by itself, before its first transaction: whoever comes second finds it.</summary>
    public static IEnumerable<NpgsqlBatchCommand> MakeSpace(string schema, SpaceId space, string epoch, string token)
    {
        yield return TypeQueries.Spaced($"INSERT INTO {schema}._tm_turn(space_id) VALUES ($1) ON CONFLICT DO NOTHING", space);
        var made = TypeQueries.Spaced(
            $"WITH made AS (INSERT INTO {schema}._tm_space(space_id, epoch, head, token, compacted) VALUES ($1, $2, 0, $3, 0) ON CONFLICT DO NOTHING RETURNING space_id, token) INSERT INTO {schema}._tm_commit(space_id, position, token) SELECT space_id, 0, token FROM made WHERE space_id = $1",
            space);
        made.Parameters.Add(new NpgsqlParameter<string> { TypedValue = epoch });
        made.Parameters.Add(new NpgsqlParameter<string> { TypedValue = token });
        yield return made;
    }

    /// <summary>Locks the head and moves it to the position, if that is ahead of it: the first statement has the space's state then.</summary>
    public static IEnumerable<NpgsqlBatchCommand> TakePosition(string schema, SpaceId space, Mark mark)
    {
        yield return Marked($"UPDATE {schema}._tm_space SET head = $2, token = $3 WHERE space_id = $1 AND head < $2 RETURNING epoch, head, token, compacted", space, mark);
        yield return Marked($"INSERT INTO {schema}._tm_commit(space_id, position, token) SELECT space_id, head, token FROM {schema}._tm_space WHERE space_id = $1 AND head = $2 AND token = $3", space, mark);
    }

    public static NpgsqlBatchCommand LockHead(string schema, SpaceId space) =>
        TypeQueries.Spaced($"SELECT head FROM {schema}._tm_space WHERE space_id = $1 FOR UPDATE", space);

    public static IEnumerable<NpgsqlBatchCommand> Compact(TypeQueries type, SpaceId space, Position before)
    {
        var schema = type.Tables.Schema;
        if (type.Type.Identity == IdentityModel.ServerAssigned)
        {
            var remember = Before(
                $"INSERT INTO {schema}._tm_counter AS c (space_id, type, last, forgotten) SELECT $1, $3, h.id, h.id FROM ({type.HighestForgotten}) AS h(id) WHERE h.id > 0 ON CONFLICT (space_id, type) DO UPDATE SET last = greatest(c.last, excluded.last), forgotten = greatest(c.forgotten, excluded.forgotten)",
                space, before);
            remember.Parameters.Add(new NpgsqlParameter<string> { TypedValue = type.Type.Name });
            yield return remember;
        }

        yield return Before($"DELETE FROM {type.Tables.Gone} WHERE space_id = $1 AND position < $2", space, before);
    }

    public static IEnumerable<NpgsqlBatchCommand> Compact(string schema, SpaceId space, Retained retained)
    {
        yield return Before($"DELETE FROM {VerdictStatements.Table(schema)} WHERE space_id = $1 AND position < $2", space, retained.Deletions);
        yield return Before($"DELETE FROM {schema}._tm_commit WHERE space_id = $1 AND position < (SELECT max(c.position) FROM {schema}._tm_commit c WHERE c.space_id = $1 AND c.position < $2)", space, retained.Commits);
        yield return Before($"UPDATE {schema}._tm_space SET compacted = greatest(compacted, least($2, head)) WHERE space_id = $1", space, retained.Deletions);
    }

    private static NpgsqlBatchCommand Before(string sql, SpaceId space, Position before)
    {
        var command = TypeQueries.Spaced(sql, space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = before.Value });
        return command;
    }

    private static NpgsqlBatchCommand Marked(string sql, SpaceId space, Mark mark)
    {
        var command = TypeQueries.Spaced(sql, space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = mark.Position });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = mark.Token });
        return command;
    }
}
