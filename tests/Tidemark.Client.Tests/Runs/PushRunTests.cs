using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Runs;

/// <summary>Batches, references, and what one answer leaves behind.</summary>
public sealed class PushRunTests
{
    [Fact]
    [Trait("req", "PUSH-11")]
    public async Task Batches_are_cut_by_count_and_by_bytes()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        a.Options.Push.BatchCommandsMax = 3;
        Insert(a, 'c');
        await a.SyncAsync();
        Assert.Equal(4, a.Network.PushBodies.Count);

        a.Network.PushBodies.Clear();
        a.Options.Push.BatchCommandsMax = 1000;
        a.Options.Push.BatchBytesMax = 2000;
        Insert(a, 'b');
        await a.SyncAsync();
        Assert.True(a.Network.PushBodies.Count > 1, "A batch above its bytes was not cut.");
        Assert.All(a.Network.PushBodies, body => Assert.InRange(body.Length, 1, 3000)); // the commands and their envelope
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-03")]
    public async Task A_reference_to_a_parent_without_a_verdict_travels_as_the_parents_command()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        b.Sql("INSERT INTO author VALUES(1, 'took the number first', NULL)");
        await b.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'parent', NULL); INSERT INTO book VALUES(1, 1, 'child', NULL)");
        a.Network.PushBodies.Clear();
        await a.SyncAsync();
        Assert.Contains("\"refs\":{\"author_id\":", a.Network.PushBodies[0], StringComparison.Ordinal);
        Assert.DoesNotContain("\"author_id\":1", a.Network.PushBodies[0], StringComparison.Ordinal); // this device's number could be somebody else's
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["parent|child"], b.Rows("SELECT name, title FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-05")]
    public async Task An_answer_is_taken_over_whole_or_not_at_all()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'x', NULL); INSERT INTO book VALUES(1, 1, 't', NULL)");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync();
        Assert.Equal(2, a.Count("SELECT count(*) FROM _tm_command WHERE status = 'IN_FLIGHT'"));
        Assert.Equal(0, a.Count("SELECT (SELECT count(*) FROM _tm_row_1) + (SELECT count(*) FROM _tm_row_2)"));

        a.Network.Decide = _ => Fault.None;
        await Steps.UntilQuietAsync(a);
        Assert.Equal(0, a.Count("SELECT count(*) FROM _tm_command"));
        Assert.Equal(2, a.Count("SELECT (SELECT count(*) FROM _tm_row_1) + (SELECT count(*) FROM _tm_row_2)"));
        Assert.Equal(2, a.Store.EngineSession.Outbox.ReadLedger().Accepted);
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task Two_users_of_one_server_never_see_each_others_rows()
    {
        await using var world = await World.StartAsync();
        var ann = world.Adopt("ann", Schemas.Notes + "INSERT INTO note VALUES('n1', 'of ann', NULL, NULL);");
        await ann.SyncAsync();
        var path = world.File("bob.db");
        Adopter.CreateEmpty(path, ann.Store.Model, SyncEnvironment.System);
        var bob = world.Open(path, "bob");
        bob.Sql("INSERT INTO note VALUES('n1', 'of bob', NULL, NULL)");
        await bob.SyncAsync();
        await Steps.UntilQuietAsync(ann);
        await Steps.UntilQuietAsync(bob);
        Assert.Equal(["n1|of ann"], ann.Rows("SELECT id, title FROM note"));
        Assert.Equal(["n1|of bob"], bob.Rows("SELECT id, title FROM note"));
        bob.Sql("DELETE FROM note");
        await bob.SyncAsync();
        await Steps.UntilQuietAsync(ann);
        Assert.Equal(1, ann.Count("SELECT count(*) FROM note"));
    }

    private static void Insert(Device device, char prefix)
    {
        for (var i = 0; i < 10; i++)
        {
            device.Sql($"INSERT INTO note VALUES('{prefix}{i}', '{new string('x', 300)}', NULL, NULL)");
        }
    }
}
