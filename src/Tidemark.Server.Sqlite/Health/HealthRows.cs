using Microsoft.Data.Sqlite;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Health;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite.Health;

/// <summary>Samples as rows on one connection. Not for two threads at once.</summary>
internal sealed class HealthRows(SqliteConnection connection) : IDisposable
{
    public const string Columns = "id, kind, start, stop, value, unit, category, zone, (SELECT json FROM _tm_health_origin o WHERE o.origin = _tm_health_sample.origin), created, version, extra";
    private const string PutSql = """
        INSERT INTO _tm_health_sample(space, id, type, kind, start, stop, value, unit, category, zone, origin, created, version, deleted, received, extra)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15)
        ON CONFLICT(space, id) DO UPDATE SET type = excluded.type, kind = excluded.kind, start = excluded.start, stop = excluded.stop, value = excluded.value, unit = excluded.unit, category = excluded.category,
          zone = excluded.zone, origin = excluded.origin, created = excluded.created, version = excluded.version, deleted = 0, received = excluded.received, extra = excluded.extra
        """;

    private const string DeleteSql = """
        INSERT INTO _tm_health_sample(space, id, type, kind, start, stop, origin, version, deleted, received) VALUES(?1, ?2, ?3, 0, 0, 0, 0, ?4, 1, ?5)
        ON CONFLICT(space, id) DO UPDATE SET version = excluded.version, deleted = 1, received = excluded.received, value = NULL, category = NULL, zone = NULL, extra = NULL
        """;

    private const int NamesKeptMax = 10_000;
    private readonly KeptStatements _statements = new(connection);
    private readonly Dictionary<string, long> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<HealthOrigin, long> _origins = [];

    public void Begin() => _statements.Get("BEGIN IMMEDIATE").Execute();

    public void Commit() => _statements.Get("COMMIT").Execute();

    public void Rollback()
    {
        // Names that were given numbers in it have none.
        _types.Clear();
        _origins.Clear();
        if (!connection.IsAutocommit())
        {
            _statements.Get("ROLLBACK").Execute();
        }
    }

    public long SpaceOf(SpaceId space) => IdOf("_tm_health_space", "space", "name", space.Value);

    public StoredHealth? Find(long space, Guid id)
    {
        var statement = _statements.Get("SELECT version, deleted FROM _tm_health_sample WHERE space = ?1 AND id = ?2");
        statement.Bind(1, space);
        BindId(statement, 2, id);
        StoredHealth? stored = statement.Step() ? new StoredHealth(statement.ColumnInt64(0), statement.ColumnInt64(1) != 0) : null;
        statement.Reset();
        return stored;
    }

    public void Put(long space, HealthSample sample, long receivedMs)
    {
        var statement = _statements.Get(PutSql);
        statement.Bind(1, space);
        BindId(statement, 2, sample.Id);
        statement.Bind(3, TypeOf(sample.Type));
        statement.Bind(4, (long)sample.Kind);
        statement.Bind(5, sample.StartMs);
        statement.Bind(6, sample.EndMs);
        if (sample.Value is { } value)
        {
            statement.Bind(7, value);
        }

        statement.Bind(8, sample.Unit);
        statement.Bind(9, sample.Category);
        statement.Bind(10, sample.Zone);
        statement.Bind(11, OriginOf(sample.Origin));
        if (sample.CreatedMs is { } created)
        {
            statement.Bind(12, created);
        }

        statement.Bind(13, sample.Version);
        statement.Bind(14, receivedMs);
        if (sample.Extra is { } extra)
        {
            statement.Bind(15, extra.Utf8.Span);
        }

        statement.Execute();
    }

    public void Delete(long space, HealthDelete delete, long receivedMs)
    {
        var statement = _statements.Get(DeleteSql);
        statement.Bind(1, space);
        BindId(statement, 2, delete.Id);
        statement.Bind(3, TypeOf(delete.Type));
        statement.Bind(4, delete.Version);
        statement.Bind(5, receivedMs);
        statement.Execute();
    }

    /// <summary>The numbers of a space and a type; null when one of them has none.</summary>
    public static (long Space, long Type)? Find(SqliteConnection db, SpaceId space, string type) =>
        db.Query("SELECT s.space, t.type FROM _tm_health_space s, _tm_health_type t WHERE s.name = ?1 AND t.name = ?2", Value.Text(space.Value), Value.Text(type)) is [[var spaceId, var typeId]]
            ? (spaceId.AsInteger, typeId.AsInteger)
            : null;

    public static HealthSample Read(RawStatement row, string type, HealthOrigins origins) => new()
    {
        Id = new Guid(row.ColumnBytes(0), bigEndian: true),
        Kind = (HealthKind)row.ColumnInt64(1),
        Type = type,
        StartMs = row.ColumnInt64(2),
        EndMs = row.ColumnInt64(3),
        Value = row.ColumnIsNull(4) ? null : row.ColumnDouble(4),
        Unit = row.ColumnText(5),
        Category = row.ColumnText(6),
        Zone = row.ColumnText(7),
        Origin = origins.Of(row.ColumnBytes(8)),
        CreatedMs = row.ColumnIsNull(9) ? null : row.ColumnInt64(9),
        Version = row.ColumnInt64(10),
        Extra = row.ColumnBlob(11) is { } extra ? new RawJson(extra) : null,
    };

    public void Dispose() => _statements.Dispose();

    private long TypeOf(string name) => _types.TryGetValue(name, out var id) ? id : Kept(_types, name, IdOf("_tm_health_type", "type", "name", name));

    private long OriginOf(HealthOrigin origin) => _origins.TryGetValue(origin, out var id) ? id : Kept(_origins, origin, IdOf("_tm_health_origin", "origin", "json", HealthSampleJson.ToText(origin)));

    private static long Kept<T>(Dictionary<T, long> ids, T name, long id)
        where T : notnull
    {
        if (ids.Count >= NamesKeptMax)
        {
            ids.Clear();
        }

        return ids[name] = id;
    }

    private long IdOf(string table, string id, string column, string text)
    {
        connection.Run($"INSERT INTO {table}({column}) VALUES(?1) ON CONFLICT({column}) DO NOTHING", Value.Text(text));
        return connection.Scalar($"SELECT {id} FROM {table} WHERE {column} = ?1", Value.Text(text)).AsInteger;
    }

    private static void BindId(RawStatement statement, int index, Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        statement.Bind(index, bytes);
    }
}
