using System.Text.Json;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>`spaces`, `catalog`, `admin` and `verify --repair` as a person at a shell uses them.</summary>
public sealed class SharingTests
{
    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "SRV-05")]
    public async Task A_space_is_made_shared_and_left()
    {
        await using var world = await World.StartAsync();
        var (ada, ben) = (world.Token, await world.Server.TokenAsync("ben"));
        var space = (await Ask(world, ada, "spaces", "create", "Trip")).GetProperty("space").GetString()!;
        var token = (await Ask(world, ada, "spaces", "invite", space, "--role", "reader")).GetProperty("token").GetString()!;
        Assert.Single((await Ask(world, ada, "spaces", "invitations", space)).GetProperty("invitations").EnumerateArray());

        Assert.Equal("reader", (await Ask(world, ben, "spaces", "join", token)).GetProperty("role").GetString());
        (await Run(world, ben, "spaces", "join", token)).Expect(1);
        Assert.Equal(2, (await Ask(world, ben, "spaces", "list")).GetProperty("spaces").GetArrayLength());
        (await Run(world, ben, "spaces", "role", space, "ben", "owner")).Expect(4);
        var members = await Ask(world, ada, "spaces", "role", space, "ben", "writer");
        Assert.Equal(["ada owner", "ben writer"], members.GetProperty("members").EnumerateArray().Select(m => $"{m.GetProperty("user").GetString()} {m.GetProperty("role").GetString()}"));

        Assert.True((await Ask(world, ben, "spaces", "leave", space)).GetProperty("removed").GetBoolean());
        (await Run(world, ben, "spaces", "members", space)).Expect(1);
        (await Run(world, ada, "spaces", "role", space, "ben", "king")).Expect(2);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "SRV-07")]
    [Trait("req", "SRV-10")]
    public async Task An_administrator_sees_users_devices_and_spaces_and_refuses_a_device()
    {
        var (world, first, _) = await World.NotesAsync();
        await using var end = world;
        string[] keys = TestStore.IsPostgres ? TestStore.ArgumentsOf(world.Server.Data) : ["--data", world.Server.Data];
        var root = (await TidemarkCommand.RunAsync(["token", .. keys, "--user", "root", "--admin"])).Expect(0).Output.Trim();
        Assert.Contains("ada", (await Ask(world, root, "admin", "users")).GetProperty("users").EnumerateArray().Select(u => u.GetString()));
        var devices = (await Ask(world, root, "admin", "devices", "ada")).GetProperty("devices");
        Assert.Equal(2, devices.GetArrayLength());
        Assert.Contains("u:ada", (await Ask(world, root, "admin", "spaces")).GetProperty("spaces").EnumerateArray().Select(s => s.GetProperty("space").GetString()));
        Assert.Equal(JsonValueKind.Number, (await Ask(world, root, "admin", "compact")).GetProperty("spaces").ValueKind);
        (await Run(world, world.Token, "admin", "users")).Expect(4);

        foreach (var device in devices.EnumerateArray())
        {
            await Ask(world, root, "admin", "revoke-device", "ada", device.GetProperty("deviceId").GetString()!);
        }

        (await first.RunAsync("sync", "--json")).Expect(4);
        var ben = await world.Server.TokenAsync("ben");
        await Ask(world, ben, "spaces", "list");
        Assert.Contains("Revoked", (await TidemarkCommand.RunAsync("admin", "revoke-tokens", "ben", "--server", world.Server.Url, "--token", root)).Expect(0).Output, StringComparison.Ordinal);
        (await Run(world, ben, "spaces", "list")).Expect(4);
        (await Run(world, world.Token, "admin", "revoke-tokens", "root")).Expect(4);
        await Ask(world, root, "admin", "users");
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "SRV-10")]
    [Trait("req", "PUSH-08")]
    public async Task An_administrator_sees_what_devices_tell_of_dead_letters_and_what_the_retention_keeps()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var end = world;
        string[] keys = TestStore.IsPostgres ? TestStore.ArgumentsOf(world.Server.Data) : ["--data", world.Server.Data];
        var root = (await TidemarkCommand.RunAsync(["token", .. keys, "--user", "root", "--admin"])).Expect(0).Output.Trim();
        await SqliteShell.RunAsync(first.Database, "INSERT INTO folders(id, name) VALUES(7, 'a secret name')");
        await SqliteShell.RunAsync(second.Database, "INSERT INTO folders(id, name) VALUES(8, 'a secret name')");
        await first.SyncAsync();
        (await second.RunAsync("sync")).Expect(3);
        var told = await Run(world, root, "admin", "dead-letters");
        var device = Assert.Single(told.Expect(0).Json().GetProperty("devices").EnumerateArray());
        var line = Assert.Single(device.GetProperty("deadLetters").EnumerateArray());
        Assert.Equal(("ada", "folders", "UNIQUE", 1), (device.GetProperty("user").GetString(), line.GetProperty("entityType").GetString(), line.GetProperty("code").GetString(), line.GetProperty("count").GetInt32()));
        Assert.DoesNotContain("secret", told.Output, StringComparison.Ordinal);
        Assert.Contains("1 x folders  UNIQUE", (await TidemarkCommand.RunAsync("admin", "dead-letters", "--user", "ada", "--server", world.Server.Url, "--token", root)).Expect(0).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await Ask(world, root, "admin", "dead-letters", "--user", "ben")).GetProperty("total").GetInt32());
        (await Run(world, world.Token, "admin", "dead-letters")).Expect(4);

        (await TidemarkCommand.RunAsync("dead-letters", second.Database, "discard", "all")).Expect(0);
        (await second.RunAsync("sync")).Expect(0);
        Assert.Equal(0, (await Ask(world, root, "admin", "dead-letters")).GetProperty("total").GetInt32());

        var retention = await Ask(world, root, "admin", "retention");
        Assert.Equal(90L * 86_400_000, retention.GetProperty("retentionMs").GetInt64());
        var space = retention.GetProperty("spaces").EnumerateArray().Single(s => s.GetProperty("space").GetString() == "u:ada");
        Assert.Equal((5, 0), (space.GetProperty("kept").GetProperty("verdicts").GetInt32(), space.GetProperty("due").GetProperty("verdicts").GetInt32()));
        Assert.Contains("u:ada  0 tombstones (0 due), 5 verdicts (0 due)", (await TidemarkCommand.RunAsync("admin", "retention", "--server", world.Server.Url, "--token", root)).Expect(0).Output, StringComparison.Ordinal);
        (await Run(world, world.Token, "admin", "retention")).Expect(4);
        (await TidemarkCommand.RunAsync("serve", "--data", world.Workspace.PathOf("other"), "--retention", "soon")).Expect(2);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "PULL-11")]
    public async Task Verify_names_the_rows_that_differ_and_fetches_them_alone()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;

        // What a bug or a bad disk might have done: nobody has noted it.
        await SqliteShell.RunAsync(second.Database, "INSERT INTO _tm_guard VALUES(1); DELETE FROM notes WHERE id = 'n1'; DELETE FROM _tm_row_2 WHERE k0 = 'n1'; DELETE FROM _tm_guard;");
        var differs = (await second.RunAsync("verify", "--json")).Expect(1).Json();
        Assert.False(differs.GetProperty("equal").GetBoolean());
        var row = Assert.Single(differs.GetProperty("types").EnumerateArray().SelectMany(t => t.GetProperty("differences").EnumerateArray()));
        Assert.Equal(("\"n1\"", "missing here"), (row.GetProperty("key").GetString(), row.GetProperty("kind").GetString()));

        var repaired = (await second.RunAsync("verify", "--repair", "--json")).Expect(0).Json();
        Assert.Equal(1, repaired.GetProperty("repaired").GetInt32());
        Assert.Equal("first", await SqliteShell.TextAsync(second.Database, "SELECT text FROM notes WHERE id = 'n1'"));
        Assert.True((await first.VerifyAsync()).GetProperty("equal").GetBoolean());
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "PULL-13")]
    public async Task A_catalog_that_is_not_there_is_said_so()
    {
        await using var world = await World.StartAsync();
        (await Run(world, world.Token, "catalog", "export", "foods", world.Workspace.PathOf("foods.catalog"))).Expect(1);
        (await Run(world, world.Token, "spaces", "create", "Foods", "--catalog", "foods")).Expect(4);
    }

    private static Task<ProcessResult> Run(World world, string token, params string[] words) =>
        TidemarkCommand.RunAsync([.. words, "--server", world.Server.Url, "--token", token, "--json"]);

    private static async Task<JsonElement> Ask(World world, string token, params string[] words) => (await Run(world, token, words)).Expect(0).Json();
}
