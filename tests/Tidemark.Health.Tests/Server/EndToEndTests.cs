using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Health.Reports;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Health.Synthetic;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Health;
using Tidemark.Server.Leases;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Server;

/// <summary>From an export to a real server over HTTP, with the manifest as the oracle.</summary>
public sealed class EndToEndTests : IAsyncLifetime
{
    private static readonly SpaceId Ann = new("u:ann");
    private readonly TempFolder _folder = new();
    private SqliteHealthStore _server = null!;
    private WebApplication _app = null!;
    private TidemarkHttpRemote _remote = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = SqliteHealthStore.Open(_folder.File("health.db"));
        _app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = _folder.Path,
            Store = SqliteServerStore.Open(_folder.File("server.db"), ServerEnvironment.System),
            Health = _server,
            BlobFolder = Path.Combine(_folder.Path, "blobs"),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true, Leases = new LeaseOptions { Samples = 300 } }, // Less than a page of the phone: a batch without a lease would be refused.
            Configure = b => b.Logging.ClearProviders(),
        });
        await _app.StartAsync(Cancel);
        using var tokens = TidemarkTokens.Open(_folder.Path);
        var token = tokens.Create("ann", TimeSpan.FromHours(1), administrator: false);
        _remote = new TidemarkHttpRemote(new Uri(_app.Urls.First()), _ => Task.FromResult(token), SyncEnvironment.System);
    }

    public async ValueTask DisposeAsync()
    {
        _remote.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    [Trait("req", "HLT-06")]
    [Trait("req", "HLT-09")]
    [Trait("req", "HLT-10")]
    public async Task Two_devices_of_one_person_leave_on_the_server_what_the_manifests_say()
    {
        var first = HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 9, Records = 8000 });
        var second = HealthExportGenerator.Generate(_folder.File("b.zip"), new GenerateOptions { Seed = 9, Records = 8000, Generation = 2 });
        using var phone = Open("phone.db");
        using var tablet = Open("tablet.db");
        await ImportAsync(phone, "a.zip");
        var sent = await Sync(phone).RunAsync(null, Cancel);
        Assert.Equal((HealthOutcome.Done, first.SampleCount, 0L), (sent.Outcome, sent.Applied, sent.Waiting));
        Assert.Equal(first.Samples, await CountsAsync());

        // The same export on another device: the same samples.
        await ImportAsync(tablet, "a.zip");
        Assert.Equal((0L, first.SampleCount), (await Sync(tablet).RunAsync(null, Cancel)) is var again ? (again.Applied, again.Duplicates) : default);

        await ImportAsync(phone, "b.zip");
        Assert.Equal(second.Added + second.Changed + second.Deleted, (await Sync(phone).RunAsync(null, Cancel)).Applied);
        Assert.Equal(second.Samples, await CountsAsync());
        Assert.Equal(0, (await Sync(phone).RunAsync(null, Cancel)).Captured);
        var report = await HealthReport.OfAsync(phone, Cancel);
        Assert.Equal(second.Samples, new SortedDictionary<string, long>(report.Types.ToDictionary(t => t.Type, t => t.Samples, StringComparer.Ordinal), StringComparer.Ordinal));
        Assert.All(report.Types, t => Assert.Equal((t.Samples + t.Deleted, 0L, 0L), (t.Sent, t.Waiting, t.Rejected)));
    }

    /// <summary>A server that was restored from an older copy has lost a day; nobody's clock knows, the digests do.</summary>
    [Fact]
    [Trait("req", "HLT-05")]
    [Trait("req", "HLT-16")]
    public async Task A_day_that_the_server_has_lost_is_found_by_its_digest_and_sent_again_without_moving_an_anchor()
    {
        HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 9, Records = 8000 });
        using var phone = Open("phone.db");
        await ImportAsync(phone, "a.zip");
        var sync = Sync(phone);
        await sync.RunAsync(null, Cancel);
        var integrity = new HealthIntegrity(phone, sync, new TidemarkHealthUploader(_remote));
        var whole = await integrity.CheckAsync(null, Cancel);
        Assert.Empty(whole.Differences);
        Assert.True(whole.Days > 30);

        var anchor = await phone.ReadAsync(() => phone.Queue.Captured(StoredHealthSource.SourceName, "HeartRate"), Cancel);
        using (var db = SqliteFile.Open(_folder.File("health.db"), new OpenOptions { ForeignKeys = false }))
        {
            db.Run("DELETE FROM _tm_health_sample WHERE type = (SELECT type FROM _tm_health_type WHERE name = 'HeartRate') AND start / 86400000 = (SELECT max(start / 86400000) - 1 FROM _tm_health_sample WHERE type = (SELECT type FROM _tm_health_type WHERE name = 'HeartRate'))");
        }

        var check = await integrity.CheckAsync(null, Cancel);
        var lost = Assert.Single(check.Differences);
        Assert.Equal(("HeartRate", 0L), (lost.Type, lost.There));
        Assert.Equal((lost.Here, lost.Here), (check.Sent, check.Mended));
        Assert.Equal(anchor, await phone.ReadAsync(() => phone.Queue.Captured(StoredHealthSource.SourceName, "HeartRate"), Cancel));
        Assert.Empty((await integrity.CheckAsync("HeartRate", Cancel)).Differences);
    }

    private HealthStore Open(string name) => HealthStore.Open(_folder.File(name), SyncEnvironment.System, Durability.Off);

    private HealthSync Sync(HealthStore store) =>
        new(store, new StoredHealthSource(store), new TidemarkHealthUploader(_remote), Path.GetFileName(store.Path), new HealthSyncOptions { PageSamples = 700 }, SyncEnvironment.System);

    private async Task ImportAsync(HealthStore store, string name)
    {
        using var export = AppleHealthExport.Open(_folder.File(name));
        await AppleImport.RunAsync(export, store, new ImportOptions(), null, Cancel);
    }

    private async Task<SortedDictionary<string, long>> CountsAsync() => new(
        (await _server.GetTypesAsync(Ann, Cancel)).Where(t => t.Samples > 0).ToDictionary(t => t.Type, t => t.Samples, StringComparer.Ordinal), StringComparer.Ordinal);
}
