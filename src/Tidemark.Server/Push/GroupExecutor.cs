#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Protocol;
using Tidemark.Server.Hooks;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>Executes the commands of one group in a savepoint: all of them, or none.</summary>
internal sealed class GroupExecutor(PushSession session, IReadOnlyList<ReceivedCommand> commands)
{
    private readonly List<RecordedVerdict> _accepted = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (commands.FirstOrDefault(c => c.Command is null) is { } culprit)
        {
            await RefuseAsync(culprit.Id, new RefusedException(Verdicts.Failed(culprit.Id, culprit.Fault!.Code, culprit.Fault.Message, culprit.Fault.Field), null), cancellationToken).ConfigureAwait(false);
            return;
        }

        if (!session.MayWrite)
        {
            await ForbidAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        if (await CarryOutAsync(cancellationToken).ConfigureAwait(false) is { } refused)
        {
            await RefuseAsync(refused.Command, refused.Why, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The command that is at fault when nothing could be done; none of them has a verdict then. Null when all were accepted.</summary>
    public async Task<Guid?> TryAsync(CancellationToken cancellationToken) => (await CarryOutAsync(cancellationToken).ConfigureAwait(false))?.Command;

    private async Task<(Guid Command, RefusedException Why)?> CarryOutAsync(CancellationToken cancellationToken)
    {
        if (session.IsUndoable)
        {
            await session.Transaction.SavepointAsync(cancellationToken).ConfigureAwait(false);
        }

        var current = commands[0].Id;
        var rules = new RowRules(session);
        try
        {
            var decided = await HookedCommands.DecideAsync(session, commands, id => current = id, cancellationToken).ConfigureAwait(false);
            var executor = new CommandExecutor(session, rules);
            await executor.AssignIdsAsync([.. decided.Select(c => c.Command!)], cancellationToken).ConfigureAwait(false);
            foreach (var command in decided)
            {
                current = command.Id;
                var verdict = await executor.ExecuteAsync(command.Command!, command.Hash, cancellationToken).ConfigureAwait(false);
                _accepted.Add(verdict);
                session.VersionsOf[command.Id] = verdict.Version;
            }

            await rules.CheckAsync(id => current = id, cancellationToken).ConfigureAwait(false);
            Complete(rules);
        }
        catch (RefusedException refusal)
        {
#if TIDEMARK_MUTANTS
            if (session.IsUndoable && Mutants.Is(Mutant.GroupTornApart))
            {
                await session.Transaction.ReleaseSavepointAsync(cancellationToken).ConfigureAwait(false);
            }
            else
#endif
            if (session.IsUndoable)
            {
                await session.Transaction.RollbackToSavepointAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (rules.HasWritten || commands.Any(c => c.Command!.Operation is not (Operation.Update or Operation.Delete)))
            {
                throw new MustUndoException(); // The others may have taken an id or an old key before they were refused.
            }

            rules.Undone();
            foreach (var command in commands)
            {
                session.KeysOf.Remove(command.Id);
                session.VersionsOf.Remove(command.Id);
            }

            return (current, refusal);
        }

        if (session.IsUndoable)
        {
            await session.Transaction.ReleaseSavepointAsync(cancellationToken).ConfigureAwait(false);
        }

        foreach (var verdict in _accepted)
        {
            await session.Transaction.PutVerdictAsync(session.User, verdict, cancellationToken).ConfigureAwait(false);
            session.Accepted.Add(Verdicts.Of(verdict));
        }

        return null;
    }

    private async Task ForbidAsync(CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            var refused = Verdicts.Failed(command.Id, ErrorCodes.Forbidden, "You may read this space, not write in it. Discard the edit, or ask an owner of the space to be a writer.");
            session.Failed.Add(await WithServerRowAsync(command.Command, refused, cancellationToken).ConfigureAwait(false));
        }
    }

    // The checks may have changed rows once more (a reference to nothing, a renamed value): the verdict tells the row as it is stored.
    private void Complete(RowRules rules)
    {
        for (var i = 0; i < _accepted.Count; i++)
        {
            if (rules.ChangedRowOf(_accepted[i].CommandId) is { } row)
            {
                _accepted[i] = _accepted[i] with { Row = Verdicts.RowOf(row).Utf8.ToArray() };
            }
        }
    }

    private async Task RefuseAsync(Guid culprit, RefusedException refusal, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            if (command.Id != culprit)
            {
                session.Failed.Add(Verdicts.Failed(command.Id, ErrorCodes.GroupRefused, $"Command {culprit} of the same group was refused."));
            }
            else if (refusal.Conflict is { } conflict)
            {
                session.Conflicts.Add(conflict);
            }
            else
            {
                session.Failed.Add(await WithServerRowAsync(command.Command, refusal.Failed!, cancellationToken).ConfigureAwait(false));
            }
        }
    }

    // A refused command brings the server's row back, so that the device can show and restore it. What is offered may stand
    // here in an older version, which no page tells to a device that knows a newer one: it is told rather than the holder of a value.
    private async Task<FailedVerdict> WithServerRowAsync(PushCommand? command, FailedVerdict failed, CancellationToken cancellationToken)
    {
        if ((failed.ServerRow is not null && command?.Operation != Operation.Offer) || command is not { Operation: Operation.Update or Operation.Delete or Operation.Rekey or Operation.Offer } || command.Type.Key.Any(command.Refs.ContainsKey))
        {
            return failed;
        }

        if (await session.Transaction.FindRowAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) is { } row)
        {
            return failed with { ServerRow = Verdicts.RowOf(row.Row), ServerVersion = row.Version, ServerDeleted = false };
        }

        var tombstone = await session.Transaction.FindTombstoneAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false);
        return failed with { ServerRow = null, ServerVersion = tombstone?.Version, ServerDeleted = true };
    }
}
