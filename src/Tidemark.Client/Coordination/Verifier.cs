using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>One type compared.</summary>
public sealed record TypeVerification(string Type, long LocalRows, long ServerRows, string LocalDigest, string ServerDigest)
{
    /// <summary>The shared space that was compared; null: the user's own.</summary>
    public string? Space { get; init; }

    /// <summary>Which of several remotes was compared: its rows as they are kept there, those marked as deleted too, by their versions. Null: the one server.</summary>
    public string? Remote { get; init; }

    /// <summary>The rows that differ, found range by range; empty when equal, or when a pull is due.</summary>
    public IReadOnlyList<RowDifference> Differences { get; init; } = [];

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

    /// <summary>Of several remotes those that could not be asked, with what went wrong.</summary>
    public IReadOnlyDictionary<string, string> Absent { get; init; } = new Dictionary<string, string>();

    public bool Equal => Types.All(t => t.Equal) && Unnoticed == 0 && Absent.Count == 0;
}

/// <summary>Compares base digests with the server's at the head of one snapshot, and live rows with what they should be.</summary>
internal sealed class Verifier(LocalStore store, IRemote remote, SyncOptions options, RemoteConnection connection)
{
    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        await connection.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var types = new List<TypeVerification>();
        var (atHead, aside, unnoticed) = (true, 0L, 0L);
        foreach (var session in store.SessionsOf(store.EngineSession, withGone: false))
        {
            session.Refresh();
            var space = session.Space ?? options.Space;
            var server = await remote.GetChecksumsAsync(new ChecksumsRequest { Space = space }, cancellationToken).ConfigureAwait(false);
            var isAtHead = session.Remotes.Read().Floor is { } floor && floor.Position >= server.Mark.Position;
            foreach (var table in session.Tables)
            {
                var digest = BaseDigest(session, table);
                unnoticed += MissedChanges.Find(session, table).Count;
                var other = server.Types.GetValueOrDefault(table.Type.Name) ?? new TypeChecksum(0, default(SetDigest).ToString());
                var type = new TypeVerification(table.Type.Name, digest.Rows, other.Rows, digest.ToString(), other.Digest) { Space = session.Space };
                types.Add(type.Equal || !isAtHead ? type : type with { Differences = await new DifferenceFinder(session, remote, space).FindAsync(table, other.Rows, server.Mark, cancellationToken).ConfigureAwait(false) });
            }

            aside += session.Aside.Count();
            atHead &= isAtHead;
        }

        return new VerifyReport
        {
            Types = types,
            AtHead = atHead,
            Pending = store.EngineSession.Outbox.ReadLedger().Waiting,
            DeadLetters = store.EngineSession.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE status = 'DEAD_LETTER'"),
            Aside = aside,
            Unnoticed = unnoticed,
        };
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
