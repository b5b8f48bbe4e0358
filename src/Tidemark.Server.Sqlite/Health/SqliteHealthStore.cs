using Microsoft.Data.Sqlite;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Health;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite.Health;

/// <summary>Health samples in an SQLite file of their own, beside the one with the synced rows: bulk writes of the one do not hold up the other.</summary>
public sealed class SqliteHealthStore : IHealthStore
{
    private const int ReadersMax = 4;
    private const string ReadSql = $"SELECT {HealthRows.Columns} FROM _tm_health_sample WHERE space = ?1 AND type = ?2 AND deleted = 0 AND start >= ?3 AND start < ?4 AND (start, id) > (?5, ?6) ORDER BY start, id LIMIT ?7";
    private const string StatesSql = """
        SELECT t.name, sum(s.deleted = 0), sum(s.deleted), min(CASE WHEN s.deleted = 0 THEN s.start END), max(CASE WHEN s.deleted = 0 THEN s.stop END), max(s.received)
        FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type WHERE s.space = ?1 GROUP BY s.type ORDER BY t.name
        """;

    private readonly string _path;
    private readonly SqliteConnection _writer;
    private readonly IStatementWatch? _watch;
    private readonly HealthRows _rows;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly System.Collections.Concurrent.ConcurrentBag<SqliteConnection> _readers = [];
    private int _disposed;

    private SqliteHealthStore(string path, SqliteConnection writer, IStatementWatch? watch)
    {
        _watch = watch;
        _path = path;
        _writer = writer;
        _rows = new HealthRows(writer);
    }

    /// <summary>Opens the file, or makes it.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="watch">Stands before every statement; null: nothing does.</param>
    /// <exception cref="StoreException">The file is in trouble, or from a newer version.</exception>
    public static SqliteHealthStore Open(string path, IStatementWatch? watch = null)
    {
        var file = SqliteFile.CanonicalPath(path);
        var writer = SqliteFile.Open(file, new OpenOptions { CreateIfMissing = true, ForeignKeys = false, Checkpoints = true, Watch = watch });
        try
        {
            HealthServerSchema.SetUp(writer, file);
            return new SqliteHealthStore(file, writer, watch);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    public async ValueTask<IHealthTransaction> WriteAsync(SpaceId space, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Guarded(() =>
            {
                _rows.Begin();
                return new SqliteHealthTransaction(_rows, _rows.SpaceOf(space), () => _writing.Release());
            });
        }
        catch
        {
            _writing.Release();
            throw;
        }
    }

    public ValueTask<IReadOnlyList<HealthSample>> ReadAsync(SpaceId space, string type, long fromMs, long toMs, HealthPlace? after, int limit, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reading<IReadOnlyList<HealthSample>>(db =>
        {
            if (HealthRows.Find(db, space, type) is not var (spaceId, typeId))
            {
                return [];
            }

            var samples = new List<HealthSample>();
            var origins = new HealthOrigins();
            using var statement = new RawStatement(db, ReadSql);
            statement.BindAll(
                Value.Integer(spaceId), Value.Integer(typeId), Value.Integer(fromMs), Value.Integer(toMs),
                Value.Integer(after?.StartMs ?? long.MinValue), Value.Blob(after is { } place ? place.Id.ToByteArray(bigEndian: true) : []), Value.Integer(limit));
            while (statement.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                samples.Add(HealthRows.Read(statement, type, origins));
            }

            return samples;
        }));

    public ValueTask<IReadOnlyList<HealthTypeState>> GetTypesAsync(SpaceId space, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reading<IReadOnlyList<HealthTypeState>>(db =>
            db.Query("SELECT space FROM _tm_health_space WHERE name = ?1", Value.Text(space.Value)) is [[var id]]
                ? db.Query(StatesSql, id).ConvertAll(r => new HealthTypeState
                {
                    Type = r[0].AsText,
                    Samples = r[1].AsInteger,
                    Deleted = r[2].AsInteger,
                    First = TimeOf(r[3]),
                    Last = TimeOf(r[4]),
                    ReceivedAt = TimeOf(r[5]),
                })
                : []));

    public ValueTask VisitAsync(SpaceId space, string type, long fromMs, long toMs, Action<Guid, long, long> visit, CancellationToken cancellationToken)
    {
        Reading(db =>
        {
            if (HealthRows.Find(db, space, type) is not var (spaceId, typeId))
            {
                return false;
            }

            using var statement = new RawStatement(db, "SELECT id, version, start FROM _tm_health_sample WHERE space = ?1 AND type = ?2 AND deleted = 0 AND start >= ?3 AND start < ?4 ORDER BY start");
            statement.BindAll(Value.Integer(spaceId), Value.Integer(typeId), Value.Integer(fromMs), Value.Integer(toMs));
            while (statement.Step())
            {
                visit(new Guid(statement.ColumnBytes(0), bigEndian: true), statement.ColumnInt64(1), statement.ColumnInt64(2));
            }

            return true;
        });
        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<HealthInterval>> GetIntervalsAsync(SpaceId space, string type, long fromMs, long toMs, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reading<IReadOnlyList<HealthInterval>>(db =>
        {
            if (HealthRows.Find(db, space, type) is not var (spaceId, typeId))
            {
                return [];
            }

            var intervals = new List<HealthInterval>();
            var sources = new Dictionary<long, string>();
            using var statement = new RawStatement(db, "SELECT start, stop, value, origin FROM _tm_health_sample WHERE space = ?1 AND type = ?2 AND deleted = 0 AND start < ?4 AND stop >= ?3 ORDER BY start");
            statement.BindAll(Value.Integer(spaceId), Value.Integer(typeId), Value.Integer(fromMs), Value.Integer(toMs));
            while (statement.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                var origin = statement.ColumnInt64(3);
                if (!sources.TryGetValue(origin, out var source))
                {
                    var json = db.Scalar("SELECT json FROM _tm_health_origin WHERE origin = ?1", Value.Integer(origin)).AsText;
                    sources[origin] = source = HealthSampleJson.ParseOrigin(System.Text.Encoding.UTF8.GetBytes(json)).Source;
                }

                intervals.Add(new HealthInterval(statement.ColumnInt64(0), statement.ColumnInt64(1), statement.ColumnIsNull(2) ? null : statement.ColumnDouble(2), source));
            }

            return intervals;
        }));

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _writing.WaitAsync().ConfigureAwait(false);
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _rows.Dispose();
        _writer.Dispose();
        _writing.Dispose();
    }

    internal static T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (StoreException e)
        {
            throw new ServerException(Problems.Describe(ErrorCodes.Unavailable, "The server's storage of health data cannot answer now."), e) { Cause = e.Message };
        }
    }

    private static DateTimeOffset? TimeOf(Value ms) => ms.Kind == ValueKind.Integer ? DateTimeOffset.FromUnixTimeMilliseconds(ms.AsInteger) : null;

    private T Reading<T>(Func<SqliteConnection, T> work) => Guarded(() =>
    {
        var reader = _readers.TryTake(out var kept) ? kept : SqliteFile.Open(_path, new OpenOptions { ForeignKeys = false, QueryOnly = true, Watch = _watch });
        try
        {
            return work(reader);
        }
        finally
        {
            if (_readers.Count < ReadersMax)
            {
                _readers.Add(reader);
            }
            else
            {
                reader.Dispose();
            }
        }
    });
}
