using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Client.Tests.Spaces;

/// <summary>Lists that some share and some do not, each user's in one file, against a real server.</summary>
[Trait("req", "SRV-06")]
public sealed class SharedSpaceTests : IAsyncLifetime
{
    private const string Lists = """
        CREATE TABLE list(id TEXT PRIMARY KEY, title TEXT, space TEXT);
        CREATE TABLE item(id TEXT PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id) ON DELETE CASCADE, title TEXT, after TEXT REFERENCES item(id));
        """;

    private const string All = "SELECT 'list', id, title FROM list UNION ALL SELECT 'item', id, title FROM item ORDER BY 1 DESC, 2";
    private readonly List<TidemarkHttpRemote> _remotes = [];
    private World _world = null!;
    private Device _ann = null!;
    private Device _ben = null!;
    private string _space = "";

    public async ValueTask InitializeAsync()
    {
        _world = await World.StartAsync();
        _ann = _world.Make("ann", Lists, t => t with { Space = t.Name == "list" ? "space" : "list_id" });
        await _ann.SyncAsync();
        _ben = Open("ben", "ben");
        await _ben.SyncAsync();
        _space = (await Server("ann").MakeSpaceAsync(new SpaceRequest { Name = "Trip" }, CancellationToken.None)).Space;
    }

    [Fact]
    public async Task Each_row_goes_to_the_space_it_names_and_its_children_with_it()
    {
        await JoinAsync("ben", SpaceRoles.Writer);
        _ann.Sql($"INSERT INTO list VALUES('own', 'Own', NULL), ('trip', 'Trip', '{_space}'); INSERT INTO item VALUES('o1', 'own', 'Milk', NULL), ('t1', 'trip', 'Tent', NULL), ('t2', 'trip', 'Stove', 't1')");
        await _ann.SyncAsync();
        await _ben.SyncAsync();
        Assert.Equal(["list|trip|Trip", "item|t1|Tent", "item|t2|Stove"], _ben.Rows(All));

        _ben.Sql("UPDATE item SET title = 'Big tent' WHERE id = 't1'; INSERT INTO item VALUES('t3', 'trip', 'Rope', NULL); DELETE FROM item WHERE id = 't2'; INSERT INTO list VALUES('bens', 'Ben', 'u:ben')");
        await _ben.SyncAsync();
        await _ann.SyncAsync();
        Assert.Equal(["list|own|Own", "list|trip|Trip", "item|o1|Milk", "item|t1|Big tent", "item|t3|Rope"], _ann.Rows(All));
        Quiet(_ann, _ben);
        Assert.Equal(SyncOutcome.Idle, (await _ann.SyncAsync()).Outcome);
        Assert.Equal(SyncOutcome.Idle, (await _ben.SyncAsync()).Outcome);

        var second = Open("second", "ann");
        await second.SyncAsync();
        Assert.Equal(_ann.Rows(All), second.Rows(All));
    }

    [Fact]
    public async Task Joining_brings_the_rows_and_being_removed_takes_them_away_and_keeps_what_was_not_sent()
    {
        _ann.Sql($"INSERT INTO list VALUES('trip', 'Trip', '{_space}'); INSERT INTO item VALUES('t1', 'trip', 'Tent', NULL)");
        await _ann.SyncAsync();
        _ben.Sql("INSERT INTO list VALUES('bens', 'Ben', NULL)");
        await _ben.SyncAsync();
        Assert.Equal(["list|bens|Ben"], _ben.Rows(All));
        await JoinAsync("ben", SpaceRoles.Writer);
        await _ben.SyncAsync();
        Assert.Equal(["list|bens|Ben", "list|trip|Trip", "item|t1|Tent"], _ben.Rows(All));

        _ben.Sql("UPDATE item SET title = 'Bivouac' WHERE id = 't1'; INSERT INTO item VALUES('t9', 'trip', 'Unsent', NULL); UPDATE list SET title = 'Ben''s' WHERE id = 'bens'");
        await Server("ann").RemoveMemberAsync(_space, "ben", CancellationToken.None);
        var report = await _ben.SyncAsync();

        Assert.Equal(["list|bens|Ben's"], _ben.Rows(All));
        Assert.Contains(report.Warnings, w => w.Contains("3 rows were taken out", StringComparison.Ordinal));
        var letters = new StoreInspector(_ben.Store).DeadLetters();
        Assert.Equal([("item", "UPDATE", ErrorCodes.SpaceNotFound), ("item", "CREATE", ErrorCodes.SpaceNotFound)], letters.Select(l => (l.Type, l.Operation, l.Code)));
        Assert.Contains("Bivouac", letters[0].Command, StringComparison.Ordinal);
        Assert.Contains("Unsent", letters[1].Command, StringComparison.Ordinal);
        var ledger = new StoreInspector(_ben.Store).Status().Ledger;
        Assert.True(ledger.AddsUp, ledger.ToString());
        Assert.Equal(SyncOutcome.Idle, (await _ben.SyncAsync()).Outcome);

        // Nothing of it can be tried while he is no member; joined again, the rows are back and the edit can be.
        await Assert.ThrowsAnyAsync<Exception>(() => _ben.Store.RetryAsync(letters[0].Id, CancellationToken.None));
        await JoinAsync("ben", SpaceRoles.Writer);
        await _ben.SyncAsync();
        Assert.Equal(["list|bens|Ben's", "list|trip|Trip", "item|t1|Tent"], _ben.Rows(All));
        foreach (var letter in letters)
        {
            Assert.True(await _ben.Store.RetryAsync(letter.Id, CancellationToken.None));
        }

        await _ben.SyncAsync();
        await _ann.SyncAsync();
        Assert.Equal(["list|trip|Trip", "item|t1|Bivouac", "item|t9|Unsent"], _ann.Rows(All));
        Quiet(_ann, _ben);
    }

    [Fact]
    public async Task Discarding_what_was_kept_of_a_space_touches_no_row_that_came_back_with_it()
    {
        await JoinAsync("ben", SpaceRoles.Writer);
        await _ben.SyncAsync();
        _ben.Sql($"INSERT INTO list VALUES('trip', 'Trip', '{_space}')");
        _ben.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await _ben.TrySyncAsync();
        _ben.Network.Decide = _ => Fault.None;
        await Server("ann").RemoveMemberAsync(_space, "ben", CancellationToken.None);
        _ben.Sql("DELETE FROM _tm_pace");
        await _ben.SyncAsync();
        var letter = Assert.Single(new StoreInspector(_ben.Store).DeadLetters());
        await JoinAsync("ben", SpaceRoles.Writer);
        await _ben.SyncAsync();
        Assert.Equal(["list|trip|Trip"], _ben.Rows(All));
        Assert.True(await _ben.Store.DiscardAsync(letter.Id, CancellationToken.None));
        await _ben.SyncAsync();
        Assert.Equal(["list|trip|Trip"], _ben.Rows(All));
        Quiet(_ben);
    }

    [Fact]
    public async Task Discarding_a_row_that_named_a_space_too_early_leaves_it_where_the_space_has_taken_it_since()
    {
        _ben.Sql($"INSERT INTO list VALUES('early', 'Early', '{_space}')");
        await _ben.SyncAsync();
        var letter = Assert.Single(new StoreInspector(_ben.Store).DeadLetters());
        await JoinAsync("ben", SpaceRoles.Writer);
        _ben.Sql("INSERT INTO item VALUES('i', 'early', 'Child', NULL)");
        await _ben.SyncAsync();
        Assert.True(await _ben.Store.DiscardAsync(letter.Id, CancellationToken.None));
        await _ben.SyncAsync();
        await _ann.SyncAsync();
        Assert.Equal(["list|early|Early", "item|i|Child"], _ann.Rows(All));
        Assert.Equal(_ann.Rows(All), _ben.Rows(All));
        Quiet(_ann, _ben);
    }

    [Fact]
    public async Task Leaving_is_heard_by_all_devices_of_the_user_and_by_nobody_else()
    {
        await JoinAsync("ben", SpaceRoles.Writer);
        _ann.Sql($"INSERT INTO list VALUES('trip', 'Trip', '{_space}')");
        await _ann.SyncAsync();
        var bensTablet = Open("tablet", "ben");
        await _ben.SyncAsync();
        await bensTablet.SyncAsync();
        await Server("ben").LeaveSpaceAsync(new LeaveRequest { Space = _space }, CancellationToken.None);
        await _ben.SyncAsync();
        await bensTablet.SyncAsync();
        await _ann.SyncAsync();
        Assert.Empty(_ben.Rows(All));
        Assert.Empty(bensTablet.Rows(All));
        Assert.Equal(["list|trip|Trip"], _ann.Rows(All));
        Quiet(_ann, _ben, bensTablet);
    }

    [Fact]
    public async Task What_a_reader_writes_is_a_dead_letter_and_discarding_it_brings_the_servers_row_back()
    {
        _ann.Sql($"INSERT INTO list VALUES('trip', 'Trip', '{_space}'); INSERT INTO item VALUES('t1', 'trip', 'Tent', NULL)");
        await _ann.SyncAsync();
        await JoinAsync("ben", SpaceRoles.Reader);
        await _ben.SyncAsync();
        _ben.Sql("UPDATE item SET title = 'Mine' WHERE id = 't1'; INSERT INTO item VALUES('t2', 'trip', 'New', NULL)");
        await _ben.SyncAsync();
        var letters = new StoreInspector(_ben.Store).DeadLetters();
        Assert.All(letters, l => Assert.Equal(ErrorCodes.Forbidden, l.Code));
        Assert.Equal(2, letters.Count);
        foreach (var letter in letters)
        {
            Assert.True(await _ben.Store.DiscardAsync(letter.Id, CancellationToken.None));
        }

        await _ben.SyncAsync();
        Assert.Equal(["list|trip|Trip", "item|t1|Tent"], _ben.Rows(All));
        Quiet(_ben);
    }

    [Fact]
    public async Task A_row_names_a_space_of_its_own_and_refers_to_rows_of_that_space_alone()
    {
        await JoinAsync("ben", SpaceRoles.Writer);
        _ann.Sql($"INSERT INTO list VALUES('own', 'Own', NULL), ('trip', 'Trip', '{_space}'); INSERT INTO item VALUES('o1', 'own', 'Milk', NULL), ('t1', 'trip', 'Tent', NULL)");
        await _ann.SyncAsync();

        _ann.Sql($"INSERT INTO list VALUES('lost', 'Nowhere', 's:0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a'); INSERT INTO item VALUES('x', 'trip', 'Crossing', 'o1'); UPDATE list SET space = '{_space}' WHERE id = 'own'");
        await _ann.SyncAsync();
        var letters = new StoreInspector(_ann.Store).DeadLetters();
        Assert.Equal(["item/after", "list/space", "list/space"], letters.Select(l => l.Type + "/" + l.Field).Order(StringComparer.Ordinal));
        Assert.All(letters, l => Assert.Equal(ErrorCodes.ValidationFailed, l.Code));
        await _ben.SyncAsync();
        Assert.Equal(["list|trip|Trip", "item|t1|Tent"], _ben.Rows(All));
        foreach (var letter in letters)
        {
            Assert.True(await _ann.Store.DiscardAsync(letter.Id, CancellationToken.None));
        }

        await _ann.SyncAsync();
        Assert.Equal(["list|own|Own", "list|trip|Trip", "item|o1|Milk", "item|t1|Tent"], _ann.Rows(All));
        Quiet(_ann);
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task A_member_who_gives_a_row_the_key_of_anothers_private_row_overwrites_and_deletes_nothing()
    {
        await JoinAsync("ben", SpaceRoles.Writer);
        _ann.Sql($"INSERT INTO list VALUES('own', 'Private', NULL), ('trip', 'Trip', '{_space}'); INSERT INTO item VALUES('o1', 'own', 'Secret', NULL)");
        await _ann.SyncAsync();
        await _ben.SyncAsync();
        _ben.Sql($"INSERT INTO list VALUES('own', 'Forged', '{_space}'); INSERT INTO item VALUES('f1', 'own', 'Child', NULL)");
        await _ben.SyncAsync();
        await _ann.SyncAsync();
        Assert.Equal(["list|own|Private", "list|trip|Trip", "item|o1|Secret"], _ann.Rows(All));
        _ann.Sql("UPDATE list SET title = 'Still private' WHERE id = 'own'");
        await _ann.SyncAsync();
        await _ben.SyncAsync();
        Assert.Equal("Forged", _ben.Scalar("SELECT title FROM list WHERE id = 'own'").AsText);
        _ben.Sql("DELETE FROM list WHERE id = 'own'");
        await _ben.SyncAsync();
        await _ann.SyncAsync();
        Assert.Equal(["list|own|Still private", "list|trip|Trip", "item|o1|Secret"], _ann.Rows(All));
        Quiet(_ann);
    }

    [Fact]
    public async Task A_restored_server_that_knows_nothing_of_the_space_takes_no_row_away()
    {
        await _world.BackUpServerAsync();
        var other = (await Server("ann").MakeSpaceAsync(new SpaceRequest { Name = "Later" }, CancellationToken.None)).Space;
        _ann.Sql($"INSERT INTO list VALUES('later', 'Later', '{other}')");
        await _ann.SyncAsync();
        await _world.RestoreServerAsync();
        var report = await _ann.TrySyncAsync();
        Assert.Equal(["list|later|Later"], _ann.Rows(All));
        Assert.Contains(report.Warnings, w => w.Contains(other, StringComparison.Ordinal));
        Assert.Empty(new StoreInspector(_ann.Store).DeadLetters());
    }

    public async ValueTask DisposeAsync()
    {
        _remotes.ForEach(r => r.Dispose());
        await _world.DisposeAsync();
    }

    private static void Quiet(params Device[] devices)
    {
        foreach (var device in devices)
        {
            device.AssertQuiet();
            Assert.Equal(0, device.Count("SELECT count(*) FROM _tm_aside"));
        }
    }

    private Device Open(string name, string user)
    {
        Adopter.CreateEmpty(_world.File(name + ".db"), _ann.Store.Model, SyncEnvironment.System);
        return _world.Open(_world.File(name + ".db"), user);
    }

    private TidemarkHttpRemote Server(string user)
    {
        var token = _world.Token(user);
        var remote = new TidemarkHttpRemote(_world.Address, _ => Task.FromResult(token), SyncEnvironment.System);
        _remotes.Add(remote);
        return remote;
    }

    private async Task JoinAsync(string user, string role)
    {
        var invitation = await Server("ann").InviteAsync(new InvitationRequest { Space = _space, Role = role }, CancellationToken.None);
        await Server(user).JoinSpaceAsync(new JoinRequest { Token = invitation.Token! }, CancellationToken.None);
    }
}
