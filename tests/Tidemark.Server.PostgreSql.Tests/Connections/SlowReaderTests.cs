using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Testing;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>Clients that ask for large pages and do not read them.</summary>
public sealed class SlowReaderTests : PostgresWorld
{
    private const int Rows = 60;
    private const int Readers = 4;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("req", "SRV-07")]
    [Trait("req", "SRV-12")]
    public async Task Who_does_not_read_his_page_holds_no_connection_of_the_database_and_nobody_up()
    {
        var device = await DeviceAsync();
        var text = new string('x', 200_000); // 12 MB a page: more than the sockets hold between the server and a client.
        for (var i = 0; i < Rows; i += 10)
        {
            await device.PushAsync([.. Enumerable.Range(i, 10).Select(n => device.Create("tags", [$"t{n:D2}", text + n]))]);
        }

        using var folder = new TempFolder();
        await using var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder.Path,
            Store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = PostgresCluster.Instance.ConnectionString.Replace("Pool Size=30", "Pool Size=2", StringComparison.Ordinal) + ";Application Name=" + Schema, Schema = Schema }, Environment, None),
            Environment = Environment,
            Server = new ServerOptions { PageBytesMax = 64 * 1024 * 1024 },
            Configure = b =>
            {
                b.Logging.SetMinimumLevel(LogLevel.None);
                b.WebHost.ConfigureKestrel(k => k.Limits.MinResponseDataRate = null); // Else they are cut off after some seconds.
            },
        });
        await app.StartAsync();
        using var tokens = TidemarkTokens.Open(folder.Path);
        var address = new Uri(app.Urls.Single());
        var slow = await Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => AskAsync(address, tokens.Create("anna", TimeSpan.FromHours(1)))));

        // All of them have their answer on its way; its end waits for them to read.
        using var http = new HttpClient { BaseAddress = address, Timeout = Deadline };
        http.DefaultRequestHeaders.Authorization = new("Bearer", tokens.Create("ben", TimeSpan.FromHours(1)));
        for (var i = 0; i < 5; i++)
        {
            using var answer = await http.GetAsync(new Uri("/sync/changes", UriKind.Relative), None);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        await Eventually.TrueAsync(
            async () => (long)(await SqlAsync($"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{Schema}' AND xact_start IS NOT NULL"))! == 0, "no connection is in a transaction");
        foreach (var reader in slow)
        {
            using (reader.Client)
            {
                using var page = JsonDocument.Parse(await reader.Body.ReadToEndAsync(None).WaitAsync(Deadline, None));
                Assert.Equal(Rows, page.RootElement.GetProperty("changes").GetArrayLength());
            }
        }

        await app.StopAsync(None);
    }

    private static async Task<(TcpClient Client, StreamReader Body)> AskAsync(Uri address, string token)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(IPAddress.Loopback, address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /sync/changes?limit=5000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"));
        var reader = new StreamReader(stream, Encoding.UTF8);
        Assert.Equal("HTTP/1.1 200 OK", await reader.ReadLineAsync().WaitAsync(Deadline));
        while (await reader.ReadLineAsync().WaitAsync(Deadline) is { Length: > 0 } line)
        {
            Assert.DoesNotContain("chunked", line, StringComparison.Ordinal);
        }

        return (client, reader);
    }
}
