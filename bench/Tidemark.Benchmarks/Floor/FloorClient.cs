using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;

namespace Tidemark.Benchmarks.Floor;

/// <summary>The device's half of the floor: pages into raw upserts in one transaction, rows noted as dirty out as JSON.</summary>
internal sealed class FloorClient : IDisposable
{
    private const string UpsertSql = """
        INSERT INTO journal_entries VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)
        ON CONFLICT(id) DO UPDATE SET user_id=?2,kind=?3,title=?4,body=?5,created_at=?6,updated_at=?7,mood=?8,score=?9,revision=?10
        """;

    private readonly BareDatabase _database;
    private readonly BareStatement _upsert;
    private readonly BareStatement _dirty;
    private readonly HttpClient _http;

    public FloorClient(string path, Uri server)
    {
        _database = new BareDatabase(path);
        _database.Execute(BenchTable.Ddl.Replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", StringComparison.Ordinal));
        _database.Execute("CREATE TABLE IF NOT EXISTS cursor(at INTEGER); CREATE TABLE IF NOT EXISTS dirty(seq INTEGER PRIMARY KEY, id TEXT)");
        _upsert = _database.Prepare(UpsertSql);
        _dirty = _database.Prepare("SELECT j.*, d.seq FROM dirty d JOIN journal_entries j ON j.id=d.id ORDER BY d.seq LIMIT ?1");
        _http = new HttpClient { BaseAddress = server };
    }

    public long Rows => _database.Scalar("SELECT count(*) FROM journal_entries");

    /// <summary>Local rows with the note that they are to be pushed.</summary>
    public void Write(IEnumerable<BenchRow> rows)
    {
        using var note = _database.Prepare("INSERT INTO dirty(id) VALUES(?1)");
        _database.Execute("BEGIN IMMEDIATE");
        foreach (var row in rows)
        {
            BenchTable.Bind(_upsert, row);
            _upsert.Run();
            note.Bind(1, row.Id);
            note.Run();
        }

        _database.Execute("COMMIT");
    }

    /// <summary>Pages until the server has no more; the transaction is opened by the first row, so that nothing to do writes nothing.</summary>
    public async Task PullAsync(int pageRows, CancellationToken cancel)
    {
        var cursor = _database.Scalar("SELECT max(at) FROM cursor");
        var begun = false;
        for (var more = true; more;)
        {
            var page = await _http.GetByteArrayAsync(string.Create(CultureInfo.InvariantCulture, $"/changes?after={cursor}&limit={pageRows}"), cancel);
            more = Apply(page, ref cursor, ref begun);
        }

        if (begun)
        {
            _database.Execute(string.Create(CultureInfo.InvariantCulture, $"DELETE FROM cursor; INSERT INTO cursor VALUES({cursor}); COMMIT"));
        }
    }

    /// <summary>All dirty rows, at most <paramref name="batchRows"/> a request.</summary>
    public async Task PushAsync(int batchRows, CancellationToken cancel)
    {
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        while (WriteBatch(buffer, batchRows) is var last and > 0)
        {
            using var content = new ReadOnlyMemoryContent(buffer.WrittenMemory);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await _http.PostAsync("/push", content, cancel);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync(cancel);
            _database.Execute(string.Create(CultureInfo.InvariantCulture, $"DELETE FROM dirty WHERE seq<={last}"));
            buffer.Clear();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _upsert.Dispose();
        _dirty.Dispose();
        _database.Dispose();
    }

    private bool Apply(ReadOnlySpan<byte> page, ref long cursor, ref bool begun)
    {
        var reader = new Utf8JsonReader(page);
        reader.Read();
        reader.Read();
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            if (!begun)
            {
                _database.Execute("BEGIN IMMEDIATE");
                begun = true;
            }

            FloorJson.BindRow(ref reader, _upsert);
            _upsert.Run();
        }

        reader.Read();
        reader.Read();
        cursor = reader.GetInt64();
        reader.Read();
        reader.Read();
        return reader.GetBoolean();
    }

    private long WriteBatch(ArrayBufferWriter<byte> buffer, int batchRows)
    {
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartArray();
        _dirty.Bind(1, batchRows);
        var last = 0L;
        while (_dirty.Step())
        {
            writer.WriteStartObject();
            FloorJson.WriteRow(writer, _dirty);
            writer.WriteEndObject();
            last = _dirty.Int64(10);
        }

        _dirty.Reset();
        writer.WriteEndArray();
        return last;
    }
}
