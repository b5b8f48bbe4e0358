using Tidemark.Model.Protocol;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>What an attack must come to: the right status and code, one line in the log with nothing that was sent, and nothing else.</summary>
internal static class Attack
{
    public static async Task RefusedAsync(HttpServer server, Func<Task<HttpResponseMessage>> attack, int status, string code, params string[] secrets)
    {
        var before = server.Log.All.Count;
        using var answer = await attack();
        var problem = await answer.ProblemAsync(status, code);
        var lines = server.Log.All.Skip(before).Where(l => l.Text.Contains("Refused with", StringComparison.Ordinal)).ToList();
        Assert.Contains($"Refused with {code} ({status})", Assert.Single(lines).Text, StringComparison.Ordinal);
        Assert.All(secrets, s =>
        {
            Assert.DoesNotContain(s, string.Join('\n', server.Log.All.Select(l => l.Text)), StringComparison.Ordinal);
            Assert.DoesNotContain(s, problem.Detail!, StringComparison.Ordinal);
        });
        Assert.DoesNotContain(server.Log.All, l => l.Level >= Microsoft.Extensions.Logging.LogLevel.Error);
    }

    /// <summary>A server on which ann has two notes.</summary>
    public static async Task<(HttpServer Server, Walk Ann)> StartAsync(ServerOptions? options = null, TimeSpan? requestTime = null)
    {
        var server = await HttpServer.StartAsync(options, requestTime: requestTime);
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Sessions.Note(1) + "," + Sessions.Note(2));
        return (server, ann);
    }

    public static string Id(int number) => $"018f0000-0000-7000-8000-{number:x12}";
}
