using System.Buffers.Binary;
using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Synthetic;
using Tidemark.Health.Tests.Apple;
using Tidemark.Model.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Storage;

/// <summary>The routes of workouts: samples of their own, whose points stand in files beside export.xml.</summary>
[Trait("req", "HLT-07")]
[Trait("req", "HLT-10")]
public sealed class RouteTests : IDisposable
{
    private const string Gpx = "<gpx><trk><trkseg><trkpt lon=\"-9.5\" lat=\"38.25\"><ele>12.5</ele><time>2024-01-01T09:00:00Z</time><extensions><speed>2.5</speed></extensions></trkpt></trkseg></trk></gpx>";
    private readonly TempFolder _folder = new();
    private readonly HealthStore _store;

    public RouteTests() => _store = HealthStore.Open(_folder.File("device.db"), SyncEnvironment.System, Durability.Off);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(HealthFaults.None)]
    [InlineData(HealthFaults.Routes | HealthFaults.Localised | HealthFaults.Mirrors)]
    public async Task Every_point_of_every_route_is_there_and_a_second_import_adds_nothing(HealthFaults faults)
    {
        var manifest = HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 20_000, Faults = faults });
        Assert.Equal(manifest.Repairs, (await ImportAsync("a.zip")).Repairs);
        var routes = await RoutesAsync();
        Assert.Equal((2L, 2), (manifest.Samples[HealthTypes.WorkoutRoute], routes.Count));
        Assert.Equal(manifest.RoutePoints, routes.Sum(r => Points(r).Length / RoutePoints.Columns.Length));
        Assert.All(routes, r => Assert.Equal(r.StartMs, Points(r)[0]));
        var again = await ImportAsync("a.zip");
        Assert.Equal((0L, 0L, 0L), (again.Added, again.Changed, again.Deleted));
    }

    [Fact]
    public async Task A_point_keeps_what_it_says_and_nothing_else()
    {
        await ImportAsync([("walk.gpx", Gpx)], Workout("/workout-routes/walk.gpx"));
        var route = Assert.Single(await RoutesAsync());
        Assert.Equal([1_704_099_600_000, 38.25, -9.5, 12.5, 2.5, double.NaN, double.NaN, double.NaN], Points(route));
        Assert.Equal(("Watch", HealthKind.WorkoutRoute, 3L), (route.Origin.Source, route.Kind, route.Version));
    }

    /// <summary>An archive packed again without its routes says nothing of them; the day its file is there, a route is.</summary>
    [Theory]
    [InlineData(null, Repair.MissingRoute)]
    [InlineData("<gpx><trk></trk></gpx>", Repair.UnreadableRoute)]
    public async Task A_route_whose_file_cannot_be_read_is_counted_and_takes_no_earlier_one_away(string? content, Repair repair)
    {
        (string, string)[] without = content is null ? [] : [("walk.gpx", content)];
        var body = Workout("/workout-routes/walk.gpx");
        var first = await ImportAsync(without, body);
        Assert.Equal((1L, 1L), (first.Added, first.Repairs[repair.ToString()]));
        Assert.Equal((1L, 1L), (await ImportAsync([("walk.gpx", Gpx)], body)) is var second ? (second.Added, second.Same) : default);
        var third = await ImportAsync(without, body, new ImportOptions { DeleteWholeTypes = true });
        Assert.Equal((0L, 0L, 0L), (third.Added, third.Changed, third.Deleted));
        Assert.Single(await RoutesAsync());
        Assert.Equal(1, (await ImportAsync([], Workout(null), new ImportOptions { DeleteWholeTypes = true })).Deleted);
    }

    /// <summary>Many routes are committed before the batch is full: what is in memory has a limit.</summary>
    [Fact]
    public async Task Long_routes_are_committed_a_few_at_a_time()
    {
        var point = Gpx[Gpx.IndexOf("<trkpt", StringComparison.Ordinal)..(Gpx.IndexOf("</trkpt>", StringComparison.Ordinal) + 8)];
        var @long = string.Concat(Enumerable.Repeat(point, 20_000));
        var names = Enumerable.Range(0, 12).Select(i => $"{i}.gpx").ToList();
        var commits = new Commits();
        var report = await ImportAsync([.. names.Select(n => (n, @long))], string.Concat(names.Select((n, i) => Workout(n, $"2024-01-{i + 1:00} 10:00:00 +0100"))), progress: commits);
        Assert.Equal((24L, 1), (report.Added, commits.Count)); // 20 MB in all; the last commit reports nothing.
        Assert.InRange(commits.Samples, 12, 22);
        Assert.All(await RoutesAsync(), r => Assert.Equal(20_000 * RoutePoints.Columns.Length, Points(r).Length));
    }

    private static string Workout(string? file, string start = "2024-01-01 10:00:00 +0100") =>
        $" <Workout workoutActivityType=\"HKWorkoutActivityTypeWalking\" duration=\"30\" sourceName=\"Watch\" startDate=\"{start}\" endDate=\"{start}\">\n"
        + (file is null ? "" : $"  <WorkoutRoute sourceName=\"Watch\" startDate=\"{start}\" endDate=\"{start}\">\n   <MetadataEntry key=\"HKMetadataKeySyncIdentifier\" value=\"{start}\"/>\n   <MetadataEntry key=\"HKMetadataKeySyncVersion\" value=\"3\"/>\n   <FileReference path=\"{file}\"/>\n  </WorkoutRoute>\n")
        + " </Workout>\n";

    private static double[] Points(HealthSample route)
    {
        using var extra = JsonDocument.Parse(route.Extra!.Value.Utf8);
        var bytes = extra.RootElement.GetProperty("points").GetBytesFromBase64();
        return [.. Enumerable.Range(0, bytes.Length / 8).Select(i => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(i * 8)))];
    }

    private async Task<ImportReport> ImportAsync((string Name, string Content)[] routes, string body, ImportOptions? options = null, IProgress<ImportProgress>? progress = null)
    {
        var folder = _folder.File(Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Path.Combine(folder, "workout-routes"));
        File.WriteAllText(Path.Combine(folder, "export.xml"), Xml.Export(body));
        foreach (var (name, content) in routes)
        {
            File.WriteAllText(Path.Combine(folder, "workout-routes", name), content);
        }

        using var export = AppleHealthExport.Open(folder);
        return await AppleImport.RunAsync(export, _store, options ?? new ImportOptions(), progress, Cancel);
    }

    private async Task<ImportReport> ImportAsync(string name)
    {
        using var export = AppleHealthExport.Open(_folder.File(name));
        return await AppleImport.RunAsync(export, _store, new ImportOptions { BatchSamples = 1000 }, null, Cancel);
    }

    private async Task<IReadOnlyList<HealthSample>> RoutesAsync() => (await new StoredHealthSource(_store).ReadAsync(HealthTypes.WorkoutRoute, null, 1000, Cancel)).Upserts;

    private sealed class Commits : IProgress<ImportProgress>
    {
        public int Count { get; private set; }

        public long Samples { get; private set; }

        public void Report(ImportProgress value) => (Count, Samples) = (Count + 1, value.Samples);
    }
}
