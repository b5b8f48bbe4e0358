using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Client id and server id of rows whose id the server replaced; both directions are indexed. Ids are in wire form.</summary>
public sealed class IdMapRepository(StoreConnection db, int remote)
{
    public void Save(int type, string clientId, string serverId, long atMs) =>
        db.Execute("INSERT OR IGNORE INTO _tm_idmap(remote, type, client_id, server_id, at) VALUES(?1, ?2, ?3, ?4, ?5)",
            Value.Integer(remote), Value.Integer(type), Value.Text(clientId), Value.Text(serverId), Value.Integer(atMs));

    /// <summary>The newest server id a client id stood for; null when it never was replaced.</summary>
    public string? ServerIdOf(int type, string clientId) =>
        db.Scalar("SELECT server_id FROM _tm_idmap WHERE remote = ?1 AND type = ?2 AND client_id = ?3 ORDER BY at DESC LIMIT 1",
            Value.Integer(remote), Value.Integer(type), Value.Text(clientId)) is { Kind: ValueKind.Text } id ? id.AsText : null;

    public string? ClientIdOf(int type, string serverId) =>
        db.Scalar("SELECT client_id FROM _tm_idmap WHERE remote = ?1 AND type = ?2 AND server_id = ?3",
            Value.Integer(remote), Value.Integer(type), Value.Text(serverId)) is { Kind: ValueKind.Text } id ? id.AsText : null;

    public long Count() => db.ScalarInt64("SELECT count(*) FROM _tm_idmap WHERE remote = ?1", Value.Integer(remote));
}
