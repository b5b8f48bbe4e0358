using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

public sealed class TelemetryTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task Traces_and_metrics_of_a_server_reach_a_collector_and_name_nobody()
    {
        using var collector = new Collector();
        await using (var server = await TestServer.StartAsync(_workspace.PathOf("data"), "http://127.0.0.1:0", "--dev", "--otlp", collector.Url))
        {
            using var http = new HttpClient();
            http.DefaultRequestHeaders.Authorization = new("Bearer", await server.TokenAsync("somebody-in-particular"));
            using var refused = await http.PostAsync(new Uri(server.Url + "/sync/changes"), new StringContent("{}", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
            Assert.False(refused.IsSuccessStatusCode); // There is no model yet.
            await server.StopAsync();
        }

        var traces = collector.Received("/v1/traces");
        Assert.Contains("tidemark.server.page", traces, StringComparison.Ordinal);
        var metrics = collector.Received("/v1/metrics");
        Assert.Contains("tidemark.server.duration", metrics, StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("somebody-in-particular", traces + metrics, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task A_collector_that_is_no_address_is_a_mistake_of_usage()
    {
        var result = await TidemarkCommand.RunAsync(["serve", "--data", _workspace.PathOf("data"), "--otlp", "collector:4318"]);
        Assert.Contains("--otlp", result.Expect(2).Errors, StringComparison.Ordinal);
    }

    // Takes what is sent, as a collector does; strings stand in the protocol as they are.
    private sealed class Collector : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentQueue<(string Path, string Body)> _received = new();

        public Collector()
        {
            Url = $"http://127.0.0.1:{FreePort()}/";
            _listener.Prefixes.Add(Url);
            _listener.Start();
            _ = TakeAsync();
        }

        public string Url { get; }

        public string Received(string path) => string.Concat(_received.Where(r => r.Path == path).Select(r => r.Body));

        public void Dispose() => _listener.Close();

        private async Task TakeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var reader = new StreamReader(context.Request.InputStream, Encoding.Latin1);
                    _received.Enqueue((context.Request.Url!.AbsolutePath, await reader.ReadToEndAsync()));
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Closed.
            }
        }

        private static int FreePort()
        {
            using var socket = new TcpListener(IPAddress.Loopback, 0);
            socket.Start();
            return ((IPEndPoint)socket.LocalEndpoint).Port;
        }
    }
}
