using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>
/// The versions that the contents of offered rows had before a restore. An OFFER gives a row a new version and no new content: when the server is restored
/// once more, the row is no newer than it was.
/// </summary>
public sealed class ContentRepository(StoreConnection db, int remote)
{
    /// <summary>Null: the version's own, of which nothing is kept.</summary>
    public void Note(RowId row, long version, long? content)
    {
        if (content is { } known)
        {
            Put(row, version, known);
        }
    }

    /// <summary>The version of the content of a row version: itself, unless it came of an OFFER.</summary>
    public long Of(RowId row, long version) =>
        db.Scalar("SELECT content FROM _tm_content WHERE remote = ?1 AND type = ?2 AND key = ?3 AND version = ?4",
            Value.Integer(remote), Value.Integer(row.Type), Value.Text(row.Key.ToString()), Value.Integer(version)) is { Kind: ValueKind.Integer } content ? content.AsInteger : version;

    private void Put(RowId row, long version, long content) =>
        db.Execute("INSERT OR REPLACE INTO _tm_content(remote, type, key, version, content) VALUES(?1, ?2, ?3, ?4, ?5)",
            Value.Integer(remote), Value.Integer(row.Type), Value.Text(row.Key.ToString()), Value.Integer(version), Value.Integer(content));
}
