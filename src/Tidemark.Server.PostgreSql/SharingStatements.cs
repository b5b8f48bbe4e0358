using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql;

/// <summary>Members and invitations of spaces; few for each space, so they are read and written whole. Parameter 1 is the space, but where a user asks for his.</summary>
internal static class SharingStatements
{
    public static string MembershipsOf(string schema) =>
        $"SELECT m.space_id, m.role, s.name FROM {schema}._tm_member m LEFT JOIN {schema}._tm_shared s ON s.space_id = m.space_id WHERE m.user_id = $1 ORDER BY m.space_id";

    public static Membership MembershipAt(NpgsqlDataReader reader) => new(new SpaceId(reader.GetString(0)), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2));

    public static NpgsqlBatchCommand RoleOf(string schema, SpaceId space, UserId user) =>
        With(TypeQueries.Spaced($"SELECT role FROM {schema}._tm_member WHERE space_id = $1 AND user_id = $2 AND role <> 'removed'", space), user.Value);

    public static IReadOnlyList<NpgsqlBatchCommand> Read(string schema, SpaceId space) =>
    [
        TypeQueries.Spaced($"SELECT name FROM {schema}._tm_shared WHERE space_id = $1", space),
        TypeQueries.Spaced($"SELECT user_id, role, since FROM {schema}._tm_member WHERE space_id = $1 ORDER BY user_id", space),
        TypeQueries.Spaced($"SELECT id, secret_hash, role, invited_by, expires FROM {schema}._tm_invitation WHERE space_id = $1 ORDER BY id", space),
    ];

    /// <summary>What the statements of <see cref="Read"/> gave, one after the other.</summary>
    public static async Task<SharedSpace> AddAsync(SharedSpace shared, int statement, NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var members = new List<StoredMember>();
        var invitations = new List<StoredInvitation>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            switch (statement)
            {
                case 0:
                    return shared with { Name = reader.IsDBNull(0) ? null : reader.GetString(0) };
                case 1:
                    members.Add(new StoredMember(new UserId(reader.GetString(0)), reader.GetString(1), reader.GetInt64(2)));
                    break;
                default:
                    invitations.Add(new StoredInvitation(reader.GetString(0), reader.GetString(1), reader.GetString(2), new UserId(reader.GetString(3)), reader.GetInt64(4)));
                    break;
            }
        }

        return statement switch { 1 => shared with { Members = members }, 2 => shared with { Invitations = invitations }, _ => shared };
    }

    public static IReadOnlyList<NpgsqlBatchCommand> Write(string schema, SpaceId space, SharedSpace shared)
    {
        var commands = new List<NpgsqlBatchCommand>
        {
            With(TypeQueries.Spaced($"INSERT INTO {schema}._tm_shared(space_id, name) VALUES ($1, $2) ON CONFLICT (space_id) DO UPDATE SET name = excluded.name", space), shared.Name),
            TypeQueries.Spaced($"DELETE FROM {schema}._tm_member WHERE space_id = $1", space),
            TypeQueries.Spaced($"DELETE FROM {schema}._tm_invitation WHERE space_id = $1", space),
        };
        commands.AddRange(shared.Members.Select(m => With(
            With(With(TypeQueries.Spaced($"INSERT INTO {schema}._tm_member(space_id, user_id, role, since) VALUES ($1, $2, $3, $4)", space), m.User.Value), m.Role), m.Since)));
        commands.AddRange(shared.Invitations.Select(i => With(
            With(With(With(With(
                TypeQueries.Spaced($"INSERT INTO {schema}._tm_invitation(space_id, id, secret_hash, role, invited_by, expires) VALUES ($1, $2, $3, $4, $5, $6)", space),
                i.Id), i.SecretHash), i.Role), i.By.Value), i.Expires)));
        return commands;
    }

    private static NpgsqlBatchCommand With(NpgsqlBatchCommand command, string? value)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value });
        return command;
    }

    private static NpgsqlBatchCommand With(NpgsqlBatchCommand command, long value)
    {
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
        return command;
    }
}
