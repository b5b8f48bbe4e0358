using System.Text;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>Two servers, one of them on PostgreSQL, that both are pulled at login, two devices, a row that cannot be decrypted yet and edits that were not sent: the case in which whoever wrote last had won.</summary>
public sealed class SeveralRemotesTests
{
    private const string Schema = "CREATE TABLE log(id TEXT PRIMARY KEY, day TEXT, steps INTEGER, note TEXT);";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    [Fact]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-04")]
    [Trait("req", "REM-05")]
    [Trait("req", "REM-07")]
    [Trait("req", "REM-08")]
    [Trait("speed", "slow")]
    public async Task Two_servers_at_login_lose_nothing_in_any_order_and_the_row_appears_once_its_key_is_there()
    {
        using var workspace = new Workspace();
        await using var cloud = await TestServer.StartAsync(workspace.PathOf("cloud"));
        var baseServer = await TestServer.StartOnPostgresAsync(workspace.PathOf("base"));
        var tokens = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["TIDEMARK_TOKEN_CLOUD"] = await cloud.TokenAsync(),
            ["TIDEMARK_TOKEN_BASE"] = await baseServer.TokenAsync(),
            ["TIDEMARK_PASSPHRASE"] = "correct horse battery staple",
        };
        var (phone, laptop) = (workspace.PathOf("phone.db"), workspace.PathOf("laptop.db"));
        foreach (var (file, order) in new[] { (phone, new[] { ("cloud", cloud.Url), ("base", baseServer.Url) }), (laptop, new[] { ("base", baseServer.Url), ("cloud", cloud.Url) }) })
        {
            await SqliteShell.RunAsync(file, Schema);
            (await RunAsync(tokens, "adopt", file, "--encrypt", "log.note")).Expect(0);
            foreach (var (name, url) in order)
            {
                (await RunAsync(tokens, "remotes", "add", file, name, url)).Expect(0);
            }
        }

        // Without a key nothing plain leaves the phone.
        await SqliteShell.RunAsync(phone, "INSERT INTO log VALUES('mon', '2026-04-13', 100, 'whispered words'); INSERT INTO log VALUES('tue', '2026-04-14', 200, NULL)");
        (await RunAsync(tokens, "sync", phone)).Expect(0);
        (await RunAsync(tokens, "keys", "create", phone)).Expect(0);
        (await RunAsync(tokens, "sync", phone)).Expect(0);

        // One login window: the laptop has edits of its own, both servers have rows, one of which it cannot read, and the phone writes and syncs at the same time.
        await SqliteShell.RunAsync(laptop, "INSERT INTO log VALUES('wed', '2026-04-15', 300, NULL)");
        await SqliteShell.RunAsync(phone, "UPDATE log SET steps = 201 WHERE id = 'tue'");
        await Task.WhenAll(RunAsync(tokens, "sync", laptop), RunAsync(tokens, "sync", phone), RunAsync(tokens, "sync", laptop));
        Assert.Equal(2, (await RunAsync(tokens, "remotes", laptop, "quarantine", "--json")).Expect(0).Json().GetProperty("quarantine").GetArrayLength());
        Assert.Equal(0, (await RunAsync(tokens, "remotes", laptop, "waiting", "--json")).Expect(0).Json().GetProperty("waiting").GetArrayLength());
        Assert.Equal(0, await SqliteShell.CountAsync(laptop, "SELECT count(*) FROM log WHERE id = 'mon'"));

        // One server goes down; both go on with the other, and what was changed meanwhile reaches it later.
        await baseServer.StopAsync();
        await SqliteShell.RunAsync(laptop, "UPDATE log SET steps = 301 WHERE id = 'wed'");
        (await RunAsync(tokens, "sync", laptop)).Expect(0);
        await baseServer.DisposeAsync();
        baseServer = await TestServer.StartOnPostgresAsync(workspace.PathOf("base"), baseServer.Url);
        await using var again = baseServer;

        (await RunAsync(tokens, "keys", "unlock", laptop)).Expect(0);
        for (var round = 0; round < 3; round++)
        {
            (await RunAsync(tokens, "sync", laptop)).Expect(0);
            (await RunAsync(tokens, "sync", phone)).Expect(0);
        }

        await TableComparison.AssertEqualAsync(phone, laptop);
        Assert.Equal(["mon|100|whispered words", "tue|201|", "wed|301|"], await SqliteShell.LinesAsync(laptop, "SELECT id, steps, coalesce(note, '') FROM log ORDER BY id"));
        var remotes = (await RunAsync(tokens, "remotes", "list", laptop, "--json")).Expect(0).Json().GetProperty("remotes").EnumerateArray().ToList();
        Assert.All(remotes, r => Assert.Equal((0, 0, 0), (r.GetProperty("owed").GetInt32(), r.GetProperty("refused").GetInt32(), r.GetProperty("quarantined").GetInt32())));
        (await RunAsync(tokens, "doctor", laptop)).Expect(0);
        var compared = (await RunAsync(tokens, "verify", laptop, "--json")).Expect(0).Json();
        Assert.True(compared.GetProperty("atHead").GetBoolean());
        Assert.Equal(["base", "cloud"], compared.GetProperty("types").EnumerateArray().Where(t => t.GetProperty("type").GetString() == "log" && t.GetProperty("rows").GetInt32() == 3).Select(t => t.GetProperty("remote").GetString()).Order());
        await WatchAsync(tokens, phone, laptop);
        if (!TestStore.IsPostgres)
        {
            foreach (var file in Directory.GetFiles(workspace.PathOf("cloud"), "*.db*"))
            {
                Assert.False((await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)).AsSpan().IndexOf(Encoding.UTF8.GetBytes("whispered")) >= 0, $"{file} holds the plain text.");
            }
        }
    }

    // A watch follows the hints of all remotes, and leaves nothing behind: it would ask by itself in an hour.
    private static async Task WatchAsync(Dictionary<string, string?> tokens, string phone, string laptop)
    {
        await using (var watch = TidemarkCommand.StartWith(tokens, "watch", phone, "--every", "1h"))
        {
            await SqliteShell.RunAsync(laptop, "UPDATE log SET steps = 302 WHERE id = 'wed'");
            (await RunAsync(tokens, "sync", laptop)).Expect(0);

            // The word of the first server may come before the laptop has written at the second: then the phone hands it on.
            await Eventually.TrueAsync(async () => await SqliteShell.CountAsync(phone, "SELECT count(*) FROM log WHERE steps = 302 AND NOT EXISTS(SELECT 1 FROM _tm_owed)") == 1);
            watch.Signal(15);
            (await watch.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Expect(0);
        }

        Assert.Empty((await RunAsync(tokens, "outbox", "list", phone, "--json")).Expect(0).Json().GetProperty("outbox").EnumerateArray());
    }

    private static async Task<ProcessResult> RunAsync(IReadOnlyDictionary<string, string?> environment, params string[] arguments)
    {
        await using var process = TidemarkCommand.StartWith(environment, arguments);
        return await process.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }
}
