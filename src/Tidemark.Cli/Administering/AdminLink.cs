using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Administering;

/// <summary>One request to a server's administration.</summary>
internal static class AdminLink
{
    /// <exception cref="VerbException">The server refuses.</exception>
    public static async Task<JsonElement> SendAsync(ServerLink link, HttpMethod method, string path, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = link.Server, Timeout = TimeSpan.FromMinutes(5) };
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", link.Token);
        request.Content = method == HttpMethod.Post ? new StringContent("{}", Encoding.UTF8, "application/json") : null;
        using var answer = await http.SendAsync(request, cancellationToken);
        var text = await answer.Content.ReadAsStringAsync(cancellationToken);
        if (answer.IsSuccessStatusCode)
        {
            return JsonDocument.Parse(text).RootElement;
        }

        var (code, detail) = Problem(text);
        var exit = answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCode.Authentication,
            HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => ExitCode.Unreachable,
            _ => ExitCode.Failed,
        };
        throw new VerbException(exit, code, detail ?? $"The server answered with {(int)answer.StatusCode}; that is no administration of a Tidemark server.");
    }

    private static (string Code, string? Detail) Problem(string text)
    {
        try
        {
            var problem = JsonDocument.Parse(text).RootElement;
            return (problem.GetProperty("code").GetString()!, problem.GetProperty("detail").GetString());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return ("INVALID_RESPONSE", null);
        }
    }
}
