using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Tidemark.Testing.Postgres;

/// <summary>
/// A PostgreSQL of this test run: its own data directory, on loopback, gone with the process. Where PostgreSQL is not installed, tests that ask for it are skipped;
/// with CI in the environment they fail.
/// </summary>
public sealed class PostgresCluster : IDisposable
{
    private const int StartMs = 60_000;
    private static readonly Lazy<PostgresCluster> Shared = new(() => new PostgresCluster(), LazyThreadSafetyMode.ExecutionAndPublication);
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-pg-").FullName;
    private readonly string _binaries;
    private readonly bool _isDurable;
    private Process? _keeper;
    private static int _schemas;

    /// <param name="isDurable">Does a commit wait for the disk, as it does wherever data matters? Tests do without.</param>
    public PostgresCluster(bool isDurable = false)
    {
        _isDurable = isDurable;
        _binaries = Find() ?? throw new InvalidOperationException("PostgreSQL is not installed.");
        Port = FreePort();
        if (IsRoot)
        {
            Run("chown", "postgres", _folder);
        }

        Run(_binaries + "/initdb", "-D", Data, "-U", "tidemark", "-A", "trust", "-E", "UTF8", "--no-locale", "-N");
        Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
    }

    /// <summary>The one of this process.</summary>
    public static PostgresCluster Instance
    {
        get
        {
            if (Find() is null)
            {
                Assert.SkipWhen(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")), "PostgreSQL is not installed (Debian: postgresql-15).");
                Assert.Fail("PostgreSQL is not installed.");
            }

            return Shared.Value;
        }
    }

    /// <summary>Where a program of PostgreSQL is.</summary>
    public static string Program(string name) => $"{Find()}/{name}";

    public static bool IsInstalled => Find() is not null;

    public int Port { get; }

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=tidemark;Database=postgres;Maximum Pool Size=30;Timeout=15;Include Error Detail=true");

    /// <summary>What the server wrote, every statement among it.</summary>
    public string LogFile => Path.Combine(_folder, "log");

    private string Data => Path.Combine(_folder, "data");

    private static bool IsRoot => string.Equals(Environment.UserName, "root", StringComparison.Ordinal);

    /// <summary>Stops the one of this process, if there is one: for the end of a test run, while the runner still waits for it.</summary>
    public static void End()
    {
        if (Shared.IsValueCreated)
        {
            Shared.Value.Dispose();
        }
    }

    /// <summary>A schema name that nobody else has.</summary>
    public static string NewSchema() => string.Create(CultureInfo.InvariantCulture, $"t{Interlocked.Increment(ref _schemas)}");

    public void Start()
    {
        // The shell ends with this process, however that ends: its input closes, and the server is stopped.
        var options = string.Create(CultureInfo.InvariantCulture, $"-p {Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync={(_isDurable ? "on" : "off")} -c max_connections=200 -c shared_buffers=128MB -c log_statement=all -c log_parameter_max_length=0 -c log_line_prefix=@@");
        var script = $"'{_binaries}/postgres' -D '{Data}' {options} >>'{LogFile}' 2>&1 </dev/null & p=$!; read x; kill -s \"${{x:-QUIT}}\" $p; wait $p";
        _keeper = StartProcess(redirectInput: true, "/bin/sh", "-c", script);
        var started = Stopwatch.StartNew();
        while (!IsListening())
        {
            if (_keeper.HasExited || started.ElapsedMilliseconds > StartMs)
            {
                throw new InvalidOperationException("PostgreSQL did not start: " + File.ReadAllText(LogFile));
            }

            new ManualResetEventSlim().Wait(20);
        }
    }

    /// <param name="signal">INT: at once, open transactions are rolled back. QUIT: as a crash.</param>
    public void Stop(string signal = "INT")
    {
        if (_keeper is { } keeper)
        {
            keeper.StandardInput.WriteLine(signal);
            keeper.StandardInput.Close();
            keeper.WaitForExit(StartMs);
            keeper.Dispose();
            _keeper = null;
        }
    }

    public void Dispose()
    {
        Stop("QUIT");
        try
        {
            if (Directory.Exists(_folder))
            {
                Directory.Delete(_folder, recursive: true);
            }
        }
        catch (IOException)
        {
            // A backend that is still ending writes a last file.
        }
    }

    private static string? Find() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => d + "/bin").Where(d => File.Exists(d + "/initdb")).OrderDescending(StringComparer.Ordinal).FirstOrDefault()
            : null;

    private bool IsListening()
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, Port);
            return File.ReadAllText(LogFile).Contains("ready to accept connections", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Run(params string[] command)
    {
        using var process = StartProcess(redirectInput: false, command);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command[0]} ended with {process.ExitCode}: {output}");
        }
    }

    // PostgreSQL does not run as root.
    private static Process StartProcess(bool redirectInput, params string[] command)
    {
        var isOther = IsRoot && command[0] != "chown";
        var start = new ProcessStartInfo(isOther ? "setpriv" : command[0]) { RedirectStandardInput = redirectInput, RedirectStandardOutput = !redirectInput, WorkingDirectory = "/tmp" };
        foreach (var argument in isOther ? ["--reuid=postgres", "--regid=postgres", "--clear-groups", .. command] : command[1..])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }
}
