#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Protocol;
using Tidemark.Server.Hooks;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>Executes groups of commands, one after the other, each in a savepoint: all of them, or none.</summary>
internal sealed class GroupExecutor
{
    private readonly PushSession _session;
    private readonly RowRules _rules;
    private readonly CommandExecutor _executor;
    private readonly MadeBefore _madeBefore;
    private readonly List<RecordedVerdict> _accepted = [];
    private readonly Action<Guid> _lookAt;
    private Guid _current;

    public GroupExecutor(PushSession session)
    {
        _session = session;
        _rules = new RowRules(session);
        _executor = new CommandExecutor(session, _rules);
        _madeBefore = new MadeBefore(session);
        _lookAt = id => _current = id;
    }

    public async ValueTask RunAsync(IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        if (Unreadable(commands) is { } culprit)
        {
            await RefuseAsync(commands, culprit.Id, new RefusedException(Verdicts.Failed(culprit.Id, culprit.Fault!.Code, culprit.Fault.Message, culprit.Fault.Field), null), cancellationToken).ConfigureAwait(false);
            return;
        }

        if (!_session.MayWrite)
        {
            await ForbidAsync(commands, cancellationToken).ConfigureAwait(false);
            return;
        }

        if (await CarryOutAsync(commands, cancellationToken).ConfigureAwait(false) is not { } refused)
        {
            return;
        }

        var open = await _madeBefore.AnswerAsync(commands, refused.Why.Conflict is null ? null : refused.Command, cancellationToken).ConfigureAwait(false);
        if (open.Count == commands.Count)
        {
            await RefuseAsync(commands, refused.Command, refused.Why, cancellationToken).ConfigureAwait(false);
        }
        else if (open.Count > 0)
        {
            await RunAsync(open, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The command that is at fault when nothing could be done; none of them has a verdict then. Null when all were accepted.</summary>
    public async ValueTask<Guid?> TryAsync(IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken) => (await CarryOutAsync(commands, cancellationToken).ConfigureAwait(false))?.Command;

    private async ValueTask<(Guid Command, RefusedException Why)?> CarryOutAsync(IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        if (_session.IsUndoable)
        {
            await _session.Transaction.SavepointAsync(cancellationToken).ConfigureAwait(false);
        }

        _current = commands[0].Id;
        _accepted.Clear();
        _executor.Begin();
        try
        {
            var decided = await HookedCommands.DecideAsync(_session, commands, _lookAt, cancellationToken).ConfigureAwait(false);
            await _executor.AssignIdsAsync(decided, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < decided.Count; i++)
            {
                var command = decided[i];
                _current = command.Id;
                var verdict = await _executor.ExecuteAsync(command.Command!, command.Hash, cancellationToken).ConfigureAwait(false);
                _accepted.Add(verdict);
                _session.VersionsOf[command.Id] = verdict.Version;
            }

            await _rules.CheckAsync(_lookAt, cancellationToken).ConfigureAwait(false);
            Complete();
        }
        catch (RefusedException refusal)
        {
#if TIDEMARK_MUTANTS
            if (_session.IsUndoable && Mutants.Is(Mutant.GroupTornApart))
            {
                await _session.Transaction.ReleaseSavepointAsync(cancellationToken).ConfigureAwait(false);
            }
            else
#endif
            if (_session.IsUndoable)
            {
                await _session.Transaction.RollbackToSavepointAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (_rules.HasWritten || commands.Any(c => c.Command!.Operation is not (Operation.Update or Operation.Delete)))
            {
                throw new MustUndoException(); // The others may have taken an id or an old key before they were refused.
            }

            _rules.Undone();
            foreach (var command in commands)
            {
                _session.KeysOf.Remove(command.Id);
                _session.VersionsOf.Remove(command.Id);
            }

            return (_current, refusal);
        }

        if (_session.IsUndoable)
        {
            await _session.Transaction.ReleaseSavepointAsync(cancellationToken).ConfigureAwait(false);
        }

        foreach (var verdict in _accepted)
        {
            await _session.Transaction.PutVerdictAsync(_session.User, verdict, cancellationToken).ConfigureAwait(false);
            _session.Accepted.Add(Verdicts.Of(verdict));
        }

        return null;
    }

    private async Task ForbidAsync(IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            var refused = Verdicts.Failed(command.Id, ErrorCodes.Forbidden, "You may read this space, not write in it. Discard the edit, or ask an owner of the space to be a writer.");
            _session.Failed.Add(await WithServerRowAsync(command.Command, refused, cancellationToken).ConfigureAwait(false));
        }
    }

    // The checks may have changed rows once more (a reference to nothing, a renamed value): the verdict tells the row as it is stored.
    private void Complete()
    {
        for (var i = 0; i < _accepted.Count; i++)
        {
            if (_rules.ChangedRowOf(_accepted[i].CommandId) is { } row)
            {
                _accepted[i] = _accepted[i] with { Row = Verdicts.RowOf(row).Utf8.ToArray() };
            }
        }
    }

    private static ReceivedCommand? Unreadable(IReadOnlyList<ReceivedCommand> commands)
    {
        for (var i = 0; i < commands.Count; i++)
        {
            if (commands[i].Command is null)
            {
                return commands[i];
            }
        }

        return null;
    }

    private async Task RefuseAsync(IReadOnlyList<ReceivedCommand> commands, Guid culprit, RefusedException refusal, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            if (command.Id != culprit)
            {
                _session.Failed.Add(Verdicts.Failed(command.Id, ErrorCodes.GroupRefused, $"Command {culprit} of the same group was refused."));
            }
            else if (refusal.Conflict is { } conflict)
            {
                _session.Conflicts.Add(conflict);
            }
            else
            {
                _session.Failed.Add(await WithServerRowAsync(command.Command, refusal.Failed!, cancellationToken).ConfigureAwait(false));
            }
        }
    }

    // A refused command brings the server's row back, so that the device can show and restore it. What is offered may stand
    // here in an older version, which no page tells to a device that knows a newer one: it is told rather than the holder of a value.
    private async Task<FailedVerdict> WithServerRowAsync(PushCommand? command, FailedVerdict failed, CancellationToken cancellationToken)
    {
        if ((failed.ServerRow is not null && command?.Operation != Operation.Offer) || command is not { Operation: Operation.Update or Operation.Delete or Operation.Rekey or Operation.Offer } || !Expectations.IsKeyKnown(command))
        {
            return failed;
        }

        if (await _session.Transaction.FindRowAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) is { } row)
        {
            return failed with { ServerRow = Verdicts.RowOf(row.Row), ServerVersion = row.Version, ServerDeleted = false };
        }

        var tombstone = await _session.Transaction.FindTombstoneAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false);
        return failed with { ServerRow = null, ServerVersion = tombstone?.Version, ServerDeleted = true };
    }
}
