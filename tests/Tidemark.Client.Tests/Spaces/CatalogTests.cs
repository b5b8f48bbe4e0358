using System.Net;
using System.Net.Http.Headers;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Snapshots;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Spaces;

/// <summary>Foods that everybody reads, and meals of one's own that refer to them.</summary>
[Trait("req", "PULL-04")]
[Trait("req", "PULL-13")]
public sealed class CatalogTests : IAsyncLifetime
{
    private const string Foods = """
        CREATE TABLE food(id TEXT PRIMARY KEY, name TEXT, space TEXT);
        CREATE TABLE meal(id TEXT PRIMARY KEY, food_id TEXT NOT NULL REFERENCES food(id), grams INTEGER);
        """;

    private const string FullDisk = "/dev/full";

    private readonly List<TidemarkHttpRemote> _remotes = [];
    private readonly Testing.TempFolder _snapshots = new();
    private World _world = null!;
    private Device _admin = null!;

    public async ValueTask InitializeAsync()
    {
        _world = await World.StartAsync(new ServerOptions { Dev = true, SnapshotFolder = _snapshots.Path, SnapshotRowsMin = 500 });
        _admin = _world.Make("admin", Foods, t => t.Name == "food" ? t with { Space = "space", Catalog = "foods" } : t);
        await _admin.SyncAsync();
        await Server("ann", administrator: true).MakeSpaceAsync(new SpaceRequest { Space = "c:foods", Name = "Foods" }, CancellationToken.None);
        _admin.Sql("INSERT INTO food VALUES('apple', 'Apple', 'c:foods'), ('bread', 'Bread', 'c:foods'), ('mine', 'Secret sauce', NULL)");
        await _admin.SyncAsync();
    }

    [Fact]
    public async Task Public_rows_come_to_everybody_rows_of_ones_own_refer_to_them_and_nobody_else_changes_them()
    {
        var ben = Open("ben", "ben");
        await ben.SyncAsync();
        Assert.Equal(["apple|Apple", "bread|Bread"], ben.Rows("SELECT id, name FROM food ORDER BY id"));
        Assert.Contains(ben.Network.Requests, r => r.Contains("catalog/foods/snapshot", StringComparison.Ordinal));
        ben.Sql("INSERT INTO food VALUES('own', 'Own jam', NULL); INSERT INTO meal VALUES('m1', 'apple', 100), ('m2', 'own', 5)");
        await ben.SyncAsync();
        ben.AssertQuiet();
        var tablet = Open("tablet", "ben");
        await tablet.SyncAsync();
        Assert.Equal(["m1|apple", "m2|own"], tablet.Rows("SELECT id, food_id FROM meal ORDER BY id"));
        tablet.AssertQuiet();

        ben.Sql("UPDATE food SET name = 'Pear' WHERE id = 'apple'; DELETE FROM food WHERE id = 'bread'");
        await ben.SyncAsync();
        var letters = new StoreInspector(ben.Store).DeadLetters();
        Assert.Equal(2, letters.Count);
        Assert.All(letters, l => Assert.Equal(ErrorCodes.Forbidden, l.Code));
        foreach (var letter in letters)
        {
            await ben.Store.DiscardAsync(letter.Id, CancellationToken.None);
        }

        // What changes comes as a delta; a public row that rows here refer to stays until they do not.
        _admin.Sql("UPDATE food SET name = 'Rye bread' WHERE id = 'bread'; INSERT INTO food VALUES('cheese', 'Cheese', 'c:foods')");
        await _admin.SyncAsync();
        ben.Network.Requests.Clear();
        Assert.Equal(2, (await ben.SyncAsync()).Pull.Applied);
        Assert.Equal(["apple|Apple", "bread|Rye bread", "cheese|Cheese", "own|Own jam"], ben.Rows("SELECT id, name FROM food ORDER BY id"));
        Assert.DoesNotContain(ben.Network.Requests, r => r.Contains("snapshot", StringComparison.Ordinal));
        ben.AssertQuiet();
        Assert.Equal(SyncOutcome.Idle, (await ben.SyncAsync()).Outcome);

        _admin.Sql("DELETE FROM food WHERE id IN ('apple', 'bread')");
        await _admin.SyncAsync();
        await ben.SyncAsync();
        Assert.Equal(["apple", "cheese", "own"], ben.Rows("SELECT id FROM food ORDER BY id"));
        ben.Sql("UPDATE meal SET food_id = 'cheese' WHERE id = 'm1'");
        await ben.SyncAsync();
        await ben.SyncAsync();
        Assert.Equal(["cheese", "own"], ben.Rows("SELECT id FROM food ORDER BY id"));
        ben.AssertQuiet();
    }

    [Fact]
    [Trait("req", "RUN-18")]
    public async Task A_shipped_file_seeds_before_the_first_run_upgrades_and_never_goes_back()
    {
        var first = await ExportAsync("first.catalog");
        _admin.Sql("UPDATE food SET name = 'Golden apple' WHERE id = 'apple'; DELETE FROM food WHERE id = 'bread'; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO food SELECT 'f' || i, 'Food ' || i, 'c:foods' FROM n");
        await _admin.SyncAsync();
        var second = await ExportAsync("second.catalog");

        var path = _world.File("shipped.db");
        Adopter.CreateEmpty(path, _admin.Store.Model, SyncEnvironment.System);
        await using (var offline = LocalStore.Open(path, new StoreOptions { Catalogs = [first] }, SyncEnvironment.System))
        {
            Assert.Equal(2, await offline.ReadAsync(c => Sqlite.ConnectionSql.Scalar(c, "SELECT count(*) FROM food").AsInteger));
            Assert.Equal(1201, offline.SeedCatalogs([second]));
            Assert.Equal(0, offline.SeedCatalogs([first, second]));
            Assert.Equal("Golden apple", await offline.ReadAsync(c => Sqlite.ConnectionSql.Scalar(c, "SELECT name FROM food WHERE id = 'apple'").AsText));
            Assert.Equal(0, await offline.ReadAsync(c => Sqlite.ConnectionSql.Scalar(c, "SELECT count(*) FROM food WHERE id = 'bread'").AsInteger));
        }

        var device = _world.Open(path, "ben");
        device.Sql("INSERT INTO meal VALUES('m', 'f7', 1)");
        await device.SyncAsync();
        device.AssertQuiet();
        Assert.DoesNotContain(device.Network.Requests, r => r.Contains("snapshot", StringComparison.Ordinal));
        _admin.Sql("UPDATE food SET name = 'Newest' WHERE id = 'f7'");
        await _admin.SyncAsync();
        Assert.Equal(1, (await device.Service.SyncCatalogsAsync()).Pull.Applied);
        Assert.Equal(0, device.Store.SeedCatalogs([first, second]));
        Assert.Equal("Newest", device.Scalar("SELECT name FROM food WHERE id = 'f7'").AsText);
    }

    [Fact]
    [Trait("req", "SRV-01")]
    public async Task A_download_goes_on_where_it_stopped_and_begins_anew_when_the_file_is_another_one()
    {
        var remote = Server("ben");
        var manifest = await remote.GetSnapshotAsync("c:foods", CancellationToken.None);
        var whole = await ExportAsync("whole.catalog");
        var half = _world.File("half.catalog");
        var bytes = await File.ReadAllBytesAsync(whole);
        await File.WriteAllBytesAsync(half, bytes[..5000]);
        using var http = new HttpClient { BaseAddress = _world.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _world.Token("ben"));
        foreach (var (etag, wanted) in new[] { (manifest.ETag!, HttpStatusCode.PartialContent), ("another", HttpStatusCode.OK) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("catalog/foods/snapshot", UriKind.Relative));
            request.Headers.Range = new RangeHeaderValue(5000, null);
            request.Headers.IfRange = new RangeConditionHeaderValue(new EntityTagHeaderValue($"\"{etag}\""));
            using var answer = await http.SendAsync(request);
            Assert.Equal(wanted, answer.StatusCode);
            Assert.Equal($"\"{manifest.ETag}\"", answer.Headers.ETag!.Tag);
        }

        await CatalogFile.FetchAsync(remote, "c:foods", manifest, half, CancellationToken.None);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(half));
    }

    [Fact]
    [Trait("req", "CUR-05")]
    public async Task A_large_space_comes_as_a_file_whose_cursor_stands_where_its_rows_were_read()
    {
        _admin.Sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO meal SELECT 'm' || i, 'mine', i FROM n");
        await _admin.SyncAsync();
        var second = Open("second", "ann");
        second.Options.Pull.UsesSnapshots = true;
        var report = await second.SyncAsync();
        Assert.Equal(2, report.Pull.Iterations); // One page behind each file.
        Assert.Equal(2003, report.Pull.Applied);
        Steps.AssertEqual(_admin, second);
        second.AssertQuiet();
        Assert.True((await second.Service.VerifyAsync(CancellationToken.None)).Equal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(second.Path)!, "*.snapshot-*"));

        // The file is of before; what came since follows in pages, the deletion too.
        _admin.Sql("DELETE FROM meal WHERE id = 'm1'; UPDATE meal SET grams = -1 WHERE id = 'm2'");
        await _admin.SyncAsync();
        var third = Open("third", "ann");
        third.Options.Pull.UsesSnapshots = true;
        await third.SyncAsync();
        Steps.AssertEqual(_admin, third);
        third.AssertQuiet();

        // Nobody else gets it.
        Assert.False((await Server("ben").GetSnapshotAsync(null, CancellationToken.None)).Offered);
        await Assert.ThrowsAnyAsync<Client.Errors.SyncException>(() => Server("ben").GetSnapshotAsync("u:ann", CancellationToken.None));
    }

    [Theory]
    [Trait("req", "CUR-05")]
    [InlineData("torn")]
    [InlineData("half told of")]
    [InlineData("damaged")]
    [InlineData("full disk")]
    public async Task A_file_that_cannot_be_had_keeps_nobody_from_a_first_fetch(string trouble)
    {
        await Open("ben", "ben").SyncAsync(); // The server has a file now.
        var (file, about) = (Directory.GetFiles(_snapshots.Path, "*.db").Single(), Directory.GetFiles(_snapshots.Path, "*.json").Single());
        var bytes = await File.ReadAllBytesAsync(file);
        switch (trouble)
        {
            case "torn":
                await File.WriteAllBytesAsync(file, bytes[..(bytes.Length / 2)]);
                break;
            case "half told of":
                await File.WriteAllBytesAsync(about, (await File.ReadAllBytesAsync(about))[..20]);
                break;
            case "damaged":
                await File.WriteAllBytesAsync(file, [.. bytes[..4096], .. Enumerable.Repeat((byte)0xFF, 4096), .. bytes[8192..]]); // The rows, not what it says of itself.
                break;
            default:
                Directory.Delete(_snapshots.Path, recursive: true);
                await File.WriteAllTextAsync(_snapshots.Path, "no folder can be made here");
                break;
        }

        var eve = Open("eve", "eve");
        await eve.SyncAsync();
        Assert.Equal(["apple|Apple", "bread|Bread"], eve.Rows("SELECT id, name FROM food ORDER BY id"));
        eve.AssertQuiet();
        if (trouble == "full disk")
        {
            File.Delete(_snapshots.Path);
            Directory.CreateDirectory(_snapshots.Path);
        }
    }

    [Fact]
    [Trait("req", "CUR-05")]
    public async Task A_device_whose_disk_is_full_in_the_middle_of_a_file_says_so_and_goes_on_when_there_is_room()
    {
        Assert.SkipUnless(File.Exists(FullDisk), "There is no disk here that is always full.");
        var eve = Open("eve", "eve");
        var manifest = await Server("eve").GetSnapshotAsync("c:foods", CancellationToken.None);
        var file = $"{eve.Path}.snapshot-{manifest.ETag}";
        File.CreateSymbolicLink(file, FullDisk);
        var full = (await eve.TrySyncAsync()).Error!;
        Assert.Equal(StoreTrouble.Full, Assert.IsType<StoreException>(full.InnerException).Trouble);
        Assert.Contains("Free some space", full.Message, StringComparison.Ordinal);
        Assert.Empty(eve.Rows("SELECT id FROM food"));

        File.Delete(file);
        await eve.SyncAsync();
        Assert.Equal(["apple|Apple", "bread|Bread"], eve.Rows("SELECT id, name FROM food ORDER BY id"));
        eve.AssertQuiet();
    }

    [Fact]
    [Trait("req", "CUR-05")]
    public async Task A_device_that_can_keep_no_file_beside_its_database_says_so()
    {
        var eve = Open("eve", "eve");
        var manifest = await Server("eve").GetSnapshotAsync("c:foods", CancellationToken.None);
        var taken = Directory.CreateDirectory($"{eve.Path}.snapshot-{manifest.ETag}");
        var report = await eve.TrySyncAsync();
        Assert.Equal(StoreTrouble.CannotOpen, Assert.IsType<StoreException>(report.Error?.InnerException).Trouble);

        taken.Delete();
        await eve.SyncAsync();
        eve.AssertQuiet();
    }

    [Fact]
    public async Task Only_administrators_make_catalogs()
    {
        var refused = await Assert.ThrowsAnyAsync<Client.Errors.SyncException>(() => Server("ben").MakeSpaceAsync(new SpaceRequest { Space = "c:other" }, CancellationToken.None));
        Assert.Equal(ErrorCodes.Forbidden, refused.WireCode);
    }

    public async ValueTask DisposeAsync()
    {
        _remotes.ForEach(r => r.Dispose());
        await _world.DisposeAsync();
        _snapshots.Dispose();
    }

    private Device Open(string name, string user)
    {
        Adopter.CreateEmpty(_world.File(name + ".db"), _admin.Store.Model, SyncEnvironment.System);
        return _world.Open(_world.File(name + ".db"), user);
    }

    private async Task<string> ExportAsync(string name)
    {
        var remote = Server("ann");
        await CatalogFile.FetchAsync(remote, "c:foods", await remote.GetSnapshotAsync("c:foods", CancellationToken.None), _world.File(name), CancellationToken.None);
        return _world.File(name);
    }

    private TidemarkHttpRemote Server(string user, bool administrator = false)
    {
        using var tokens = TidemarkTokens.Open(_world.ServerFolder);
        var token = tokens.Create(user, TimeSpan.FromHours(1), administrator);
        var remote = new TidemarkHttpRemote(_world.Address, _ => Task.FromResult(token), SyncEnvironment.System);
        _remotes.Add(remote);
        return remote;
    }
}
