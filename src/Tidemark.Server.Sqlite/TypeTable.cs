using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>The SQL of one type's table and tombstones. Parameter 1 is always the space.</summary>
internal sealed class TypeTable
{
    private readonly int _fields;
    private readonly int _keys;

    public TypeTable(EntityType type)
    {
        Type = type;
        _fields = type.Fields.Count;
        _keys = type.KeyOrdinals.Count;
        var name = SqlName.Quote(type.Name);
        var columns = string.Join(", ", type.Fields.Select(f => SqlName.Quote(f.Name)));
        var keys = string.Join(", ", type.Key.Select(SqlName.Quote));
        var keyMatch = string.Join(" AND ", type.Key.Select((k, i) => $"{SqlName.Quote(k)} = ?{i + 2}"));
        var goneMatch = string.Join(" AND ", Enumerable.Range(0, _keys).Select(i => $"k{i} = ?{i + 2}"));
        var goneKeys = string.Join(", ", Enumerable.Range(0, _keys).Select(i => "k" + i));
        var gone = ServerSchema.GoneTable(type);
        const string origin = "_tm_version, _tm_device, _tm_command, _tm_offered, _tm_made_by";
        Find = $"SELECT {columns}, {origin} FROM {name} WHERE space_id = ?1 AND {keyMatch}";
        FindGone = $"SELECT {goneKeys}, position, device, command, offered, made_by FROM {gone} WHERE space_id = ?1 AND {goneMatch}";
        var set = string.Join(", ", type.Fields.Where((_, i) => !type.IsKey(i)).Select(f => $"{SqlName.Quote(f.Name)} = excluded.{SqlName.Quote(f.Name)}")
            .Concat(origin.Split(", ").SkipLast(1).Select(c => $"{c} = excluded.{c}")));
        Upsert = $"INSERT INTO {name}(space_id, {columns}, {origin}) VALUES({Parameters(_fields + 6)}) ON CONFLICT(space_id, {keys}) DO UPDATE SET {set}";
        Delete = $"DELETE FROM {name} WHERE space_id = ?1 AND {keyMatch}";
        PutGone = $"INSERT OR REPLACE INTO {gone}(space_id, {goneKeys}, position, device, command, offered, made_by) VALUES({Parameters(_keys + 5)}, CASE WHEN ?{_keys + 7} = 0 THEN coalesce((SELECT _tm_made_by FROM {name} WHERE space_id = ?1 AND {keyMatch}), (SELECT made_by FROM {gone} WHERE space_id = ?1 AND {goneMatch}), ?{_keys + 6}) END)";
        DropGone = $"DELETE FROM {gone} WHERE space_id = ?1 AND {goneMatch}";
        AnyGone = $"SELECT 1 FROM {gone} WHERE space_id = ?1 LIMIT 1";
        Scan = $"SELECT {columns} FROM {name} WHERE space_id = ?1";
        ChangesBehindPosition = $"SELECT {columns}, {origin} FROM {name} WHERE space_id = ?1 AND _tm_version > ?2 AND _tm_version <= ?3 ORDER BY _tm_version, {keys}";
        ChangesBehindKey = $"SELECT {columns}, {origin} FROM {name} WHERE space_id = ?1 AND _tm_version >= ?2 AND _tm_version <= ?3 AND (_tm_version, {keys}) > (?2, {Parameters(_keys, 4)}) ORDER BY _tm_version, {keys}";
        GoneBehindPosition = $"SELECT {goneKeys}, position, device, command, offered, made_by FROM {gone} WHERE space_id = ?1 AND position > ?2 AND position <= ?3 ORDER BY position, {goneKeys}";
        GoneBehindKey = $"SELECT {goneKeys}, position, device, command, offered, made_by FROM {gone} WHERE space_id = ?1 AND position >= ?2 AND position <= ?3 AND (position, {goneKeys}) > (?2, {Parameters(_keys, 4)}) ORDER BY position, {goneKeys}";
        Count = Counted(ChangesBehindPosition, GoneBehindPosition, 4);
        CountBehindKey = Counted(ChangesBehindKey, GoneBehindKey, 4 + _keys);
        CountAll = $"SELECT count(*) FROM {name}";
        CountGone = $"SELECT count(*) FROM {gone} WHERE space_id = ?1 AND position < ?2";
        Compact = $"DELETE FROM {gone} WHERE space_id = ?1 AND position < ?2";
        HighestForgotten = $"SELECT max(k0) FROM {gone} WHERE space_id = ?1 AND position < ?2 AND typeof(k0) = 'integer'";
        HighestId = $"SELECT max((SELECT coalesce(max({SqlName.Quote(type.Key[0])}), 0) FROM {name} WHERE space_id = ?1 AND typeof({SqlName.Quote(type.Key[0])}) = 'integer'), (SELECT coalesce(max(k0), 0) FROM {gone} WHERE space_id = ?1 AND typeof(k0) = 'integer'))";
    }

    public EntityType Type { get; }

    public string Find { get; }

    public string FindGone { get; }

    public string Upsert { get; }

    public string Delete { get; }

    public string PutGone { get; }

    public string DropGone { get; }

    public string AnyGone { get; }

    public string Scan { get; }

    public string ChangesBehindPosition { get; }

    public string ChangesBehindKey { get; }

    public string GoneBehindPosition { get; }

    public string GoneBehindKey { get; }

    public string Count { get; }

    public string CountBehindKey { get; }

    public string CountAll { get; }

    public string CountGone { get; }

    public string Compact { get; }

    public string HighestForgotten { get; }

    public string HighestId { get; }

    public string FindKeys(IReadOnlyList<int> ordinals)
    {
        var match = string.Join(" AND ", ordinals.Select((o, i) => $"{SqlName.Quote(Type.Fields[o].Name)} = ?{i + 3}"));
        return $"SELECT {string.Join(", ", Type.Key.Select(SqlName.Quote))} FROM {SqlName.Quote(Type.Name)} WHERE space_id = ?1 AND {match} LIMIT ?2";
    }

    public static void BindKey(RawStatement statement, int first, EntityKey key)
    {
        for (var i = 0; i < key.Count; i++)
        {
            statement.Bind(first + i, key[i]);
        }
    }

    public Row RowAt(RawStatement statement)
    {
        var values = new Value[_fields];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = statement.Column(i);
        }

        return new Row(Type, values);
    }

    public StoredRow StoredAt(RawStatement statement)
    {
        var row = RowAt(statement);
        return new StoredRow(row, statement.ColumnInt64(_fields), OriginAt(statement, _fields + 1));
    }

    public EntityKey KeyAt(RawStatement statement)
    {
        var parts = new Value[_keys];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = statement.Column(i);
        }

        return new EntityKey(parts);
    }

    public Tombstone TombstoneAt(RawStatement statement) =>
        new(KeyAt(statement), statement.ColumnInt64(_keys), OriginAt(statement, _keys + 1));

    public static RowOrigin OriginAt(RawStatement statement, int first) => new(
        statement.ColumnText(first),
        statement.ColumnIsNull(first + 1) ? null : CommandOf(statement.ColumnBytes(first + 1)),
        statement.ColumnIsNull(first + 2) ? null : statement.ColumnInt64(first + 2),
        statement.ColumnIsNull(first + 3) ? null : CommandOf(statement.ColumnBytes(first + 3)));

    private static Guid CommandOf(ReadOnlySpan<byte> bytes) => bytes.Length == 16
        ? new Guid(bytes, bigEndian: true)
        : throw new StoreException(StoreTrouble.Damaged, $"A command id of {bytes.Length} bytes stands in the server's file: it is damaged. Restore it from a backup.");

    // The rows a page would read, counted up to a limit.
    private static string Counted(string rows, string gone, int limit) =>
        $"SELECT (SELECT count(*) FROM ({Unordered(rows)} LIMIT ?{limit})) + (SELECT count(*) FROM ({Unordered(gone)} LIMIT ?{limit}))";

    private static string Unordered(string select) => "SELECT 1 " + select[select.IndexOf("FROM ", StringComparison.Ordinal)..select.LastIndexOf(" ORDER BY", StringComparison.Ordinal)];

    private static string Parameters(int count, int first = 1) =>
        string.Join(", ", Enumerable.Range(first, count).Select(i => "?" + i.ToString(System.Globalization.CultureInfo.InvariantCulture)));
}
