using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>`tidemark serve --dev` as a process on a free port.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    private readonly RunningProcess _process;
    private readonly string[] _store;

    private TestServer(RunningProcess process, string[] store, string data, string url)
    {
        _process = process;
        _store = store;
        Data = data;
        Url = url;
    }

    public string Data { get; }

    public string Url { get; }

    public RunningProcess Process => _process;

    /// <param name="data">Its folder.</param>
    /// <param name="urls">Where it listens.</param>
    /// <param name="how">How it is started; as a development server when nothing is said.</param>
    public static Task<TestServer> StartAsync(string data, string urls = "http://127.0.0.1:0", params string[] how) => StartAsync(data, urls, TestStore.ArgumentsOf(data), how);

    /// <summary>With its data in PostgreSQL whatever the others have; skips where there is none.</summary>
    public static Task<TestServer> StartOnPostgresAsync(string data, string urls = "http://127.0.0.1:0") => StartAsync(data, urls, ["--postgres", TestStore.ConnectionOf(data)], []);

    private static async Task<TestServer> StartAsync(string data, string urls, string[] store, string[] how)
    {
        var process = TidemarkCommand.Start(["serve", "--urls", urls, "--data", data, .. store, .. how.Length == 0 ? ["--dev"] : how]);
        var line = await process.LineAsync(l => l.Contains("http://", StringComparison.Ordinal), StartDeadline, TestContext.Current.CancellationToken);
        return new TestServer(process, store, data, line[line.IndexOf("http://", StringComparison.Ordinal)..].Split(' ')[0].TrimEnd('/'));
    }

    public async Task<string> TokenAsync(string user = "ada")
    {
        string[] keys = _store.Length > 0 ? _store : ["--data", Data];
        var result = await TidemarkCommand.RunAsync(["token", .. keys, "--user", user]);
        return result.Expect(0).Output.Trim();
    }

    /// <summary>SIGTERM, and wait for the clean end.</summary>
    public async Task StopAsync()
    {
        _process.Signal(15);
        (await _process.WaitAsync(StartDeadline, TestContext.Current.CancellationToken)).Expect(0);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
