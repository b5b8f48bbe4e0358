using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Hooks;

/// <summary>
/// The host's own rules, asked within the push or page they are about: who may do what, what is valid, what is stored, what is shown. They may be asked more than once for the same
/// command (a transaction that is made again), so they decide and do not act; what is to follow from a commit belongs to <see cref="CommittedAsync"/>.
/// </summary>
public abstract class SyncHooks
{
    /// <summary>None of anything.</summary>
    public static SyncHooks None { get; } = new NoHooks();

    /// <summary>A command is about to be executed: accept, refuse, or have something else stored. Default: accepted.</summary>
    public virtual ValueTask<CommandDecision> DecideAsync(HookedCommand command, CancellationToken cancellationToken) => ValueTask.FromResult(CommandDecision.Accepted);

    /// <summary>
    /// A row is about to be shown: the row, the row with fields that are <see cref="Value.Absent"/> (withheld), or null: the caller does not see it. Default: the row.
    /// What is hidden depends on caller and row alone; a row that becomes visible without being written is not told.
    /// </summary>
    public virtual Row? Show(Caller caller, SpaceId space, Row row) => row;

    /// <summary>A push has been committed. It may have been told of once, or (after a crash) not at all. Default: nothing.</summary>
    public virtual ValueTask CommittedAsync(CommittedPush push, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private sealed class NoHooks : SyncHooks;
}

/// <summary>A command as hooks see it.</summary>
/// <param name="Caller">Who sends it.</param>
/// <param name="Space">Where.</param>
/// <param name="DeviceId">From which device.</param>
/// <param name="Type">The type of the row.</param>
/// <param name="Operation">What is to be done.</param>
/// <param name="Key">The row's key, as it was sent.</param>
/// <param name="Payload">CREATE and OFFER: the row; UPDATE and REKEY: the changed fields; DELETE: null.</param>
/// <param name="Current">Reads the row as it stands; null: there is none.</param>
public sealed record HookedCommand(Caller Caller, SpaceId Space, string DeviceId, EntityType Type, Operation Operation, EntityKey Key, Row? Payload, Func<CancellationToken, Task<Row?>> Current);

/// <summary>What a hook says to a command.</summary>
public sealed record CommandDecision
{
    private CommandDecision()
    {
    }

    public static CommandDecision Accepted { get; } = new();

    internal string? Code { get; private init; }

    internal string? Message { get; private init; }

    internal string? Field { get; private init; }

    internal Row? Payload { get; private init; }

    /// <summary>The user may not do this: the command fails for good with FORBIDDEN.</summary>
    public static CommandDecision Forbidden(string message) => new() { Code = ErrorCodes.Forbidden, Message = message };

    /// <summary>A value is not valid: the command fails for good with VALIDATION_FAILED.</summary>
    public static CommandDecision Invalid(string message, string? field = null) => new() { Code = ErrorCodes.ValidationFailed, Message = message, Field = field };

    /// <summary>Stores this instead of what was sent; the device is told with the verdict. The key stays.</summary>
    public static CommandDecision Replaced(Row payload) => new() { Payload = payload };
}

/// <summary>What a push has done.</summary>
/// <param name="Caller">Who sent it.</param>
/// <param name="Space">Where.</param>
/// <param name="DeviceId">From which device.</param>
/// <param name="Position">The position of the commit.</param>
/// <param name="Accepted">The accepted verdicts.</param>
public sealed record CommittedPush(Caller Caller, SpaceId Space, string DeviceId, long Position, IReadOnlyList<AcceptedVerdict> Accepted);
