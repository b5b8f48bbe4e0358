using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>What a request is about to ask of a transaction, so that a store across a network can read it at once. Only a hint: what is not named is read when it is asked for.</summary>
public sealed class StoreExpectation
{
    /// <summary>Whose verdicts and pushes.</summary>
    public UserId? User { get; init; }

    public IReadOnlyList<Guid> Commands { get; init; } = [];

    public string? StoreId { get; init; }

    public Mark? Floor { get; init; }

    /// <summary>Rows and tombstones.</summary>
    public HashSet<(EntityType Type, EntityKey Key)> Rows { get; } = [];

    /// <summary>Types of which some of these rows are there, if all is well; of the others all are hoped to be new.</summary>
    public HashSet<EntityType> Met { get; } = [];

    /// <summary>Sets of values whose holders are looked for, by type and fields.</summary>
    public Dictionary<(EntityType Type, string Fields), (int[] Ordinals, HashSet<EntityKey> Sets)> Holders { get; } = [];

    /// <summary>Commands whose rows may have come back under another id.</summary>
    public HashSet<(EntityType Type, Guid MadeBy)> Made { get; } = [];

    /// <summary>Types whose next id is asked for.</summary>
    public HashSet<EntityType> Counters { get; } = [];

    public bool IsEmpty => Commands.Count == 0 && StoreId is null && Floor is null && Rows.Count == 0 && Holders.Count == 0 && Made.Count == 0 && Counters.Count == 0;

    /// <summary>Expects a look-up of <see cref="IStoreTransaction.FindKeysAsync"/>.</summary>
    public void Holder(EntityType type, int[] ordinals, Value[] values)
    {
        var name = (type, string.Join(',', ordinals));
        if (!Holders.TryGetValue(name, out var holders))
        {
            Holders[name] = holders = (ordinals, []);
        }

        holders.Sets.Add(new EntityKey(values));
    }
}
