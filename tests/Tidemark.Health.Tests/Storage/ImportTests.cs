using System.Text;
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

[Trait("req", "HLT-10")]
public sealed class ImportTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HealthStore _store;

    public ImportTests() => _store = HealthStore.Open(_folder.File("device.db"), SyncEnvironment.System, Durability.Off);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(HealthFaults.None)]
    [InlineData(HealthFaults.All & ~HealthFaults.Truncated)]
    public async Task What_the_manifest_says_is_in_the_file_to_the_last_sample_and_a_second_import_adds_nothing(HealthFaults faults)
    {
        var manifest = HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 20_000, Faults = faults });
        var report = await ImportAsync("a.zip");
        Assert.Equal((manifest.SampleCount, manifest.SampleCount, 0L, 0L), (report.Found, report.Added, report.Changed, report.Deleted));
        Assert.Equal(manifest.Samples, await CountsAsync());
        Assert.Equal(manifest.Repairs, report.Repairs);
        var again = await ImportAsync("a.zip");
        Assert.Equal((manifest.SampleCount, 0L, 0L, 0L, manifest.SampleCount), (again.Found, again.Added, again.Changed, again.Deleted, again.Same));
    }

    /// <summary>Every fault at once, and none: the samples that both exports have are the same ones.</summary>
    [Fact]
    public async Task All_faults_at_once_leave_the_truth_as_it_is()
    {
        HealthExportGenerator.Generate(_folder.File("clean.zip"), new GenerateOptions { Seed = 5, Records = 20_000 });
        var damaged = HealthExportGenerator.Generate(_folder.File("damaged.zip"), new GenerateOptions { Seed = 5, Records = 20_000, Faults = HealthFaults.All });
        var clean = await ImportAsync("clean.zip");
        var report = await ImportAsync("damaged.zip");
        Assert.False(report.Complete);
        Assert.Equal((damaged.SampleCount - clean.Found, 0L, 0L, clean.Found), (report.Added, report.Changed, report.Deleted, report.Same));
    }

    /// <summary>The next export of the same person, in summer time, in kilojoules, with new pointers: exactly what the person did is the difference.</summary>
    [Theory]
    [InlineData(HealthFaults.None)]
    [InlineData(HealthFaults.All & ~HealthFaults.Truncated)]
    public async Task The_next_export_is_the_known_difference(HealthFaults faults)
    {
        HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 30_000, Faults = faults });
        var second = HealthExportGenerator.Generate(_folder.File("b.zip"), new GenerateOptions { Seed = 5, Records = 30_000, Generation = 2, Faults = faults });
        await ImportAsync("a.zip");
        var report = await ImportAsync("b.zip");
        Assert.Equal((second.Added, second.Changed, second.Deleted), (report.Added, report.Changed, report.Deleted));
        Assert.True(second.Added > 300 && second.Changed > 5 && second.Deleted > 100);
        Assert.Equal(second.Samples, await CountsAsync());
    }

    [Fact]
    public async Task An_import_that_was_stopped_goes_on_where_it_was()
    {
        var manifest = HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 20_000, Faults = HealthFaults.All & ~HealthFaults.Truncated });
        for (var stops = 0; ; stops++)
        {
            using var stop = new CancellationTokenSource();
            try
            {
                using var export = AppleHealthExport.Open(_folder.File("a.zip"));
                var report = await AppleImport.RunAsync(export, _store, new ImportOptions { BatchSamples = 500 }, new StopAfter(stop, 3), stop.Token);
                Assert.True(stops > 5);
                Assert.True(report.Resumed);
                Assert.Equal((manifest.SampleCount, manifest.SampleCount), (report.Found, report.Added));
                Assert.Equal(manifest.Repairs, report.Repairs);
                Assert.Equal(manifest.Samples, await CountsAsync());
                return;
            }
            catch (OperationCanceledException)
            {
                Assert.True(stops < 100);
            }
        }
    }

    [Fact]
    public async Task An_export_that_breaks_off_deletes_nothing()
    {
        var text = Xml.Export(Xml.Record(start: "2024-01-01 10:00:00 +0100") + Xml.Record(start: "2024-01-01 11:00:00 +0100"));
        Assert.Equal(2, (await ImportTextAsync(text)).Added);
        var report = await ImportTextAsync(text[..text.LastIndexOf("<Record", StringComparison.Ordinal)]);
        Assert.Equal((1L, 0L, false), (report.Same, report.Deleted, report.Complete));
    }

    [Fact]
    [Trait("req", "HLT-01")]
    public async Task A_type_that_is_not_there_any_more_is_not_a_type_whose_samples_were_deleted()
    {
        await ImportTextAsync(Xml.Export(Xml.Record() + Xml.Record("HeartRate", "60", "count/min")));
        var report = await ImportTextAsync(Xml.Export(Xml.Record()));
        Assert.Equal(0, report.Deleted);
        Assert.Equal(["HeartRate"], report.Withheld);
        Assert.Equal(1, (await ImportTextAsync(Xml.Export(Xml.Record()), new ImportOptions { DeleteWholeTypes = true })).Deleted);
    }

    [Fact]
    public async Task Equal_samples_are_all_kept_and_get_the_same_ids_in_another_order()
    {
        var first = Xml.Record("RestingHeartRate", "50", "count/min", rest: "creationDate=\"2024-01-02 10:00:00 +0100\"");
        var second = Xml.Record("RestingHeartRate", "50", "count/min", rest: "creationDate=\"2024-01-03 10:00:00 +0100\"");
        Assert.Equal(2, (await ImportTextAsync(Xml.Export(first + second))).Added);
        var before = await PageAsync("RestingHeartRate");
        var report = await ImportTextAsync(Xml.Export(second + first));
        Assert.Equal((0L, 0L, 2L), (report.Added, report.Deleted, report.Same));
        Assert.Equal(2, before.Upserts.Select(s => s.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_part_of_a_correlation_at_the_top_level_is_the_same_sample()
    {
        var part = Xml.Record("BloodPressureSystolic", "120", "mmHg");
        var report = await ImportTextAsync(Xml.Export(part + " <Correlation type=\"HKCorrelationTypeIdentifierBloodPressure\" sourceName=\"Watch\" startDate=\"2024-01-01 10:00:00 +0100\" endDate=\"2024-01-01 10:00:00 +0100\">\n" + part + "</Correlation>"));
        Assert.Equal((2L, 1L), (report.Found, report.Repeated));
        var correlation = (await PageAsync("BloodPressure")).Upserts.Single();
        Assert.Contains((await PageAsync("BloodPressureSystolic")).Upserts.Single().Id.ToString(), Encoding.UTF8.GetString(correlation.Extra!.Value.Utf8.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_sample_that_comes_back_has_a_higher_version()
    {
        var other = Xml.Record(start: "2024-02-01 10:00:00 +0100");
        await ImportTextAsync(Xml.Export(Xml.Record() + other));
        Assert.Equal(1, (await ImportTextAsync(Xml.Export(other))).Deleted);
        Assert.Equal(1, (await ImportTextAsync(Xml.Export(Xml.Record() + other))).Added);
        Assert.Equal([0L, 1L], (await PageAsync("StepCount")).Upserts.Select(s => s.Version).Order());
    }

    /// <summary>The anchored query: what comes later is after the anchor, whatever its own date; deletions too.</summary>
    [Fact]
    [Trait("req", "HLT-01")]
    public async Task The_imported_samples_are_a_source_in_the_order_in_which_they_came()
    {
        await ImportTextAsync(Xml.Export(Xml.Record(start: "2024-03-01 10:00:00 +0100") + Xml.Record(start: "2024-03-02 10:00:00 +0100")));
        var source = new StoredHealthSource(_store);
        var first = await source.ReadAsync("StepCount", null, 1, Cancel);
        Assert.Equal((1, true), (first.Upserts.Count, first.HasMore));
        var second = await source.ReadAsync("StepCount", first.Next, 10, Cancel);
        Assert.Equal((1, false), (second.Upserts.Count, second.HasMore));
        Assert.Equal(0, (await source.ReadAsync("StepCount", second.Next, 10, Cancel)).Count);
        await ImportTextAsync(Xml.Export(Xml.Record(start: "2023-01-01 10:00:00 +0100") + Xml.Record(start: "2024-03-02 10:00:00 +0100")));
        var third = await source.ReadAsync("StepCount", second.Next, 10, Cancel);
        Assert.Equal(DateTimeOffset.Parse("2023-01-01T09:00:00Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(), Assert.Single(third.Upserts).StartMs);
        Assert.Equal(first.Upserts[0].Id, Assert.Single(third.Deletes).Id);
        Assert.Equal(0, (await source.ReadAsync("HeartRate", null, 10, Cancel)).Count);
    }

    [Fact]
    public async Task Names_of_files_in_another_language_and_files_of_a_Mac_make_no_difference()
    {
        HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 2000 });
        HealthExportGenerator.Generate(_folder.File("b.zip"), new GenerateOptions { Seed = 5, Records = 2000, Faults = HealthFaults.Localised | HealthFaults.MacFiles | HealthFaults.Ecg });
        var first = await ImportAsync("a.zip");
        var second = await ImportAsync("b.zip");
        Assert.Equal((first.Found, 0L, 0L), (second.Same, second.Added, second.Deleted));
        Assert.Equal(3, (await CountsAsync())["Electrocardiogram"]);
        var ecg = (await PageAsync("Electrocardiogram")).Upserts[0];
        Assert.Contains(ecg.Category, new[] { "SinusRhythm", "AtrialFibrillation", "Inconclusive" });
        Assert.Contains("\"voltages\":15360", Encoding.UTF8.GetString(ecg.Extra!.Value.Utf8.Span), StringComparison.Ordinal);
        Assert.DoesNotContain("Anna", Encoding.UTF8.GetString(ecg.Extra!.Value.Utf8.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_read_like_its_zip()
    {
        HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 5, Records = 2000 });
        System.IO.Compression.ZipFile.ExtractToDirectory(_folder.File("a.zip"), _folder.File("unpacked"));
        var found = (await ImportAsync("a.zip")).Found;
        Assert.Equal(found, (await ImportAsync("unpacked")).Same);
    }

    private async Task<ImportReport> ImportAsync(string name)
    {
        using var export = AppleHealthExport.Open(_folder.File(name));
        return await AppleImport.RunAsync(export, _store, new ImportOptions { BatchSamples = 1000 }, null, Cancel);
    }

    private async Task<ImportReport> ImportTextAsync(string xml, ImportOptions? options = null)
    {
        File.WriteAllText(_folder.File("export.xml"), xml);
        using var export = AppleHealthExport.Open(_folder.File("export.xml"));
        return await AppleImport.RunAsync(export, _store, options ?? new ImportOptions(), null, Cancel);
    }

    private async Task<HealthChangePage> PageAsync(string type) => await new StoredHealthSource(_store).ReadAsync(type, null, 1000, Cancel);

    private Task<SortedDictionary<string, long>> CountsAsync() => _store.ReadAsync(
        () => new SortedDictionary<string, long>(
            _store.Query("SELECT t.name, count(*) FROM _tm_health_sample s JOIN _tm_health_type t ON t.type = s.type WHERE deleted = 0 GROUP BY 1").ToDictionary(r => r[0].AsText, r => r[1].AsInteger, StringComparer.Ordinal),
            StringComparer.Ordinal),
        Cancel);

    private sealed class StopAfter(CancellationTokenSource stop, int reports) : IProgress<ImportProgress>
    {
        private int _left = reports;

        public void Report(ImportProgress value)
        {
            if (--_left == 0)
            {
                stop.Cancel();
            }
        }
    }
}
