using System.Text.RegularExpressions;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>The commands of docs/guides/operating.md as plain processes: what its compose file and its unit start.</summary>
[Trait("req", "SRV-02")]
public sealed partial class OperatingTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    [Fact]
    [Trait("speed", "slow")]
    public async Task The_nodes_of_compose_file_and_unit_started_at_once_on_an_empty_database_are_both_ready_and_one_server_in_any_time_zone()
    {
        using var workspace = new Workspace();
        var connection = PostgresCluster.Instance.ConnectionString + ";Search Path=" + PostgresCluster.NewSchema();
        string[] zones = ["Pacific/Kiritimati", "America/St_Johns"];
        var nodes = zones.Select((zone, i) => TidemarkCommand.StartWith(
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["TZ"] = zone, ["LANG"] = "tr_TR.UTF-8", ["LC_ALL"] = "tr_TR.UTF-8" },
            Command(i == 0 ? CommandLine() : UnitLine(), connection, workspace.PathOf($"node-{i}")))).ToList();
        try
        {
            var urls = new List<string>();
            foreach (var node in nodes)
            {
                var line = await node.LineAsync(l => l.Contains("http://", StringComparison.Ordinal), Deadline, TestContext.Current.CancellationToken);
                urls.Add(line[line.IndexOf("http://", StringComparison.Ordinal)..].Split(' ')[0].TrimEnd('/'));
                Assert.Equal(0, await CheckAsync("curl", urls[^1]));
            }

            Assert.Equal(0, await CheckAsync("pg_isready", ""));

            var token = (await TidemarkCommand.RunAsync("token", "--postgres", connection, "--user", "İstanbul-ıi")).Expect(0).Output.Trim();
            var root = (await TidemarkCommand.RunAsync("token", "--postgres", connection, "--user", "root", "--admin")).Expect(0).Output.Trim();
            var first = new Device(workspace.PathOf("a.db"), urls[0], token);
            await SqliteShell.RunAsync(first.Database, Notes.Schema);
            (await first.RunLocalAsync("adopt")).Expect(0);
            (await (first with { Token = root, Database = await CopyAsync(first, workspace) }).RunAsync("sync")).Expect(0); // Without --dev an administrator brings the model.
            await first.SyncAsync();
            var second = new Device(workspace.PathOf("b.db"), urls[1], token);
            (await second.RunAsync("clone")).Expect(0);
            await TableComparison.AssertEqualAsync(first.Database, second.Database);
            Assert.True((await second.VerifyAsync()).GetProperty("equal").GetBoolean());

            foreach (var node in nodes)
            {
                node.Signal(15);
            }

            foreach (var node in nodes)
            {
                (await node.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Expect(0);
            }

            Assert.NotEqual(0, await CheckAsync("curl", urls[0]));
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_command_that_is_older_than_the_database_says_so_and_touches_nothing()
    {
        using var workspace = new Workspace();
        var schema = PostgresCluster.NewSchema();
        var connection = PostgresCluster.Instance.ConnectionString + ";Search Path=" + schema;
        (await TidemarkCommand.RunAsync("token", "--postgres", connection, "--user", "ann")).Expect(0);
        await using var data = Npgsql.NpgsqlDataSource.Create(PostgresCluster.Instance.ConnectionString);
        await using (var newer = data.CreateCommand($"INSERT INTO {schema}._tm_format(version) VALUES (99)"))
        {
            await newer.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var refused = (await TidemarkCommand.RunAsync(Command(CommandLine(), connection, workspace.PathOf("node")))).Expect(2);
        Assert.Contains("newer server (format 99", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("Upgrade this program", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Systemd_takes_the_unit()
    {
        using var workspace = new Workspace();
        var unit = Guide().Split("## As a service of systemd")[1].Split("## With compose")[0].Split('\n').Where(l => l.StartsWith("    ", StringComparison.Ordinal)).Select(l => l[4..].Replace("/opt/tidemark/tidemark", "/bin/true", StringComparison.Ordinal));
        var file = workspace.PathOf("tidemark.service");
        await File.WriteAllLinesAsync(file, unit, TestContext.Current.CancellationToken);
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "There is no systemd-analyze here.");
        await using var process = RunningProcess.Start("systemd-analyze", ["verify", file]);
        var result = (await process.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Expect(0);
        Assert.DoesNotContain("tidemark.service", result.Errors, StringComparison.Ordinal);
    }

    // The words behind the program, with this test's addresses and folders in place of the container's and the machine's.
    private static string[] Command(Regex line, string connection, string data)
    {
        var words = line.Match(Guide()).Groups[1].Value.Split([", ", " "], StringSplitOptions.RemoveEmptyEntries).Select(w => w.Trim('"')).ToList();
        Assert.Equal("serve", words[0]);
        Assert.Contains("--drain", words);
        return [.. words.Select(w => w switch
        {
            "http://0.0.0.0:7040" or "http://127.0.0.1:7040" => "http://127.0.0.1:0",
            "/data" or "${STATE_DIRECTORY}" => data,
            "${TIDEMARK_POSTGRES:?}" or "${TIDEMARK_POSTGRES}" => connection,
            "http://collector:4318" => "http://127.0.0.1:9",
            "10s" => "1s",
            _ => w,
        })];
    }

    // A health check of the compose file, asked of this test's processes.
    private static async Task<int> CheckAsync(string program, string url)
    {
        var words = HealthChecks().Matches(Guide()).Select(m => m.Groups[1].Value.Split(", ").Select(w => w.Trim('"').Replace("http://127.0.0.1:7040", url, StringComparison.Ordinal)).ToArray()).Single(w => w[0] == program);
        var (file, more) = program == "pg_isready" ? (PostgresCluster.Program(program), new[] { "-h", "127.0.0.1", "-p", PostgresCluster.Instance.Port.ToString(System.Globalization.CultureInfo.InvariantCulture) }) : (program, []);
        await using var process = RunningProcess.Start(file, [.. words[1..], .. more]);
        return (await process.WaitAsync(Deadline, TestContext.Current.CancellationToken)).ExitCode;
    }

    private static string Guide()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "docs", "guides")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("No docs above the tests.");
        }

        return File.ReadAllText(Path.Combine(folder.FullName, "docs", "guides", "operating.md"));
    }

    private static async Task<string> CopyAsync(Device device, Workspace workspace)
    {
        var copy = workspace.PathOf("model.db");
        await SqliteShell.RunAsync(copy, Notes.Schema);
        (await (device with { Database = copy }).RunLocalAsync("adopt")).Expect(0);
        return copy;
    }

    [GeneratedRegex(@"command: \[/opt/tidemark/tidemark, (serve, .*)\]", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"^ *ExecStart=/opt/tidemark/tidemark (serve .*)$", RegexOptions.Multiline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex UnitLine();

    [GeneratedRegex(@"healthcheck: \{ test: \[CMD, ([^\]]*)\]", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex HealthChecks();
}
