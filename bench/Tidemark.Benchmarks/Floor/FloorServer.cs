using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;

namespace Tidemark.Benchmarks.Floor;

/// <summary>What one would write by hand in an afternoon: a table with a counter as version, pages out of it, an upsert into it. No users, no checks, no verdicts, no deletes.</summary>
internal sealed class FloorServer : IAsyncDisposable
{
    private const string UpsertSql = """
        INSERT INTO journal_entries VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
        ON CONFLICT(id) DO UPDATE SET user_id=?2,kind=?3,title=?4,body=?5,created_at=?6,updated_at=?7,mood=?8,score=?9,revision=?10,version=?11
        """;

    private readonly BareDatabase _database;
    private readonly BareStatement _upsert;
    private readonly BareStatement _page;
    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private long _version;

    private FloorServer(string path)
    {
        _database = new BareDatabase(path);
        _database.Execute("CREATE TABLE IF NOT EXISTS " + BenchTable.Ddl["CREATE TABLE ".Length..^1] + ", version INTEGER NOT NULL)");
        _database.Execute("CREATE INDEX IF NOT EXISTS by_version ON journal_entries(version)");
        _upsert = _database.Prepare(UpsertSql);
        _page = _database.Prepare("SELECT * FROM journal_entries WHERE version>?1 ORDER BY version LIMIT ?2");
        _version = _database.Scalar("SELECT ifnull(max(version),0) FROM journal_entries");
        // The empty builder, as our own host has it: others watch the folder for settings, and every write to a database in it wakes them.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = Path.GetDirectoryName(path) });
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null);
        _app = builder.Build();
        _app.MapGet("/changes", GetChangesAsync);
        _app.MapPost("/push", PostPushAsync);
    }

    public Uri Address => new(_app.Urls.Single());

    public static async Task<FloorServer> StartAsync(string path)
    {
        var server = new FloorServer(path);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>Rows written by somebody else.</summary>
    public void Put(IEnumerable<BenchRow> rows)
    {
        lock (_lock)
        {
            _database.Execute("BEGIN IMMEDIATE");
            foreach (var row in rows)
            {
                BenchTable.Bind(_upsert, row);
                _upsert.Bind(11, ++_version);
                _upsert.Run();
            }

            _database.Execute("COMMIT");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _upsert.Dispose();
        _page.Dispose();
        _database.Dispose();
    }

    private async Task GetChangesAsync(HttpContext context)
    {
        var after = long.Parse(context.Request.Query["after"]!, CultureInfo.InvariantCulture);
        var limit = long.Parse(context.Request.Query["limit"]!, CultureInfo.InvariantCulture);
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        lock (_lock)
        {
            WritePage(buffer, after, limit);
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
    }

    private void WritePage(ArrayBufferWriter<byte> buffer, long after, long limit)
    {
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteStartArray("changes"u8);
        _page.Bind(1, after);
        _page.Bind(2, limit);
        var rows = 0L;
        for (; _page.Step(); rows++)
        {
            writer.WriteStartObject();
            FloorJson.WriteRow(writer, _page);
            after = _page.Int64(10);
            writer.WriteEndObject();
        }

        _page.Reset();
        writer.WriteEndArray();
        writer.WriteNumber("next"u8, after);
        writer.WriteBoolean("hasMore"u8, rows == limit);
        writer.WriteEndObject();
    }

    private async Task PostPushAsync(HttpContext context)
    {
        using var body = new MemoryStream((int)(context.Request.ContentLength ?? 0));
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var rows = 0;
        lock (_lock)
        {
            rows = Upsert(body.GetBuffer().AsSpan(0, (int)body.Length));
        }

        await context.Response.WriteAsync($$"""{"accepted":{{rows}}}""", context.RequestAborted);
    }

    private int Upsert(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        var rows = 0;
        _database.Execute("BEGIN IMMEDIATE");
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                FloorJson.BindRow(ref reader, _upsert);
                _upsert.Bind(11, ++_version);
                _upsert.Run();
                rows++;
            }
        }

        _database.Execute("COMMIT");
        return rows;
    }
}
