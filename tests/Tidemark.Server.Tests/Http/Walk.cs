using System.Text.Json;

namespace Tidemark.Server.Tests.Http;

/// <summary>A client of another language: text out, text in.</summary>
internal sealed class Walk(HttpClient client)
{
    private int _pushSeq;

    public static async Task<Walk> BeginAsync(HttpServer server, string user = "ann")
    {
        var client = server.Client(user);
        using var answer = await client.PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
        await answer.JsonAsync();
        return new Walk(client);
    }

    public HttpClient Client => client;

    public async Task<JsonElement> PushAsync(string commands, string more = "")
    {
        using var answer = await client.PostAsync("/sync/push", Samples.Push(++_pushSeq, commands, more));
        return await answer.JsonAsync();
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
        return await answer.JsonAsync();
    }

    public async Task<JsonElement> PostAsync(string path, string body)
    {
        using var answer = await client.PostAsync(path, body);
        return await answer.JsonAsync();
    }

    /// <summary>Every change from the start, page by page.</summary>
    public async Task<IReadOnlyList<JsonElement>> PullAsync(int limit = 1000)
    {
        var all = new List<JsonElement>();
        var cursor = "";
        while (true)
        {
            var page = await GetAsync($"/sync/changes?limit={limit}&cursor={Uri.EscapeDataString(cursor)}");
            all.AddRange(page.GetProperty("changes").EnumerateArray());
            cursor = page.GetProperty("nextCursor").GetString()!;
            if (!page.GetProperty("hasMore").GetBoolean())
            {
                return all;
            }
        }
    }
}
