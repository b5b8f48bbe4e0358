using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Tidemark.Testing;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>A pgbouncer in transaction mode with very few connections, before the test run's PostgreSQL.</summary>
internal sealed class Pooler : IDisposable
{
    private const string Program = "/usr/sbin/pgbouncer";
    private readonly TempFolder _folder = new();
    private readonly Process _process;

    public Pooler()
    {
        Assert.SkipUnless(File.Exists(Program), "pgbouncer is not installed.");
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        File.WriteAllText(_folder.File("users"), "\"tidemark\" \"\"\n");
        File.WriteAllText(
            _folder.File("ini"),
            $"""
            [databases]
            postgres = host=127.0.0.1 port={PostgresCluster.Instance.Port} dbname=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {Port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {_folder.File("users")}
            pool_mode = transaction
            default_pool_size = 3
            max_client_conn = 200
            ignore_startup_parameters = extra_float_digits
            """);
        var isRoot = string.Equals(System.Environment.UserName, "root", StringComparison.Ordinal);
        if (isRoot)
        {
            Process.Start("chmod", ["-R", "a+rX", Path.GetDirectoryName(_folder.File("ini"))!]).WaitForExit();
        }

        _process = isRoot
            ? Process.Start("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", Program, "-q", _folder.File("ini")])
            : Process.Start(Program, ["-q", _folder.File("ini")]);
    }

    public int Port { get; }

    public string ConnectionString => PostgresCluster.Instance.ConnectionString.Replace($"Port={PostgresCluster.Instance.Port}", $"Port={Port}", StringComparison.Ordinal);

    public async Task ReadyAsync() => await Eventually.TrueAsync(
        async () =>
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, Port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        },
        "the pooler listens");

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }
}
