using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>One type compared.</summary>
public sealed record TypeVerification(string Type, long LocalRows, long ServerRows, string LocalDigest, string ServerDigest)
{
    public bool Equal => LocalRows == ServerRows && string.Equals(LocalDigest, ServerDigest, StringComparison.Ordinal);
}

/// <summary>What a comparison came to.</summary>
public sealed record VerifyReport
{
    public required IReadOnlyList<TypeVerification> Types { get; init; }

    /// <summary>The device has seen everything up to the server's head; else a difference may only mean that a pull is due.</summary>
    public required bool AtHead { get; init; }

    public required long Pending { get; init; }

    public required long DeadLetters { get; init; }

    /// <summary>Pulled rows that could not be applied yet.</summary>
    public required long Aside { get; init; }

    /// <summary>Live rows that differ from what the store believes the remote shows, although no edit of them is noted.</summary>
    public required long Unnoticed { get; init; }

    public bool Equal => Types.All(t => t.Equal) && Unnoticed == 0;
}

/// <summary>Compares base digests with the server's at the head of one snapshot, and live rows with what they should be.</summary>
internal sealed class Verifier(LocalStore store, IRemote remote, SyncOptions options, RemoteConnection connection)
{
    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        await connection.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var server = await remote.GetChecksumsAsync(new ChecksumsRequest { Space = options.Space }, cancellationToken).ConfigureAwait(false);
        var session = store.EngineSession;
        session.Db.Execute("BEGIN");
        try
        {
            var types = new List<TypeVerification>();
            var unnoticed = 0L;
            foreach (var table in session.Tables)
            {
                var digest = BaseDigest(session, table);
                unnoticed += MissedChanges.Find(session, table).Count;
                var other = server.Types.GetValueOrDefault(table.Type.Name) ?? new TypeChecksum(0, default(SetDigest).ToString());
                types.Add(new TypeVerification(table.Type.Name, digest.Rows, other.Rows, digest.ToString(), other.Digest));
            }

            var state = session.Remotes.Read();
            return new VerifyReport
            {
                Types = types,
                AtHead = state.Floor is { } floor && floor.Position >= server.Mark.Position,
                Pending = session.Outbox.ReadLedger().Waiting,
                DeadLetters = session.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE status = 'DEAD_LETTER'"),
                Aside = session.Aside.Count(),
                Unnoticed = unnoticed,
            };
        }
        finally
        {
            session.Db.Execute("ROLLBACK");
        }
    }

    private static SetDigest BaseDigest(StoreSession session, EntityTable table)
    {
        var digest = default(SetDigest);
        var statement = session.Db.Prepare($"SELECT digest FROM {table.RowTable} WHERE remote = ?1");
        statement.Bind(1, session.Remote);
        while (statement.Step())
        {
            digest.Add(statement.ColumnBytes(0));
        }

        statement.Reset();
        return digest;
    }
}
