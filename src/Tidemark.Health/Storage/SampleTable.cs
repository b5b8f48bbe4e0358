using Microsoft.Data.Sqlite;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>What the file knows of one sample.</summary>
internal readonly record struct KnownSample(long Seq, long Version, double? Value, bool IsDeleted);

/// <summary>The samples of the file in the order in which it learned of them: a sample that changes or goes takes the last place.</summary>
internal sealed class SampleTable(KeptStatements statements, SqliteConnection connection)
{
    private const string Columns = "seq, id, type, start, stop, value, unit, category, zone, origin, created, version, deleted, extra";
    private const string InsertSql = $"INSERT INTO _tm_health_sample({Columns}, export) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14) ON CONFLICT(id) DO NOTHING";
    private const string FindSql = "SELECT seq, version, value, deleted FROM _tm_health_sample WHERE id = ?1";
    private const string PageSql = $"SELECT {Columns} FROM _tm_health_sample WHERE type = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    private const string RangeSql = $"SELECT {Columns} FROM _tm_health_sample WHERE type = ?1 AND seq > ?2 AND start >= ?4 AND start < ?5 ORDER BY seq LIMIT ?3";
    private readonly Dictionary<string, TypeRow> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<HealthOrigin, long> _origins = [];
    private readonly Dictionary<long, HealthOrigin> _originsById = [];
    private readonly Dictionary<long, TypeRow> _typesById = [];
    private HealthOrigin? _lastOrigin;
    private long _lastOriginId;
    private long _last = -1;

    /// <summary>The last place given out.</summary>
    public long Last => _last >= 0 ? _last : _last = connection.Scalar("SELECT coalesce(max(seq), 0) FROM _tm_health_sample").AsInteger;

    /// <summary>After a rollback: ids that were given out in it are not there.</summary>
    public void Forget()
    {
        _types.Clear();
        _typesById.Clear();
        _origins.Clear();
        _originsById.Clear();
        _lastOrigin = null;
        _last = -1;
    }

    public KnownSample? Find(Guid id)
    {
        var statement = statements.Get(FindSql);
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        statement.Bind(1, bytes);
        KnownSample? known = statement.Step()
            ? new KnownSample(statement.ColumnInt64(0), statement.ColumnInt64(1), statement.ColumnIsNull(2) ? null : statement.ColumnDouble(2), statement.ColumnInt64(3) != 0)
            : null;
        statement.Reset();
        return known;
    }

    /// <returns>Its place; null when there is a sample of that id.</returns>
    public long? Insert(Guid id, HealthSample sample, long version, ExportKind kind)
    {
        var seq = Last + 1;
        var statement = statements.Get(InsertSql);
        Bind(statement, seq, id, sample, version);
        statement.Bind(14, (long)kind);
        if (statement.Execute() == 0)
        {
            return null;
        }

        return _last = seq;
    }

    /// <summary>Puts another version of a sample in its place and at the end of the order.</summary>
    public long Replace(in KnownSample known, Guid id, HealthSample sample, long version, ExportKind kind)
    {
        var seq = Last + 1;
        var statement = statements.Get("UPDATE _tm_health_sample SET seq = ?1, id = ?2, type = ?3, start = ?4, stop = ?5, value = ?6, unit = ?7, category = ?8, zone = ?9, origin = ?10, created = ?11, version = ?12, deleted = 0, extra = ?13, export = ?14 WHERE seq = ?15");
        Bind(statement, seq, id, sample, version);
        statement.Bind(14, (long)kind);
        statement.Bind(15, known.Seq);
        statement.Execute();
        return _last = seq;
    }

    public void Delete(long seq)
    {
        var next = Last + 1;
        statements.Get("UPDATE _tm_health_sample SET seq = ?1, deleted = 1, extra = NULL WHERE seq = ?2").BindAll(Value.Integer(next), Value.Integer(seq)).Execute();
        _last = next;
    }

    /// <summary>Place and type of every living sample of a kind of export, in order.</summary>
    /// <param name="kind">The others know nothing of it.</param>
    /// <param name="untilMs">Those that were written later are left out.</param>
    public IEnumerable<(long Seq, long Type)> Living(ExportKind kind, long untilMs)
    {
        using var statement = new RawStatement(connection, "SELECT seq, type FROM _tm_health_sample WHERE deleted = 0 AND export = ?1 AND coalesce(created, 0) <= ?2 ORDER BY seq");
        statement.Bind(1, (long)kind);
        statement.Bind(2, untilMs);
        while (statement.Step())
        {
            yield return (statement.ColumnInt64(0), statement.ColumnInt64(1));
        }
    }

    public IReadOnlyList<string> Types() => connection.Query("SELECT name FROM _tm_health_type ORDER BY name").ConvertAll(r => r[0].AsText);

    public string NameOf(long type) => RowOf(type).Name;

    /// <summary>Living and deleted samples of a type after a place.</summary>
    public List<(long Seq, HealthSample Sample, bool IsDeleted)> Page(string type, long after, int limit) => Page(PageSql, type, Value.Integer(after), Value.Integer(limit));

    /// <summary>As <see cref="Page(string, long, int)"/>, those alone that start in [from, to).</summary>
    public List<(long Seq, HealthSample Sample, bool IsDeleted)> Page(string type, long fromMs, long toMs, long after, int limit) =>
        Page(RangeSql, type, Value.Integer(after), Value.Integer(limit), Value.Integer(fromMs), Value.Integer(toMs));

    /// <summary>Number and digest of the living samples of every UTC day.</summary>
    public SortedDictionary<long, SetDigest> Digests(string type)
    {
        var days = new SortedDictionary<long, SetDigest>();
        using var statement = new RawStatement(connection, "SELECT s.id, s.version, s.start FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type WHERE t.name = ?1 AND s.deleted = 0");
        statement.Bind(1, type);
        while (statement.Step())
        {
            var day = HealthDigest.DayOf(statement.ColumnInt64(2));
            var digest = days.GetValueOrDefault(day);
            HealthDigest.Add(ref digest, new Guid(statement.ColumnBytes(0), bigEndian: true), statement.ColumnInt64(1));
            days[day] = digest;
        }

        return days;
    }

    private List<(long Seq, HealthSample Sample, bool IsDeleted)> Page(string sql, string type, params ReadOnlySpan<Value> values)
    {
        var page = new List<(long, HealthSample, bool)>();
        if (connection.Scalar("SELECT type FROM _tm_health_type WHERE name = ?1", Value.Text(type)) is not { Kind: ValueKind.Integer } id)
        {
            return page;
        }

        using var statement = new RawStatement(connection, sql);
        statement.BindAll([id, .. values]);
        while (statement.Step())
        {
            page.Add((statement.ColumnInt64(0), Read(statement), statement.ColumnInt64(12) != 0));
        }

        return page;
    }

    private HealthSample Read(RawStatement row)
    {
        var type = RowOf(row.ColumnInt64(2));
        double? value = row.ColumnIsNull(5) ? null : row.ColumnDouble(5);
        return new HealthSample
        {
            Id = new Guid(row.ColumnBytes(1), bigEndian: true),
            Kind = type.Kind,
            Type = type.Name,
            StartMs = row.ColumnInt64(3),
            EndMs = row.ColumnInt64(4),
            Value = value,
            Unit = value is null ? null : row.ColumnText(6) ?? type.Unit,
            Category = row.ColumnText(7),
            Zone = row.ColumnText(8),
            Origin = OriginOf(row.ColumnInt64(9)),
            CreatedMs = row.ColumnIsNull(10) ? null : row.ColumnInt64(10),
            Version = row.ColumnInt64(11),
            Extra = row.ColumnBlob(13) is { } extra ? new RawJson(extra) : null,
        };
    }

    private void Bind(RawStatement statement, long seq, Guid id, HealthSample sample, long version)
    {
        var type = TypeOf(sample);
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        statement.Bind(1, seq);
        statement.Bind(2, bytes);
        statement.Bind(3, type.Id);
        statement.Bind(4, sample.StartMs);
        statement.Bind(5, sample.EndMs);
        if (sample.Value is { } value)
        {
            statement.Bind(6, value);
        }

        if (!string.Equals(sample.Unit, type.Unit, StringComparison.Ordinal))
        {
            statement.Bind(7, sample.Unit);
        }

        statement.Bind(8, sample.Category);
        statement.Bind(9, sample.Zone);
        statement.Bind(10, OriginIdOf(sample.Origin));
        if (sample.CreatedMs is { } created)
        {
            statement.Bind(11, created);
        }

        statement.Bind(12, version);
        if (sample.Extra is { } extra)
        {
            statement.Bind(13, extra.Utf8.Span);
        }
    }

    private TypeRow TypeOf(HealthSample sample)
    {
        if (_types.TryGetValue(sample.Type, out var row))
        {
            return row;
        }

        connection.Run("INSERT INTO _tm_health_type(name, kind, unit) VALUES(?1, ?2, ?3) ON CONFLICT(name) DO NOTHING", Value.Text(sample.Type), Value.Integer((int)sample.Kind), sample.Unit is null ? Value.Null : Value.Text(sample.Unit));
        var known = connection.Query("SELECT type, name, kind, unit FROM _tm_health_type WHERE name = ?1", Value.Text(sample.Type))[0];
        return _types[sample.Type] = ToRow(known);
    }

    private TypeRow RowOf(long type) => _typesById.TryGetValue(type, out var row)
        ? row
        : _typesById[type] = ToRow(connection.Query("SELECT type, name, kind, unit FROM _tm_health_type WHERE type = ?1", Value.Integer(type))[0]);

    private static TypeRow ToRow(Value[] row) => new(row[0].AsInteger, row[1].AsText, (HealthKind)row[2].AsInteger, row[3].Kind == ValueKind.Text ? row[3].AsText : null);

    private long OriginIdOf(HealthOrigin origin)
    {
        if (ReferenceEquals(origin, _lastOrigin))
        {
            return _lastOriginId;
        }

        if (!_origins.TryGetValue(origin, out var id))
        {
            var json = HealthSampleJson.ToText(origin);
            connection.Run("INSERT INTO _tm_health_origin(json) VALUES(?1) ON CONFLICT(json) DO NOTHING", Value.Text(json));
            _origins[origin] = id = connection.Scalar("SELECT origin FROM _tm_health_origin WHERE json = ?1", Value.Text(json)).AsInteger;
        }

        (_lastOrigin, _lastOriginId) = (origin, id);
        return id;
    }

    private HealthOrigin OriginOf(long id) => _originsById.TryGetValue(id, out var origin)
        ? origin
        : _originsById[id] = HealthSampleJson.ParseOrigin(System.Text.Encoding.UTF8.GetBytes(connection.Scalar("SELECT json FROM _tm_health_origin WHERE origin = ?1", Value.Integer(id)).AsText));

    private sealed record TypeRow(long Id, string Name, HealthKind Kind, string? Unit);
}
