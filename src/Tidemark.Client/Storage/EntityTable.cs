using System.Globalization;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>A stored value does not fit its field; the row cannot travel until it is corrected.</summary>
public sealed class UnfitValueException(EntityType type, Field field, string fault)
    : Exception($"{type.Name}.{field.Name}: {fault}")
{
    public Field Field { get; } = field;
}

/// <summary>What a remote last showed of a row, besides its content.</summary>
/// <param name="Version">The row version.</param>
/// <param name="Digest">SHA-256 over the canonical row.</param>
/// <param name="MadeBy">The CREATE that got the row its id from the server; null where the key names the row, or it is not known yet.</param>
public sealed record RowEntry(long Version, byte[] Digest, Guid? MadeBy);

/// <summary>The SQL of one synced table: live row, row entry and base row, by key. All names are spelled here.</summary>
public sealed class EntityTable
{
    // What a base row holds for a value nobody knows: the row changed while capture was missing. Read back as absent: no common ancestor.
    private static readonly Value UnknownBase = Value.Blob("_tm_unknown"u8.ToArray());

    private readonly string _live;
    private readonly string _insert;
    private readonly string? _update;
    private readonly string _delete;
    private readonly string _rename;
    private readonly string _entry;
    private readonly string _setEntry;
    private readonly string _dropEntry;
    private readonly string _base;
    private readonly string _setBase;
    private readonly string _dropBase;
    private readonly int[] _nonKey;

    public EntityTable(EntityType type, int number)
    {
        Type = type;
        Number = number;
        _nonKey = [.. Enumerable.Range(0, type.Fields.Count).Where(i => !type.IsKey(i))];
        Name = SqlName.Quote(type.TableName);
        var columns = type.Fields.Select(f => SqlName.Quote(f.ColumnName)).ToArray();
        var keys = type.KeyOrdinals.Select(i => columns[i]).ToArray();
        var n = keys.Length;
        KeyColumns = keys;
        KeyMatch = string.Join(" AND ", keys.Select((k, i) => $"{k} = ?{i + 1}"));
        MetaKeyMatch = string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"k{i} = ?{i + 1}"));
        MetaKeys = string.Join(", ", Enumerable.Range(0, n).Select(i => "k" + i));
        ColumnList = string.Join(", ", columns);
        RowTable = StoreSchema.RowTable(number);
        BaseTable = StoreSchema.BaseTable(number);
        BaseColumns = string.Join(", ", Enumerable.Range(0, columns.Length).Select(i => "c" + i));
        var remote = $"?{n + 1}";
        _live = $"SELECT {ColumnList} FROM {Name} WHERE {KeyMatch}";
        _insert = $"INSERT INTO {Name}({ColumnList}) VALUES({Parameters(columns.Length)})";
        _update = _nonKey.Length == 0 ? null : $"UPDATE {Name} SET {string.Join(", ", _nonKey.Select((o, i) => $"{columns[o]} = ?{n + i + 1}"))} WHERE {KeyMatch}";
        _delete = $"DELETE FROM {Name} WHERE {KeyMatch}";
        _rename = $"UPDATE {Name} SET {string.Join(", ", keys.Select((k, i) => $"{k} = ?{n + i + 1}"))} WHERE {KeyMatch}";
        _entry = $"SELECT version, digest, made_by FROM {RowTable} WHERE {MetaKeyMatch} AND remote = {remote}";
        _setEntry = $"INSERT INTO {RowTable}({MetaKeys}, remote, version, digest, made_by) VALUES({Parameters(n + 4)}) ON CONFLICT({MetaKeys}, remote) DO UPDATE SET version = excluded.version, digest = excluded.digest, made_by = coalesce(excluded.made_by, made_by)";
        _dropEntry = $"DELETE FROM {RowTable} WHERE {MetaKeyMatch} AND remote = {remote}";
        _base = $"SELECT {BaseColumns} FROM {BaseTable} WHERE {MetaKeyMatch} AND remote = {remote}";
        _setBase = $"INSERT OR REPLACE INTO {BaseTable}({MetaKeys}, remote, {BaseColumns}) VALUES({Parameters(n + 1 + columns.Length)})";
        _dropBase = $"DELETE FROM {BaseTable} WHERE {MetaKeyMatch} AND remote = {remote}";
    }

    public EntityType Type { get; }

    /// <summary>The type's number in this file.</summary>
    public int Number { get; }

    /// <summary>The quoted table name.</summary>
    public string Name { get; }

    public IReadOnlyList<string> KeyColumns { get; }

    public string KeyMatch { get; }

    public string MetaKeyMatch { get; }

    public string MetaKeys { get; }

    public string ColumnList { get; }

    public string RowTable { get; }

    public string BaseTable { get; }

    public string BaseColumns { get; }

    public string ColumnOf(int ordinal) => SqlName.Quote(Type.Fields[ordinal].ColumnName);

    /// <exception cref="UnfitValueException">A stored value does not fit its field.</exception>
    public Row? ReadLive(StoreConnection db, EntityKey key) => ReadRow(db, _live, key, null);

    public bool LiveExists(StoreConnection db, EntityKey key)
    {
        var statement = db.Prepare(_live);
        BindKey(statement, key);
        var exists = statement.Step();
        statement.Reset();
        return exists;
    }

    /// <summary>The kept base row; null when none was kept.</summary>
    /// <summary>The row as it would be under another key.</summary>
    public static Row Under(Row row, EntityKey key)
    {
        for (var part = 0; part < key.Count; part++)
        {
            row = row.With(row.Type.KeyOrdinals[part], key[part]);
        }

        return row;
    }

    public Row? ReadBase(StoreConnection db, EntityKey key, int remote) => ReadRow(db, _base, key, remote);

    public RowEntry? ReadEntry(StoreConnection db, EntityKey key, int remote)
    {
        var statement = db.Prepare(_entry);
        BindKey(statement, key);
        statement.Bind(key.Count + 1, remote);
        var entry = statement.Step() ? new RowEntry(statement.ColumnInt64(0), statement.Column(1).AsBlob, statement.TextOrNull(2) is { } made ? Guid.Parse(made) : null) : null;
        statement.Reset();
        return entry;
    }

    public void Insert(StoreConnection db, Row row)
    {
        var statement = db.Prepare(_insert);
        for (var i = 0; i < Type.Fields.Count; i++)
        {
            statement.Bind(i + 1, Stored(i, row[i]));
        }

        Run(statement);
        db.ChangedTypes.Add(Number);
    }

    /// <summary>Sets every field but the key; absent ones are read from the row itself first.</summary>
    public void Update(StoreConnection db, Row row)
    {
        if (_update is null)
        {
            return;
        }

        var statement = db.Prepare(_update);
        BindKey(statement, row.Key);
        for (var i = 0; i < _nonKey.Length; i++)
        {
            statement.Bind(Type.KeyOrdinals.Count + i + 1, Stored(_nonKey[i], row[_nonKey[i]]));
        }

        Run(statement);
        db.ChangedTypes.Add(Number);
    }

    public void Delete(StoreConnection db, EntityKey key)
    {
        RunKeyed(db, _delete, key);
        if (db.Changes > 0)
        {
            db.ChangedTypes.Add(Number);
        }
    }

    /// <summary>Changes the key of the live row only.</summary>
    public void Rename(StoreConnection db, EntityKey from, EntityKey to)
    {
        var statement = db.Prepare(_rename);
        BindKey(statement, from);
        for (var i = 0; i < to.Count; i++)
        {
            statement.Bind(from.Count + i + 1, Stored(Type.KeyOrdinals[i], to[i]));
        }

        Run(statement);
        db.ChangedTypes.Add(Number);
    }

    /// <summary>Notes what the remote shows of a row. Which command made it stays as it is unless it is told.</summary>
    public void SetEntry(StoreConnection db, EntityKey key, int remote, long version, byte[] digest, Guid? madeBy = null)
    {
        var statement = db.Prepare(_setEntry);
        BindKey(statement, key);
        statement.Bind(key.Count + 1, remote);
        statement.Bind(key.Count + 2, version);
        statement.Bind(key.Count + 3, Value.Blob(digest));
        statement.Bind(key.Count + 4, madeBy?.ToString("D"));
        Run(statement);
    }

    public void DropEntry(StoreConnection db, EntityKey key, int remote) => RunKeyed(db, _dropEntry, key, remote);

    public void SetBase(StoreConnection db, EntityKey key, int remote, Row row)
    {
        var statement = db.Prepare(_setBase);
        BindKey(statement, key);
        statement.Bind(key.Count + 1, remote);
        for (var i = 0; i < Type.Fields.Count; i++)
        {
            statement.Bind(key.Count + 2 + i, row[i].IsAbsent ? UnknownBase : Stored(i, row[i]));
        }

        Run(statement);
    }

    /// <summary>Notes that the row differs from what the remote showed, and that nobody knows in what.</summary>
    public void SetUnknownBase(StoreConnection db, EntityKey key, int remote)
    {
        var values = new Value[Type.Fields.Count];
        for (var i = 0; i < key.Count; i++)
        {
            values[Type.KeyOrdinals[i]] = key[i];
        }

        SetBase(db, key, remote, new Row(Type, values));
    }

    public void DropBase(StoreConnection db, EntityKey key, int remote) => RunKeyed(db, _dropBase, key, remote);

    /// <summary>The row a statement stands on, whose columns from <paramref name="from"/> are the type's fields.</summary>
    /// <exception cref="UnfitValueException">A stored value does not fit its field.</exception>
    public Row RowAt(RawStatement statement, int from) => RowAt(statement, from, isBase: false);

    /// <summary>The key a statement stands on, whose columns from <paramref name="from"/> are the key's parts.</summary>
    public EntityKey KeyAt(RawStatement statement, int from)
    {
        var parts = new Value[Type.KeyOrdinals.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = KeyPart(i, statement.Column(from + i));
        }

        return new EntityKey(parts);
    }

    /// <summary>The key a note names.</summary>
    public EntityKey KeyOf(Touch touch)
    {
        var parts = new Value[Type.KeyOrdinals.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = KeyPart(i, touch.Key[i]);
        }

        return new EntityKey(parts);
    }

    /// <summary>A part of a key as it is stored; what does not fit its field keeps its own place among the keys.</summary>
    public Value KeyPart(int index, Value stored) =>
        StorageForms.TryToCanonicalKey(Type.Fields[Type.KeyOrdinals[index]], stored, out var canonical) ? canonical : UnfitKeys.Wrap(stored);

    public Value Stored(int ordinal, Value canonical) =>
        Type.Fields[ordinal].Type == FieldType.Exact ? canonical
        : UnfitKeys.TryUnwrap(canonical, out var stored) ? stored
        : StorageForms.ToStored(Type.Fields[ordinal], canonical);

    public void BindKey(RawStatement statement, EntityKey key)
    {
        for (var i = 0; i < key.Count; i++)
        {
            statement.Bind(i + 1, Stored(Type.KeyOrdinals[i], key[i]));
        }
    }

    private Row RowAt(RawStatement statement, int from, bool isBase)
    {
        var values = new Value[Type.Fields.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var stored = statement.Column(from + i);
            values[i] = isBase && stored == UnknownBase ? Value.Absent : Canonical(i, stored);
        }

        return new Row(Type, values);
    }

    private Value Canonical(int ordinal, Value stored) =>
        StorageForms.TryToCanonical(Type.Fields[ordinal], stored, out var canonical, out var fault)
            ? canonical
            : throw new UnfitValueException(Type, Type.Fields[ordinal], fault!);

    private Row? ReadRow(StoreConnection db, string sql, EntityKey key, int? remote)
    {
        var statement = db.Prepare(sql);
        BindKey(statement, key);
        if (remote is { } number)
        {
            statement.Bind(key.Count + 1, number);
        }

        try
        {
            return statement.Step() ? RowAt(statement, 0, isBase: remote is not null) : null;
        }
        finally
        {
            statement.Reset();
        }
    }

    private void RunKeyed(StoreConnection db, string sql, EntityKey key, int? remote = null)
    {
        var statement = db.Prepare(sql);
        BindKey(statement, key);
        if (remote is { } number)
        {
            statement.Bind(key.Count + 1, number);
        }

        Run(statement);
    }

    private static void Run(RawStatement statement)
    {
        try
        {
            statement.Step();
        }
        finally
        {
            statement.Reset();
        }
    }

    private static string Parameters(int count) =>
        string.Join(", ", Enumerable.Range(1, count).Select(i => "?" + i.ToString(CultureInfo.InvariantCulture)));
}
