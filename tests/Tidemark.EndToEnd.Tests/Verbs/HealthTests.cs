using System.IO.Compression;
using System.Text.Json;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>`health generate`, `import`, `sync` and `report` as a person at a shell uses them.</summary>
public sealed class HealthTests
{
    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "HLT-10")]
    public async Task A_generated_export_goes_through_the_file_to_the_server_and_the_next_one_is_the_difference()
    {
        await using var world = await World.StartAsync();
        string Path(string name) => world.Workspace.PathOf(name);
        await Ask("health", "generate", "--seed", "7", "--records", "2000", "--out", Path("first.zip"));
        var made = JsonDocument.Parse(await File.ReadAllTextAsync((await Ask("health", "generate", "--seed", "7", "--records", "2000", "--generation", "2", "--out", Path("second.zip"))).GetProperty("manifest").GetString()!, TestContext.Current.CancellationToken)).RootElement;

        var first = await Ask("health", "import", Path("first.zip"), "--db", Path("me.db"));
        var found = first.GetProperty("found").GetInt64();
        Assert.Equal((found, true), (first.GetProperty("added").GetInt64(), first.GetProperty("complete").GetBoolean()));
        Assert.Equal(found, (await Ask("health", "import", Path("first.zip"), "--db", Path("me.db"))).GetProperty("same").GetInt64());

        string[] server = ["--server", world.Server.Url, "--token", world.Token];
        var sent = await Ask(["health", "sync", "--db", Path("me.db"), .. server, "--check"]);
        Assert.Equal((found, found, 0L), (sent.GetProperty("captured").GetInt64(), sent.GetProperty("applied").GetInt64(), sent.GetProperty("waiting").GetInt64()));
        Assert.Equal(0, (await Ask(["health", "sync", "--db", Path("me.db"), .. server])).GetProperty("captured").GetInt64());

        var second = await Ask("health", "import", Path("second.zip"), "--db", Path("me.db"));
        Assert.All((string[])["added", "changed", "deleted"], name => Assert.Equal(made.GetProperty(name).GetInt64(), second.GetProperty(name).GetInt64()));
        await Ask(["health", "sync", "--db", Path("me.db"), .. server]);
        var report = await Ask("health", "report", "--db", Path("me.db"));
        Assert.All(report.GetProperty("types").EnumerateArray(), t => Assert.Equal(0, t.GetProperty("waiting").GetInt64()));
        Assert.Contains("StepCount", (await TidemarkCommand.RunAsync("health", "report", "--db", Path("me.db"))).Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "HLT-01")]
    public async Task A_zip_of_Health_Connect_is_known_by_what_is_in_it()
    {
        using var workspace = new Workspace();
        var database = workspace.PathOf("health_connect_export.db");
        await SqliteShell.RunAsync(database, """
            CREATE TABLE application_info_table(row_id INTEGER PRIMARY KEY, package_name TEXT, app_name TEXT);
            CREATE TABLE steps_record_table(row_id INTEGER PRIMARY KEY, uuid BLOB, last_modified_time INTEGER, app_info_id INTEGER, start_time INTEGER, end_time INTEGER, count INTEGER);
            INSERT INTO application_info_table VALUES(1, 'org.example.steps', 'Steps');
            INSERT INTO steps_record_table VALUES(1, x'00112233445566778899aabbccddeeff', 1772323300000, 1, 1772323200000, 1772323260000, 70);
            """);
        using (var zip = ZipFile.Open(workspace.PathOf("Health Connect.zip"), ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(database, "health_connect_export.db");
        }

        var report = await Ask("health", "import", workspace.PathOf("Health Connect.zip"), "--db", workspace.PathOf("me.db"));
        Assert.Equal(1, report.GetProperty("added").GetInt64());
        Assert.Equal("StepCount", (await Ask("health", "report", "--db", workspace.PathOf("me.db"))).GetProperty("types")[0].GetProperty("type").GetString());
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task What_is_no_export_ends_with_a_sentence_and_makes_no_file()
    {
        using var workspace = new Workspace();
        await File.WriteAllTextAsync(workspace.PathOf("notes.zip"), "PK\u0003\u0004 and no more", TestContext.Current.CancellationToken);
        var result = (await TidemarkCommand.RunAsync("health", "import", workspace.PathOf("notes.zip"), "--db", workspace.PathOf("me.db"))).Expect(1);
        Assert.Contains("notes.zip", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(workspace.PathOf("me.db")));
        (await TidemarkCommand.RunAsync("health", "generate", "--records", "5", "--out", workspace.PathOf("x.zip"))).Expect(2);
    }

    private static async Task<JsonElement> Ask(params string[] words) => (await TidemarkCommand.RunAsync([.. words, "--json"])).Expect(0).Json();
}
