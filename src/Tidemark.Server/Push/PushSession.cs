using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>A command is refused for good or for now; the group it belongs to is rolled back.</summary>
internal sealed class RefusedException(FailedVerdict? failed, ConflictVerdict? conflict) : Exception
{
    public FailedVerdict? Failed { get; } = failed;

    public ConflictVerdict? Conflict { get; } = conflict;
}

/// <summary>A group that was refused has written already, and no savepoint of its own holds what was there before.</summary>
internal sealed class MustUndoException : Exception;

/// <summary>The state of one push while its commands are executed: what was answered so far, and the transaction.</summary>
internal sealed class PushSession(IStoreTransaction transaction, SyncModel model, UserId user, string deviceId, ServerOptions options, ServerEnvironment environment)
{
    public IStoreTransaction Transaction { get; } = transaction;

    /// <summary>Makes room for the answers to so many commands.</summary>
    public void Expect(int commands)
    {
        Accepted.EnsureCapacity(commands);
        KeysOf.EnsureCapacity(commands);
        VersionsOf.EnsureCapacity(commands);
    }

    public SyncModel Model { get; } = model;

    public UserId User { get; } = user;

    public string DeviceId { get; } = deviceId;

    public ServerOptions Options { get; } = options;

    public ServerEnvironment Environment { get; } = environment;

    /// <summary>Who pushes.</summary>
    public required Caller Caller { get; init; }

    /// <summary>Commands of which a hook had something else stored than was sent.</summary>
    public HashSet<Guid> Replaced { get; } = [];

    /// <summary>Has each group a savepoint of its own?</summary>
    public required bool IsUndoable { get; init; }

    /// <summary>False: every command that was not accepted before is refused.</summary>
    public bool MayWrite { get; init; } = true;

    public List<AcceptedVerdict> Accepted { get; } = [];

    public List<FailedVerdict> Failed { get; } = [];

    public List<ConflictVerdict> Conflicts { get; } = [];

    /// <summary>The keys that rows of accepted commands have, by command; members of the group under way included.</summary>
    public Dictionary<Guid, (EntityType Type, EntityKey Key)> KeysOf { get; } = [];

    /// <summary>The keys under which devices know rows that have other ids here, by command.</summary>
    public Dictionary<Guid, EntityKey> SentKeys { get; } = [];

    /// <summary>Where the rows of offers stand here, whose change of key was lost by a restore, by command.</summary>
    public Dictionary<Guid, EntityKey> FormerKeys { get; } = [];

    /// <summary>Ids that rows of a time before the restore are to come back under: no row of this push is made there.</summary>
    public HashSet<(string Type, EntityKey Key)> Promised { get; } = [];

    /// <summary>The CREATEs that made rows which are offered or brought back, by command.</summary>
    public Dictionary<Guid, Guid> MadeBy { get; } = [];

    /// <summary>The versions of rows before they followed a key that this push renamed, and did nothing else: an edit of such a version is made on what stands there.</summary>
    public Dictionary<(EntityType Type, EntityKey Key), long> Followed { get; } = [];

    /// <summary>The versions that accepted commands of this push led to.</summary>
    public Dictionary<Guid, long> VersionsOf { get; } = [];
}
