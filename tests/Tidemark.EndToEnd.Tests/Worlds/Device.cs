using System.Text.Json;
using Tidemark.EndToEnd.Tests.Processes;

namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>One database file with the server and token it syncs with.</summary>
internal sealed record Device(string Database, string Server, string Token)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(180);

    public Task<ProcessResult> RunAsync(string verb, params string[] more) =>
        TidemarkCommand.RunAsync([verb, Database, "--server", Server, "--token", Token, .. more]);

    public RunningProcess Start(string verb, params string[] more) =>
        TidemarkCommand.Start([verb, Database, "--server", Server, "--token", Token, .. more]);

    /// <summary>A verb that needs no server.</summary>
    public Task<ProcessResult> RunLocalAsync(string verb, params string[] more) => TidemarkCommand.RunAsync([verb, Database, .. more]);

    public async Task<JsonElement> SyncAsync()
    {
        await using var process = Start("sync", "--json");
        var result = await process.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode is 0 or 3, result.ToString());
        return result.Json();
    }

    public async Task<JsonElement> DoctorAsync() => (await RunLocalAsync("doctor", "--json")).Expect(0).Json();

    public async Task<JsonElement> VerifyAsync() => (await RunAsync("verify", "--json")).Expect(0).Json();
}
