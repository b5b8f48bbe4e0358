using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.PostgreSql.Schema;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>What is read of one type: rows and tombstones by key, keys by values, changes by position. Parameter 1 is always the space.</summary>
internal sealed class TypeQueries
{
    private const string RowOrigin = "_tm_device, _tm_command, _tm_offered, _tm_made_by";
    private const int RangedMin = 8;

    // Keys that do not grow will not next time either: a look that tells nothing is a round trip for nothing.
    private const int ProbesLeftOut = 31;
    private const string GoneOrigin = "device, command, offered, made_by";

    /// <summary>Where the fields of a line of changes begin.</summary>
    internal const int FirstColumn = 2;

    private readonly string _find;
    private readonly string _findGone;
    private readonly (string Live, string Gone)? _withinRange;
    private readonly string? _anyWithin;
    private int _leaveOut;
    private readonly string _changesBehindPosition;
    private readonly string _changesBehindKey;
    private readonly string _countBehindPosition;
    private readonly string _countBehindKey;
    private readonly string _scan;
    private readonly Dictionary<string, string> _findKeys = new(StringComparer.Ordinal);

    public TypeQueries(string schema, EntityType type)
    {
        Tables = new TypeTables(schema, type);
        var t = Tables;
        var columns = string.Join(", ", t.Columns.Select(c => c.Selected("t." + c.Name)));
        var sent = string.Join(", ", t.Keys.Select((k, i) => $"${i + 2}::{k.ArrayType}"));
        var names = string.Join(", ", t.Keys.Select((_, i) => "p" + i));
        var folded = t.Keys.Select((_, i) => t.FoldedSent(i, "u.p" + i)).ToArray();

        // OFFSET 0: one look into the index for each key, whatever the planner believes of a space it has no statistics of.
        _find = $"SELECT u.nr, x.* FROM unnest({sent}) WITH ORDINALITY AS u({names}, nr) CROSS JOIN LATERAL (SELECT {columns}, t._tm_version, {Prefixed("t", RowOrigin)} FROM {t.Live} t WHERE t.space_id = $1 AND {TypeTables.Match(t.FoldedKeys("t"), folded)} OFFSET 0) x";
        _findGone = $"SELECT u.nr, x.* FROM unnest({sent}) WITH ORDINALITY AS u({names}, nr) CROSS JOIN LATERAL (SELECT {string.Join(", ", t.Keys.Select((k, i) => k.Selected("g.k" + i)))}, g.position, {Prefixed("g", GoneOrigin)} FROM {t.Gone} g WHERE g.space_id = $1 AND {TypeTables.Match(t.FoldedGoneKeys("g"), folded)} OFFSET 0) x";
        if (t.Keys is [{ IsRanged: true } key0])
        {
            _withinRange = (WithinRange(t.Live, key0.Name, 3), WithinRange(t.Gone, "k0", 3));
            _anyWithin = $"SELECT {WithinRange(t.Live, key0.Name, 2)} OR {WithinRange(t.Gone, "k0", 2)}";
        }

        _scan = $"SELECT {columns} FROM {t.Live} t WHERE t.space_id = $1";
        var (key, gone) = (t.Keys[0].Name, "k0");
        HighestId = $"({Highest(t.Live, key, "")}) UNION ALL ({Highest(t.Gone, gone, "")})";
        HighestForgotten = Highest(t.Gone, gone, " AND position < $2");
        _changesBehindPosition = Changes(behindKey: false);
        _changesBehindKey = Changes(behindKey: true);
        _countBehindPosition = Count(behindKey: false);
        _countBehindKey = Count(behindKey: true);
    }

    public TypeTables Tables { get; }

    public EntityType Type => Tables.Type;

    public NpgsqlBatchCommand Find(SpaceId space, IReadOnlyList<EntityKey> keys) => ByKeys(_find, _withinRange?.Live, space, keys);

    public NpgsqlBatchCommand FindGone(SpaceId space, IReadOnlyList<EntityKey> keys) => ByKeys(_findGone, _withinRange?.Gone, space, keys);

    /// <summary>Does a row or a tombstone stand between the least and the greatest of these keys? Null where they are few, or in no order that both sides have.</summary>
    public NpgsqlBatchCommand? AnyWithin(SpaceId space, IReadOnlyList<EntityKey> keys)
    {
        if (_anyWithin is null || keys.Count < RangedMin || (_leaveOut > 0 && _leaveOut-- > 0))
        {
            return null;
        }

        var command = Spaced(_anyWithin, space);
        AddRange(command, keys);
        return command;
    }

    /// <summary>What came of <see cref="AnyWithin"/>. Pushes of other threads may count too: it is only about when to ask.</summary>
    public void Met(bool isAny) => _leaveOut = isAny ? ProbesLeftOut : 0;

    public string Scan => _scan;

    /// <summary>The highest whole number that is or was a key, of rows and of tombstones. Where keys may be of any class, numbers are looked through from above.</summary>
    public string HighestId { get; }

    /// <summary>The highest whole number among the tombstones below position $2.</summary>
    public string HighestForgotten { get; }

    /// <summary>Keys of the rows whose fields hold one of many sets of values, each with the number of its set, from 1.</summary>
    public NpgsqlBatchCommand FindKeys(SpaceId space, IReadOnlyList<int> ordinals, IReadOnlyList<Value[]> sets)
    {
        var name = string.Join(',', ordinals);
        if (!_findKeys.TryGetValue(name, out var sql))
        {
            var columns = ordinals.Select(o => Tables.Columns[o]).ToArray();
            var sent = string.Join(", ", columns.Select((c, i) => $"${i + 2}::{c.ArrayType}"));
            var match = TypeTables.Match(ordinals.Select(o => Tables.FoldedColumn(o, "t." + Tables.Columns[o].Name)), ordinals.Select((o, i) => Tables.FoldedColumn(o, Tables.Columns[o].Received("u.p" + i))));
            _findKeys[name] = sql = $"SELECT u.nr, x.* FROM unnest({sent}) WITH ORDINALITY AS u({string.Join(", ", columns.Select((_, i) => "p" + i))}, nr) CROSS JOIN LATERAL (SELECT {string.Join(", ", Tables.Keys.Select(k => k.Selected("t." + k.Name)))} FROM {Tables.Live} t WHERE t.space_id = $1 AND {match} OFFSET 0) x";
        }

        var command = Spaced(sql, space);
        for (var i = 0; i < ordinals.Count; i++)
        {
            var part = i;
            command.Parameters.Add(Tables.Columns[ordinals[i]].Many(sets.Count, n => sets[n][part]));
        }

        return command;
    }

    public NpgsqlBatchCommand Changes(SpaceId space, ChangePlace after, long until, int countMax) =>
        Ranged(after.Key is null ? _changesBehindPosition : _changesBehindKey, space, after, until, countMax);

    public NpgsqlBatchCommand Count(SpaceId space, ChangePlace after, long until, long countMax) =>
        Ranged(after.Key is null ? _countBehindPosition : _countBehindKey, space, after, until, countMax);

    public Row RowAt(NpgsqlDataReader reader, int first)
    {
        var values = new Value[Tables.Columns.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Tables.Columns[i].Read(reader, first + i);
        }

        return new Row(Type, values);
    }

    public StoredRow StoredAt(NpgsqlDataReader reader, int first) =>
        new(RowAt(reader, first), reader.GetInt64(first + Tables.Columns.Count), OriginAt(reader, first + Tables.Columns.Count + 1));

    public EntityKey KeyAt(NpgsqlDataReader reader, int first)
    {
        var parts = new Value[Tables.Keys.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Tables.Keys[i].Read(reader, first + i);
        }

        return new EntityKey(parts);
    }

    public Tombstone TombstoneAt(NpgsqlDataReader reader, int first) =>
        new(KeyAt(reader, first), reader.GetInt64(first + Tables.Keys.Count), OriginAt(reader, first + Tables.Keys.Count + 1));

    /// <summary>A line of <see cref="Changes(SpaceId, ChangePlace, long, int)"/>: position, is it a tombstone, the fields (of a tombstone its key), the origin.</summary>
    public StoredChange ChangeAt(NpgsqlDataReader reader)
    {
        var change = HeadAt(reader);
        return IsGone(reader) ? change : change with { Row = RowAt(reader, FirstColumn) };
    }

    /// <summary>The same without its row.</summary>
    public StoredChange HeadAt(NpgsqlDataReader reader)
    {
        var parts = new Value[Tables.Keys.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Tables.Keys[i].Read(reader, FirstColumn + Type.KeyOrdinals[i]);
        }

        return new StoredChange(Type, new EntityKey(parts), null, reader.GetInt64(0), OriginAt(reader, FirstColumn + Tables.Columns.Count));
    }

    public static bool IsGone(NpgsqlDataReader reader) => reader.GetBoolean(1);

    /// <summary>The key parts in the order of the type's key, folded: equal keys are equal here.</summary>
    public EntityKey Folded(EntityKey key)
    {
        Value[]? parts = null;
        for (var i = 0; i < key.Count; i++)
        {
            var value = Folding.Fold(Type.Fields[Type.KeyOrdinals[i]], key[i]);
            if (value != key[i])
            {
                (parts ??= key.Parts.ToArray())[i] = value;
            }
        }

        return parts is null ? key : new EntityKey(parts);
    }

    public EntityKey FoldedValues(IReadOnlyList<int> ordinals, ReadOnlySpan<Value> values)
    {
        var parts = new Value[ordinals.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Folding.Fold(Type.Fields[ordinals[i]], values[i]);
        }

        return new EntityKey(parts);
    }

    public static NpgsqlBatchCommand Spaced(string sql, SpaceId space) => new(sql) { Parameters = { new NpgsqlParameter<string> { TypedValue = space.Value } } };

    // New rows have keys behind all others, mostly: is there nothing between the least and the greatest of many, one look says so.
    private string WithinRange(string table, string column, int first) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"EXISTS (SELECT 1 FROM {table} r WHERE r.space_id = $1 AND r.{column} >= {Tables.Keys[0].ReceivedScalar($"${first}")} AND r.{column} <= {Tables.Keys[0].ReceivedScalar($"${first + 1}")})");

    private NpgsqlBatchCommand ByKeys(string sql, string? withinRange, SpaceId space, IReadOnlyList<EntityKey> keys)
    {
        var isRanged = withinRange is not null && keys.Count >= RangedMin;
        var command = Spaced(isRanged ? $"{sql} WHERE {withinRange}" : sql, space);
        for (var i = 0; i < Tables.Keys.Count; i++)
        {
            var part = i;
            command.Parameters.Add(Tables.Keys[i].Many(keys.Count, n => keys[n][part]));
        }

        if (isRanged)
        {
            AddRange(command, keys);
        }

        return command;
    }

    private void AddRange(NpgsqlBatchCommand command, IReadOnlyList<EntityKey> keys)
    {
        command.Parameters.Add(Tables.Keys[0].Scalar(keys.Min()[0]));
        command.Parameters.Add(Tables.Keys[0].Scalar(keys.Max()[0]));
    }

    private NpgsqlBatchCommand Ranged(string sql, SpaceId space, ChangePlace after, long until, long countMax)
    {
        var command = Spaced(sql, space);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after.Position });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = until });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = countMax });
        for (var i = 0; i < (after.Key?.Count ?? 0); i++)
        {
            command.Parameters.Add(Tables.Keys[i].Scalar(after.Key!.Value[i]));
        }

        return command;
    }

    // Rows and tombstones of a type in one order, each by its own index; the order is the database's, whatever its collation of numbers and texts is.
    private string Changes(bool behindKey)
    {
        var t = Tables;
        var ordered = string.Join(", ", t.Keys.Select((_, i) => "o" + i));
        var live = $"SELECT _tm_version AS v, false AS gone, {string.Join(", ", t.Columns.Select((c, i) => $"{c.Selected(c.Name)} AS c{i}"))}, {RowOrigin}, {Aliased(t.FoldedKeys())} FROM {t.Live} WHERE {Range("_tm_version", t.FoldedKeys(), behindKey)} ORDER BY _tm_version, {string.Join(", ", t.FoldedKeys())} LIMIT $4";
        var gone = $"SELECT position, true, {string.Join(", ", t.Columns.Select((c, i) => GoneColumn(c, i)))}, {GoneOrigin}, {Aliased(t.FoldedGoneKeys())} FROM {t.Gone} WHERE {Range("position", t.FoldedGoneKeys(), behindKey)} ORDER BY position, {string.Join(", ", t.FoldedGoneKeys())} LIMIT $4";
        return $"SELECT v, gone, {string.Join(", ", t.Columns.Select((_, i) => "c" + i))}, {RowOrigin} FROM (({live}) UNION ALL ({gone})) AS both_kinds ORDER BY v, {ordered} LIMIT $4";
    }

    private string Highest(string table, string column, string also) => Tables.Keys[0].SqlType switch
    {
        "bigint" => $"SELECT max({column}) FROM {table} WHERE space_id = $1{also}",
        "jsonb" => $"SELECT ({column} #>> '{{}}')::bigint FROM {table} WHERE space_id = $1{also} AND jsonb_typeof({column}) = 'number' AND {column}::text ~ '^-?[0-9]{{1,18}}$' ORDER BY {column} DESC LIMIT 1",
        _ => $"SELECT 0::bigint FROM {table} WHERE space_id = $1{also} LIMIT 0",
    };

    private string GoneColumn(ColumnForm column, int ordinal)
    {
        for (var i = 0; i < Tables.Keys.Count; i++)
        {
            if (Type.KeyOrdinals[i] == ordinal)
            {
                return column.Selected("k" + i);
            }
        }

        return column.Selected("NULL::" + column.SqlType);
    }

    private string Count(bool behindKey)
    {
        var t = Tables;
        return $"SELECT (SELECT count(*) FROM (SELECT 1 FROM {t.Live} WHERE {Range("_tm_version", t.FoldedKeys(), behindKey)} LIMIT $4) a) + (SELECT count(*) FROM (SELECT 1 FROM {t.Gone} WHERE {Range("position", t.FoldedGoneKeys(), behindKey)} LIMIT $4) b)";
    }

    private string Range(string position, IEnumerable<string> keys, bool behindKey) => behindKey
        ? $"space_id = $1 AND ({position}, {string.Join(", ", keys)}) > ($2, {string.Join(", ", Tables.Keys.Select((k, i) => k.Folded(Tables.Schema, k.ReceivedScalar("$" + (i + 5).ToString(System.Globalization.CultureInfo.InvariantCulture)))))}) AND {position} <= $3"
        : $"space_id = $1 AND {position} > $2 AND {position} <= $3";

    private static string Aliased(IEnumerable<string> expressions) => string.Join(", ", expressions.Select((e, i) => $"{e} AS o{i}"));

    private static string Prefixed(string alias, string columns) => alias + "." + columns.Replace(", ", $", {alias}.", StringComparison.Ordinal);

    private static RowOrigin OriginAt(NpgsqlDataReader reader, int first) => new(
        reader.IsDBNull(first) ? null : reader.GetString(first),
        reader.IsDBNull(first + 1) ? null : reader.GetGuid(first + 1),
        reader.IsDBNull(first + 2) ? null : reader.GetInt64(first + 2),
        reader.IsDBNull(first + 3) ? null : reader.GetGuid(first + 3));
}
