using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>A row version, or a deletion, that a restored server may have lost.</summary>
public sealed record NotedOffer(int Type, string Key, long Version, bool Deleted);

/// <summary>What is still to be offered to a restored server.</summary>
public sealed class OfferRepository(StoreConnection db, int remote)
{
    public void Note(NotedOffer offer) =>
        db.Execute("INSERT OR REPLACE INTO _tm_offer(remote, type, key, version, deleted) VALUES(?1, ?2, ?3, ?4, ?5)",
            Value.Integer(remote), Value.Integer(offer.Type), Value.Text(offer.Key), Value.Integer(offer.Version), Value.Integer(offer.Deleted ? 1 : 0));

    /// <summary>The next ones: parents, which have the lower rank, before their children, deletions last.</summary>
    public List<NotedOffer> Read(IReadOnlyDictionary<int, int> ranks, int limit)
    {
        var cases = string.Concat(ranks.Select(r => string.Create(System.Globalization.CultureInfo.InvariantCulture, $" WHEN {r.Key} THEN {r.Value}")));
        return db.Query(
            $"SELECT type, key, version, deleted FROM _tm_offer WHERE remote = ?1 ORDER BY deleted, CASE type{cases} ELSE -1 END, version, type, key LIMIT ?2",
            s => new NotedOffer((int)s.ColumnInt64(0), s.Text(1), s.ColumnInt64(2), s.ColumnInt64(3) != 0),
            Value.Integer(remote), Value.Integer(limit));
    }

    public bool Contains(int type, string key) =>
        db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_offer WHERE remote = ?1 AND type = ?2 AND key = ?3)", Value.Integer(remote), Value.Integer(type), Value.Text(key)) != 0;

    public void Drop(int type, string key) =>
        db.Execute("DELETE FROM _tm_offer WHERE remote = ?1 AND type = ?2 AND key = ?3", Value.Integer(remote), Value.Integer(type), Value.Text(key));

    /// <summary>Rows that are still to be offered have other keys now, all at once.</summary>
    public void Move(int type, IReadOnlyList<(EntityKey Old, EntityKey New)> keys)
    {
        var moved = new List<NotedOffer>();
        foreach (var (old, @new) in keys)
        {
            moved.AddRange(db.Query(
                "DELETE FROM _tm_offer WHERE remote = ?1 AND type = ?2 AND key = ?3 RETURNING version, deleted",
                s => new NotedOffer(type, @new.ToString(), s.ColumnInt64(0), s.ColumnInt64(1) != 0),
                Value.Integer(remote), Value.Integer(type), Value.Text(old.ToString())));
        }

        moved.ForEach(Note);
    }
}
