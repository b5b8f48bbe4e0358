using Tidemark.Client.Coordination;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>An app and its widget: two instances on one file. What one has read the other may have changed since.</summary>
public sealed class TwoProcessesTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_page_that_was_fetched_before_the_other_process_synced_is_not_applied_after_it()
    {
        await using var world = await World.StartAsync();
        var app = world.Adopt("a", Schemas.Notes);
        var elsewhere = world.Clone("b", app);
        await Steps.UntilQuietAsync(app, elsewhere);
        var widget = world.Open(app.Path);
        elsewhere.Sql("INSERT INTO note VALUES('n1', 'first', NULL, NULL)");
        await elsewhere.SyncAsync();

        // The app has its page in hand; before it looks at it, the widget brings that and a later change.
        var met = false;
        app.Network.BeforeAnswer = async path =>
        {
            if (path.EndsWith("/changes", StringComparison.Ordinal) && !met)
            {
                met = true;
                elsewhere.Sql("UPDATE note SET title = 'second' WHERE id = 'n1'");
                await elsewhere.SyncAsync();
                await widget.SyncAsync();
            }
        };
        var report = await app.SyncAsync();

        Assert.True(met);
        Assert.Equal(SyncOutcome.Done, report.Outcome);
        Assert.Equal(["n1|second"], app.Rows("SELECT id, title FROM note"));
        await Steps.UntilQuietAsync(app, widget, elsewhere);
        Steps.AssertEqual(app, elsewhere);
    }

    [Fact]
    [Trait("req", "RUN-05")]
    public async Task The_first_user_owns_the_file_also_for_a_process_that_opened_it_before()
    {
        await using var world = await World.StartAsync();
        var app = world.Adopt("a", Schemas.Notes);
        var widget = world.Open(app.Path, "bob");
        app.Sql("INSERT INTO note VALUES('n1', 'of ann', NULL, NULL)");
        await app.SyncAsync();
        app.Sql("INSERT INTO note VALUES('n2', 'of ann too', NULL, NULL)");

        var refused = await widget.TrySyncAsync();
        Assert.Equal(SyncErrorCode.WrongUser, refused.Error?.Code);
        Assert.Equal("ann", app.Rows("SELECT user FROM _tm_context").Single());
        Assert.Equal(SyncOutcome.Done, (await app.SyncAsync()).Outcome);
    }
}
