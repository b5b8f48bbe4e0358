using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>What of each type's changes is no note of the outbox any more: so every connection can tell which types a commit touched.</summary>
internal sealed class ChangedRepository(StoreConnection db)
{
    private const string Into = "INSERT INTO _tm_changed(type, seq, applied)";

    /// <summary>Notes that are about to be removed. Those of the engine itself (M) are of no change of a row.</summary>
    public void Consumed(long firstSeq, long lastSeq) =>
        db.Execute(
            $"{Into} SELECT type, max(seq), 0 FROM _tm_touch WHERE seq BETWEEN ?1 AND ?2 AND type <> 0 AND op <> 'M' GROUP BY type ON CONFLICT(type) DO UPDATE SET seq = max(seq, excluded.seq)",
            Value.Integer(firstSeq), Value.Integer(lastSeq));

    /// <summary>The engine has written rows of these types in the transaction under way.</summary>
    public void Applied(IReadOnlyCollection<int> types)
    {
        foreach (var type in types)
        {
            db.Execute($"{Into} VALUES(?1, 0, 1) ON CONFLICT(type) DO UPDATE SET applied = applied + 1", Value.Integer(type));
        }
    }
}
