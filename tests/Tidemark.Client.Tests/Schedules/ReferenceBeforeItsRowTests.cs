using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>
/// A pulled row may refer to a row that waits put aside, where the reference is optional. The app knows nothing of that and gives the number to a row of its own.
/// (Found by the fault proxy, seed 7: a tag went over to another note, on one device, without a word.)
/// </summary>
public sealed class ReferenceBeforeItsRowTests
{
    private const string Schema = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE tag(id TEXT PRIMARY KEY NOT NULL, note_id INTEGER REFERENCES note(id) ON DELETE SET NULL, label TEXT);";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "PUSH-06")]
    [Trait("req", "PULL-03")]
    public async Task It_keeps_meaning_the_remotes_row_when_the_apps_row_of_that_number_gets_another(bool isEdited)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO note(text) VALUES('a1'), ('a2'), ('a3'); INSERT INTO tag VALUES('t', 3, 'third of a')");
        await a.SyncAsync();

        // b's own note has no answer: a's notes wait, the tag that refers to one of them does not.
        b.Sql("INSERT INTO note(text) VALUES('b1')");
        b.Network.Decide = path => path == "/sync/push" ? Fault.DropRequest : Fault.None;
        await b.TrySyncAsync();
        b.Network.Decide = _ => Fault.None;
        Assert.Equal(["t|3|third of a"], b.Rows("SELECT * FROM tag"));
        b.Sql("INSERT INTO note(text) VALUES('b2'), ('b3'); INSERT INTO tag VALUES('u', 3, 'third of b')");
        if (isEdited)
        {
            b.Sql("UPDATE tag SET label = 'edited' WHERE id = 't'");
        }

        await Steps.UntilQuietAsync(b, a);
        const string tags = "SELECT tag.id, note.text FROM tag JOIN note ON note.id = note_id ORDER BY tag.id";
        Assert.Equal(["t|a3", "u|b3"], a.Rows(tags));
        Assert.Equal(["t|a3", "u|b3"], b.Rows(tags));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    public async Task One_that_came_with_a_conflict_means_the_remotes_row_too()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema + "INSERT INTO note VALUES(1, 'one'); INSERT INTO tag VALUES('t', 1, 'label');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO note VALUES(2, 'two of a'); UPDATE tag SET note_id = 2");
        await a.SyncAsync();
        b.Sql("UPDATE tag SET label = 'edited'");
        await b.SyncAsync(SyncMode.PushOnly); // The conflict shows the reference; its row has not come.
        b.Sql("INSERT INTO note VALUES(2, 'two of b')");
        await Steps.UntilQuietAsync(b, a);
        const string tags = "SELECT label, note.text FROM tag JOIN note ON note.id = note_id";
        Assert.Equal(["edited|two of a"], a.Rows(tags));
        Assert.Equal(["edited|two of a"], b.Rows(tags));
        Steps.AssertEqual(a, b);
    }
}
