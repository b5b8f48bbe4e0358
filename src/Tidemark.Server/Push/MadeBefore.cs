using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>
/// CREATEs that were carried out before a restore, and whose rows others have brought back, or deleted, since. Refused for the sake of another command they
/// would be sent anew under an id of their own, and make a second row.
/// </summary>
internal sealed class MadeBefore(PushSession session)
{
    /// <summary>Answers those among the commands of a refused group; gives back the others.</summary>
    /// <param name="commands">The group.</param>
    /// <param name="met">The command that met the row, or its deletion, itself: it has its verdict.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    public async Task<IReadOnlyList<ReceivedCommand>> AnswerAsync(IReadOnlyList<ReceivedCommand> commands, Guid? met, CancellationToken cancellationToken)
    {
        var open = new List<ReceivedCommand>(commands.Count);
        foreach (var received in commands)
        {
            if (received.Id == met || received.Command is not { Operation: Operation.Create, BaseVersion: null, Type.Identity: IdentityModel.ServerAssigned } command
                || !Expectations.IsKeyKnown(command) || !await TryAnswerAsync(command, received.Hash, cancellationToken).ConfigureAwait(false))
            {
                open.Add(received);
            }
        }

        return open;
    }

    private async ValueTask<bool> TryAnswerAsync(PushCommand command, byte[] hash, CancellationToken cancellationToken)
    {
        var key = await session.Transaction.FindMadeAsync(command.Type, command.Id, cancellationToken).ConfigureAwait(false) ?? command.EntityId;
        if (await session.Transaction.FindRowAsync(command.Type, key, cancellationToken).ConfigureAwait(false) is { } live)
        {
            return live.Origin.MadeBy == command.Id && await AcceptAsync(command, hash, live, cancellationToken).ConfigureAwait(false);
        }

        if (await session.Transaction.FindTombstoneAsync(command.Type, key, cancellationToken).ConfigureAwait(false) is not { } gone || gone.Origin.MadeBy != command.Id)
        {
            return false;
        }

        session.Conflicts.Add(Verdicts.Gone(command, gone).Conflict!);
        return true;
    }

    private async ValueTask<bool> AcceptAsync(PushCommand command, byte[] hash, StoredRow live, CancellationToken cancellationToken)
    {
        var sent = session.SentKeys.TryGetValue(command.Id, out var known) ? known : command.EntityId;
        var verdict = new RecordedVerdict(
            command.Id, hash, command.Type.Name, Verdicts.KeyOf(command.Type, sent).Utf8.ToArray(), Verdicts.KeyOf(command.Type, live.Row.Key).Utf8.ToArray(), live.Version, Verdicts.RowOf(live.Row).Utf8.ToArray());
        await session.Transaction.PutVerdictAsync(session.User, verdict, cancellationToken).ConfigureAwait(false);
        session.Accepted.Add(Verdicts.Of(verdict));
        session.KeysOf[command.Id] = (command.Type, live.Row.Key);
        session.VersionsOf[command.Id] = live.Version;
        return true;
    }
}
