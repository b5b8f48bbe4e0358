using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Push;

namespace Tidemark.Server.Hooks;

/// <summary>Asks the host's hooks about a group's commands before any of them is executed.</summary>
internal static class HookedCommands
{
    /// <exception cref="RefusedException">A hook refuses one; <paramref name="current"/> has been told which.</exception>
    public static async ValueTask<IReadOnlyList<ReceivedCommand>> DecideAsync(PushSession session, IReadOnlyList<ReceivedCommand> commands, Action<Guid> current, CancellationToken cancellationToken)
    {
        if (ReferenceEquals(session.Options.Hooks, SyncHooks.None))
        {
            return commands;
        }

        var decided = new List<ReceivedCommand>(commands.Count);
        foreach (var received in commands)
        {
            current(received.Id);
            var command = received.Command!;
            var decision = await session.Options.Hooks.DecideAsync(
                new HookedCommand(session.Caller, session.Transaction.Space, session.DeviceId, command.Type, command.Operation, command.EntityId, command.Payload, token => ReadAsync(session, command, token)),
                cancellationToken).ConfigureAwait(false);
            if (decision.Code is { } code)
            {
                throw Verdicts.Refuse(command, code, decision.Message!, decision.Field);
            }

            if (decision.Payload is not { } payload)
            {
                decided.Add(received);
                continue;
            }

            session.Replaced.Add(command.Id);
            decided.Add(received with { Command = command with { Payload = payload } });
        }

        return decided;
    }

    private static async Task<Row?> ReadAsync(PushSession session, PushCommand command, CancellationToken cancellationToken) =>
        !Expectations.IsKeyKnown(command) ? null : (await session.Transaction.FindRowAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false))?.Row;
}
