using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Several;

/// <summary>What a listing of everything says of rows that are not in it.</summary>
internal enum Listing
{
    /// <summary>Changes are read behind a token.</summary>
    None,

    /// <summary>The token was too old: what is not listed was deleted.</summary>
    Complete,

    /// <summary>The data are another incarnation: what is not listed was lost, and is sent again.</summary>
    Restored,
}

/// <summary>One of the remotes of a file, as the file knows it.</summary>
internal sealed record Backend(int Id, string Name, string Address)
{
    /// <summary>Who is signed in there; null before the first answer.</summary>
    public string? User { get; init; }

    /// <summary>Everything before it is applied or in quarantine; null: nothing was fetched yet.</summary>
    public string? Token { get; init; }

    public string? Epoch { get; init; }

    public long PushSeq { get; init; }

    public Listing Listing { get; init; }

    /// <summary>The number of the last page.</summary>
    public int Page { get; init; }

    /// <summary>What a person has to answer before it is synced again.</summary>
    public string? Question { get; init; }

    /// <summary>Why it was absent from the last cycle; null: it was there.</summary>
    public string? Trouble { get; init; }

    public long? SyncedAt { get; init; }

    /// <summary>What it was told last of what it has refused; null: nothing, or that there is nothing any more.</summary>
    public string? Told { get; init; }
}

/// <summary>The remotes of a file.</summary>
internal sealed class BackendRepository(StoreConnection db)
{
    private const string Columns = "id, name, address, user, token, epoch, push_seq, listing, page, question, trouble, synced_at, told";

    /// <summary>In the order in which they were named.</summary>
    public List<Backend> ReadAll() => db.Query($"SELECT {Columns} FROM _tm_backend ORDER BY id", Read);

    public Backend Get(int id) => db.Query($"SELECT {Columns} FROM _tm_backend WHERE id = ?1", Read, Value.Integer(id)).Single();

    public Backend? Find(string name) => db.Query($"SELECT {Columns} FROM _tm_backend WHERE name = ?1", Read, Value.Text(name)).FirstOrDefault();

    public void Add(string name, string address) =>
        db.Execute("INSERT INTO _tm_backend(name, address) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET address = excluded.address", Value.Text(name), Value.Text(address));

    public void SetUser(int id, string user) => db.Execute("UPDATE _tm_backend SET user = ?2 WHERE id = ?1", Value.Integer(id), Value.Text(user));

    /// <summary>With the rows that stand before it, in their transaction.</summary>
    public void SetToken(int id, string? token, string? epoch, int page) =>
        db.Execute("UPDATE _tm_backend SET token = ?2, epoch = coalesce(?3, epoch), page = ?4, listing = 0 WHERE id = ?1", Value.Integer(id), token.OrNull(), epoch.OrNull(), Value.Integer(page));

    /// <summary>The incarnation stays known until others are listed: a listing that is broken off goes on with the same data, or is another one.</summary>
    public void BeginListing(int id, Listing listing) =>
        db.Execute($"UPDATE _tm_backend SET token = NULL, epoch = CASE ?2 WHEN {(int)Listing.Restored} THEN NULL ELSE epoch END, listing = max(listing, ?2) WHERE id = ?1", Value.Integer(id), Value.Integer((int)listing));

    public long NextPushSeq(int id)
    {
        db.Execute("UPDATE _tm_backend SET push_seq = push_seq + 1 WHERE id = ?1", Value.Integer(id));
        return Get(id).PushSeq;
    }

    /// <summary>Pushes are counted anew: the file has another name now.</summary>
    public void ResetPushSeq() => db.Execute("UPDATE _tm_backend SET push_seq = 0");

    public void SetQuestion(int id, string? question) => db.Execute("UPDATE _tm_backend SET question = ?2 WHERE id = ?1", Value.Integer(id), question.OrNull());

    public void SetTrouble(int id, string? trouble, long nowMs) =>
        db.Execute("UPDATE _tm_backend SET trouble = ?2, synced_at = CASE WHEN ?2 IS NULL THEN ?3 ELSE synced_at END WHERE id = ?1", Value.Integer(id), trouble.OrNull(), Value.Integer(nowMs));

    public void SetTold(int id, string? told) => db.Execute("UPDATE _tm_backend SET told = ?2 WHERE id = ?1", Value.Integer(id), told.OrNull());

    /// <summary>Forgets all that the remote has shown; with it everything is owed to it again. The rows of the file stay.</summary>
    public void Forget(int id)
    {
        foreach (var table in new[] { "_tm_shadow", "_tm_owed", "_tm_pulled", "_tm_pulled_page", "_tm_quarantine" })
        {
            db.Execute($"DELETE FROM {table} WHERE backend = ?1", Value.Integer(id));
        }

        db.Execute("UPDATE _tm_backend SET user = NULL, token = NULL, epoch = NULL, listing = 0, question = NULL, trouble = NULL WHERE id = ?1", Value.Integer(id));
        db.Execute("INSERT INTO _tm_owed(backend, type, key) SELECT ?1, type, key FROM _tm_joined", Value.Integer(id));
    }

    public void Remove(int id)
    {
        Forget(id);
        db.Execute("DELETE FROM _tm_owed WHERE backend = ?1", Value.Integer(id));
        db.Execute("DELETE FROM _tm_backend WHERE id = ?1", Value.Integer(id));
    }

    private static Backend Read(RawStatement s) => new((int)s.ColumnInt64(0), s.Text(1), s.Text(2))
    {
        User = s.TextOrNull(3),
        Token = s.TextOrNull(4),
        Epoch = s.TextOrNull(5),
        PushSeq = s.ColumnInt64(6),
        Listing = (Listing)s.ColumnInt64(7),
        Page = (int)s.ColumnInt64(8),
        Question = s.TextOrNull(9),
        Trouble = s.TextOrNull(10),
        SyncedAt = s.Int64OrNull(11),
        Told = s.TextOrNull(12),
    };
}
