using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Tidemark.Fuzzing.Server;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Fuzzing.Device;

/// <summary>An input as an answer of a server: status and headers on lines, an empty line, the body.</summary>
public static class Answers
{
    public static HttpResponseMessage Of(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf("\n\n"u8);
        var head = Encoding.Latin1.GetString(end < 0 ? input : input[..end]).Split('\n');
        var answer = new HttpResponseMessage((HttpStatusCode)(int.TryParse(head[0].Trim(), out var status) && status is >= 100 and < 1000 ? status : 200))
        {
            Content = new ByteArrayContent(end < 0 ? [] : input[(end + 2)..].ToArray()),
        };
        foreach (var line in head.Skip(1).Select(l => l.Split(':', 2)).Where(l => l.Length == 2))
        {
            if (!answer.Headers.TryAddWithoutValidation(line[0].Trim(), line[1].Trim()))
            {
                answer.Content.Headers.TryAddWithoutValidation(line[0].Trim(), line[1].Trim());
            }
        }

        return answer;
    }

    public static HttpResponseMessage Json(ReadOnlyMemory<byte> utf8, int status = 200)
    {
        var answer = new HttpResponseMessage((HttpStatusCode)status) { Content = new ReadOnlyMemoryContent(utf8) };
        answer.Content.Headers.ContentType = new MediaTypeHeaderValue(status < 400 ? "application/json" : "application/problem+json");
        return answer;
    }

    /// <summary>What the real server says, without HTTP between.</summary>
    public static HttpResponseMessage Ask(SyncServer server, string user, HttpRequestMessage request, byte[] body)
    {
        var caller = FuzzServer.CallerOf(user);
        try
        {
            return Json((request.Method.Method, request.RequestUri!.AbsolutePath) switch
            {
                ("GET", "/sync/model") => JsonSerializer.SerializeToUtf8Bytes(FuzzServer.Done(server.GetModelAsync(caller, default)), WireJson.Default.ModelInfo),
                ("PUT", "/sync/model") => JsonSerializer.SerializeToUtf8Bytes(FuzzServer.Done(server.PutModelAsync(caller, body, default)), WireJson.Default.ModelInfo),
                ("POST", "/sync/push") => JsonSerializer.SerializeToUtf8Bytes(FuzzServer.Done(server.PushAsync(caller, body, default)), WireJson.Default.PushResponse),
                ("POST", "/sync/changes") => FuzzServer.Done(server.GetChangesAsync(caller, JsonSerializer.Deserialize(body, WireJson.Default.ChangesRequest)!, default)),
                ("POST", "/sync/rows") => JsonSerializer.SerializeToUtf8Bytes(FuzzServer.Done(server.GetRowsAsync(caller, JsonSerializer.Deserialize(body, WireJson.Default.RowsRequest)!, default)), WireJson.Default.RowsResponse),
                _ => JsonSerializer.SerializeToUtf8Bytes(FuzzServer.Done(server.GetChecksumsAsync(caller, JsonSerializer.Deserialize(body, WireJson.Default.ChecksumsRequest)!, default)), WireJson.Default.ChecksumsResponse),
            });
        }
        catch (ServerException e)
        {
            return Json(JsonSerializer.SerializeToUtf8Bytes(e.Problem, WireJson.Default.Problem), e.Problem.Status);
        }
    }
}
