using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;

namespace Tidemark.Fuzzing.Server;

/// <summary>
/// Whole requests to a real host: method and path, token, content type and coding, each on a line, then the body. Nothing is
/// answered with 500, every refusal is a problem with a code, and no text but the token itself signs anyone in.
/// </summary>
public sealed class HttpTarget : IFuzzTarget
{
    private static readonly byte[][] Words = [.. new[] { "GET", "POST", "PUT", "gzip", "br", "deflate", "application/json", "text/html", "/v1/sync/push", "/sync/model", "$TOKEN", "?limit=", "&cursor=", "%00", "%ff", "\n", "\r", ";charset=utf-16" }.Select(Encoding.UTF8.GetBytes)];
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;
    private readonly WebApplication _app;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private readonly string _token;

    public HttpTarget()
    {
        _app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = _folder,
            Store = SqliteServerStore.Open(Path.Combine(_folder, "server.db"), ServerEnvironment.System),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.SetMinimumLevel(LogLevel.None),
        });
        _app.StartAsync().GetAwaiter().GetResult();
        _client.BaseAddress = new Uri(_app.Urls.First());
        using var tokens = TidemarkTokens.Open(_folder);
        _token = tokens.Create("ann", TimeSpan.FromDays(1));
        _ = Run(FuzzModel.Utf8("PUT /sync/model\n$TOKEN\napplication/json\n\n" + Encoding.UTF8.GetString(SyncModelJson.ToUtf8(FuzzModel.Model))));
    }

    public string Name => "http";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            "GET /sync/model\n$TOKEN\n\n\n", "GET /spaces\n$TOKEN\n\n\n", "GET /sync/changes?limit=5&entityTypes=boxes,things&deviceId=d\n$TOKEN\n\n\n", "POST /sync/changes\n$TOKEN\napplication/json\n\n{\"limit\":3}",
            "POST /sync/verdicts\n$TOKEN\napplication/json; charset=utf-8\n\n{\"commandIds\":[]}", "POST /sync/rows\n$TOKEN\napplication/json\n\n{\"entityType\":\"boxes\",\"entityIds\":[\"a\"]}", "POST /sync/checksums\n$TOKEN\napplication/json\n\n{}",
            "POST /sync/push\n$TOKEN\napplication/json\ngzip\nnot gzip", "GET /healthz\n\n\n\n", "GET /sync/model\nCfDJ8A\n\n\n", "POST /sync/push\n$TOKEN\napplication/json\n\n" + FuzzModel.Push(new FuzzDice(3)),
        }.Select(FuzzModel.Utf8),
    ];

    public byte[]? Make(FuzzDice dice)
    {
        // One character of the token is another one.
        var at = dice.Next(_token.Length);
        var forged = _token[..at] + "ABCDwxyz0189-_=.~"[dice.Next(17)] + _token[(dice.Chance(70) ? at + 1 : at)..];
        return dice.Chance(50)
            ? FuzzModel.Utf8($"GET /spaces\n{forged}\n\n\n")
            : FuzzModel.Utf8("POST /sync/push\n$TOKEN\napplication/json\n\n" + FuzzModel.Push(dice));
    }

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice)
    {
        var at = BodyOf(input);
        return dice.Chance(60) && at < input.Length
            ? [.. input.AsSpan(0, at), .. JsonVariations.Vary(input[at..], other[BodyOf(other)..], dice, FuzzModel.Names)]
            : ByteVariations.Vary(input, other, dice, Words);
    }

    public string Run(byte[] input)
    {
        var at = BodyOf(input);
        var lines = (Encoding.Latin1.GetString(input, 0, at) + "\n\n\n\n").Split('\n');
        var first = (lines[0] + " ").Split(' ');
        using var request = new HttpRequestMessage();
        try
        {
            request.Method = new HttpMethod(first[0]);
            request.RequestUri = new Uri(_client.BaseAddress!.GetLeftPart(UriPartial.Authority) + (first[1].StartsWith('/') ? "" : "/") + first[1]);
            var token = lines[1].Replace("$TOKEN", _token, StringComparison.Ordinal);
            if (token.Length > 0)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }

            if (lines[2].Length > 0)
            {
                request.Content = new ByteArrayContent(input[at..]);
                request.Content.Headers.TryAddWithoutValidation("Content-Type", lines[2]);
                request.Content.Headers.TryAddWithoutValidation("Content-Encoding", lines[3]);
            }
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return "no request";
        }

        return Send(request, lines[1].Replace("$TOKEN", _token, StringComparison.Ordinal));
    }

    public void Dispose()
    {
        _client.Dispose();
        _app.StopAsync().GetAwaiter().GetResult();
        _app.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    private string Send(HttpRequestMessage request, string token)
    {
        HttpResponseMessage answer;
        try
        {
            answer = _client.Send(request);
        }
        catch (Exception e) when (e is HttpRequestException or NotSupportedException or InvalidOperationException or FormatException)
        {
            return "not sent " + e.GetType().Name; // The client itself refuses such a request.
        }

        using (answer)
        {
            var path = request.RequestUri!.AbsolutePath;
            var body = answer.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
            if (answer.StatusCode == HttpStatusCode.InternalServerError)
            {
                throw new FindingException($"{request.Method} {path} is answered with 500: {Encoding.UTF8.GetString(body)}");
            }

            var isOurs = path is "/spaces" || path.StartsWith("/sync/", StringComparison.Ordinal);
            if (answer.IsSuccessStatusCode && isOurs && !Same(token, _token))
            {
                throw new FindingException("A token that was never made signs someone in.");
            }

            if ((int)answer.StatusCode < 400 || answer.Content.Headers.ContentType?.MediaType != "application/problem+json")
            {
                return $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType?.MediaType}";
            }

            var problem = JsonSerializer.Deserialize(body, WireJson.Default.Problem)!;
            return ErrorCodes.Find(problem.Code) is not null && problem.Status == (int)answer.StatusCode
                ? $"{problem.Status} {problem.Code} {Shapes.Text(problem.Detail)}"
                : throw new FindingException("A problem has no code of the catalogue, or another status than its answer.");
        }
    }

    // Two spellings of the same bytes are one token; header values are trimmed.
    private static bool Same(string token, string own)
    {
        var trimmed = token.Trim().TrimEnd('=');
        return trimmed.Length == own.Length && trimmed[..^1] == own[..^1];
    }

    private static int BodyOf(byte[] input)
    {
        var lines = 0;
        for (var i = 0; i < input.Length; i++)
        {
            if (input[i] == (byte)'\n' && ++lines == 4)
            {
                return i + 1;
            }
        }

        return input.Length;
    }
}
