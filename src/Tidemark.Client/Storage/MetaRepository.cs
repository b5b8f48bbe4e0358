using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Single values of a store.</summary>
public sealed class MetaRepository(StoreConnection db)
{
    public const string Format = "format";
    public const string StoreId = "store_id";
    public const string DeviceId = "device_id";
    public const string Model = "model";
    public const string SchemaVersion = "schema_version";

    public string? Text(string key) => db.Scalar("SELECT value FROM _tm_meta WHERE key = ?1", Value.Text(key)) is { Kind: ValueKind.Text } value ? value.AsText : null;

    public long Integer(string key) => db.ScalarInt64("SELECT value FROM _tm_meta WHERE key = ?1", Value.Text(key));

    public byte[]? Blob(string key) => db.Scalar("SELECT value FROM _tm_meta WHERE key = ?1", Value.Text(key)) is { Kind: ValueKind.Blob } value ? value.AsBlob : null;

    public void Set(string key, Value value) => db.Execute("INSERT OR REPLACE INTO _tm_meta(key, value) VALUES(?1, ?2)", Value.Text(key), value);
}
