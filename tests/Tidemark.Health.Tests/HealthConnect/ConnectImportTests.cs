using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Health.Apple;
using Tidemark.Health.HealthConnect;
using Tidemark.Health.Importing;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Tests.Apple;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.HealthConnect;

[Trait("req", "HLT-01")]
public sealed class ConnectImportTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HealthStore _store;
    private readonly ConnectDatabase _phone;
    private int _exports;

    public ConnectImportTests()
    {
        _store = HealthStore.Open(_folder.File("device.db"), SyncEnvironment.System, Durability.Off);
        _phone = new ConnectDatabase(_folder.File("phone.db"));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _phone.Dispose();
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Every_record_is_there_once_and_a_second_import_adds_nothing()
    {
        for (var day = 0; day < 30; day++)
        {
            _phone.AddDay(day);
        }

        var report = await ImportAsync();
        Assert.Equal((480L, 480L, 0L, true), (report.Found, report.Added, report.Deleted, report.Complete));
        Assert.Empty(report.Repairs);
        Assert.Empty(report.UnknownElements);
        var again = await ImportAsync();
        Assert.Equal((480L, 480L, 0L, 0L, 0L), (again.Found, again.Same, again.Added, again.Changed, again.Deleted));
        Assert.Equal((30, 60, 90, 30), ((await PageAsync("Workout")).Count, (await PageAsync("HeartRate")).Count, (await PageAsync("SleepAnalysis")).Count, (await PageAsync("BloodPressureSystolic")).Count));
    }

    [Fact]
    public async Task Units_are_canonical_and_what_else_a_record_says_is_kept()
    {
        _phone.AddDay(0);
        await ImportAsync();
        Assert.Equal((70.1234, "kg"), Of(Assert.Single(await PageAsync("BodyMass"))));
        Assert.Equal((12.3456, "kcal"), Of(Assert.Single(await PageAsync("ActiveEnergyBurned"))));
        Assert.Equal((0.975, "fraction"), Of(Assert.Single(await PageAsync("OxygenSaturation"))));
        var steps = (await PageAsync("StepCount"))[0];
        Assert.Equal((ConnectDatabase.IdOf(1), ConnectDatabase.Begin + 28_800_000, ConnectDatabase.Begin + 29_400_000), (steps.Id, steps.StartMs, steps.EndMs));
        Assert.Equal(("org.example.watch", "org.example.watch", "Watch 3"), (steps.Origin.Source, steps.Origin.Bundle, steps.Origin.Device?.Model));
        Assert.Contains("""["zoneOffset","+09:00"]""", Extra(steps), StringComparison.Ordinal);
        Assert.Contains("""["zoneOffset","-03:30"]""", Extra((await PageAsync("BodyMass"))[0]), StringComparison.Ordinal);
        var pressure = Assert.Single(await PageAsync("BloodPressure"));
        Assert.Contains("""["measurement_location","3"]""", Extra(pressure), StringComparison.Ordinal);
        Assert.DoesNotContain("body_position", Extra(pressure), StringComparison.Ordinal);
        Assert.Contains((await PageAsync("BloodPressureSystolic"))[0].Id.ToString(), Extra(pressure), StringComparison.Ordinal);
        var workout = Assert.Single(await PageAsync("Workout"));
        Assert.Equal("Running", workout.Category);
        Assert.Contains("""["title","Lunch"]""", Extra(workout), StringComparison.Ordinal);
        Assert.DoesNotContain("exertion", Extra(workout), StringComparison.Ordinal);
        Assert.Equal(["InBed", "AsleepCore", "AsleepREM"], (await PageAsync("SleepAnalysis")).Select(s => s.Category));
    }

    [Fact]
    [Trait("req", "HLT-07")]
    public async Task A_route_is_a_sample_of_its_own_with_its_points_in_the_order_of_time()
    {
        _phone.AddDay(0);
        _phone.AddDay(1);
        var (first, second) = (AddRun(50, 3), AddRun(60, 0));
        await ImportAsync();
        var route = Assert.Single(await PageAsync("WorkoutRoute"));
        Assert.Equal((HealthKind.WorkoutRoute, ConnectDatabase.Begin + (50 * ConnectDatabase.Day)), (route.Kind, route.StartMs));
        using var json = JsonDocument.Parse(Extra(route));
        var points = MemoryMarshal.Cast<byte, double>(json.RootElement.GetProperty("points").GetBytesFromBase64()).ToArray();
        Assert.Equal(3, json.RootElement.GetProperty("pointCount").GetInt32());
        Assert.Equal([route.StartMs, 38.0, -9.0, 12.5, double.NaN, double.NaN, 4.0, double.NaN], points[..8]);
        Assert.Equal([route.StartMs, route.StartMs + 1000.0, route.StartMs + 2000.0], [points[0], points[8], points[16]]);
        var workouts = await PageAsync("Workout");
        Assert.Contains(route.Id.ToString(), Extra(workouts.Single(w => w.Id == ConnectDatabase.IdOf(first))), StringComparison.Ordinal);
        Assert.DoesNotContain("children", Extra(workouts.Single(w => w.Id == ConnectDatabase.IdOf(second))), StringComparison.Ordinal);
        Assert.Equal((0L, 0L, 0L), (await ImportAsync()) is var again ? (again.Added, again.Changed, again.Deleted) : default);
    }

    /// <summary>An export may be made by an app that may not read routes.</summary>
    [Fact]
    [Trait("req", "HLT-07")]
    public async Task A_route_whose_points_cannot_be_read_is_counted_and_takes_no_earlier_one_away()
    {
        _phone.AddDay(0);
        var row = _phone.RowOf(AddRun(50, 3));
        await ImportAsync();
        _phone.Db.Run("UPDATE exercise_route_table SET latitude = 91 WHERE timestamp_millis % 2000 = 0");
        var damaged = await ImportAsync();
        Assert.Equal((2L, 0L), (damaged.Repairs[nameof(Repair.UnreadablePoint)], damaged.Deleted));
        _phone.Db.Run("DELETE FROM exercise_route_table");
        var without = await ImportAsync();
        Assert.Equal((1L, 0L), (without.Repairs[nameof(Repair.MissingRoute)], without.Deleted));
        Assert.Single(await PageAsync("WorkoutRoute"));
        _phone.Db.Run("UPDATE exercise_session_record_table SET has_route = 0 WHERE row_id = ?1", Value.Integer(row));
        _phone.AddDay(2);
        Assert.Empty((await ImportAsync()).Repairs);
    }

    private int AddRun(int day, int points)
    {
        var run = _phone.AddInterval("exercise_session_record_table", day * ConnectDatabase.Day, 1_800_000, "exercise_type, has_route", Value.Integer(33), Value.Integer(points > 0 ? 1 : 0));
        for (var i = points - 1; i >= 0; i--)
        {
            _phone.Db.Run(
                "INSERT INTO exercise_route_table(parent_key, timestamp_millis, latitude, longitude, altitude, horizontal_accuracy) VALUES(?1, ?2, 38 + ?3, -9, 12.5, 4)",
                Value.Integer(_phone.RowOf(run)), Value.Integer(ConnectDatabase.Begin + (day * ConnectDatabase.Day) + (i * 1000)), Value.Real(i * 0.001));
        }

        return run;
    }

    [Fact]
    public async Task The_next_export_is_the_difference()
    {
        for (var day = 0; day < 5; day++)
        {
            _phone.AddDay(day);
        }

        await ImportAsync();
        var heart = (await PageAsync("HeartRate")).Select(s => s.Id).ToHashSet();
        _phone.Db.Run("DELETE FROM steps_record_table WHERE row_id = 2");
        _phone.Db.Run("DELETE FROM sleep_stages_table WHERE parent_key = 3");
        _phone.Db.Run("UPDATE weight_record_table SET weight = 71000, last_modified_time = last_modified_time + 1000000 WHERE row_id = 1");

        // A series grows while it is recorded: one value more, the others are the ones they were.
        _phone.Db.Run("UPDATE heart_rate_record_table SET last_modified_time = last_modified_time + 1000000 WHERE row_id = 1");
        _phone.Db.Run("INSERT INTO heart_rate_record_series_table VALUES(1, 64, ?1)", Value.Integer(ConnectDatabase.Begin + 36_090_000));
        var report = await ImportAsync();
        Assert.Equal((1L, 1L, 3L), (report.Added, report.Changed, report.Deleted));
        Assert.Superset(heart, (await PageAsync("HeartRate")).Select(s => s.Id).ToHashSet());
        Assert.Equal(71.0, (await PageAsync("BodyMass"))[^1].Value);
    }

    [Fact]
    public async Task Two_equal_values_of_one_moment_are_two_samples_and_stay_so()
    {
        _phone.AddDay(0);
        _phone.Db.Run("INSERT INTO heart_rate_record_series_table SELECT * FROM heart_rate_record_series_table");
        Assert.Equal(18, (await ImportAsync()).Added);
        Assert.Equal(18, (await ImportAsync()).Same);
    }

    [Fact]
    public async Task What_came_from_an_Apple_export_is_not_deleted_because_this_phone_does_not_have_it()
    {
        _phone.AddDay(0);
        var apple = _folder.File("export.xml");
        await File.WriteAllTextAsync(apple, Xml.Export(Xml.Record()), Cancel);
        using var export = AppleHealthExport.Open(apple);
        await AppleImport.RunAsync(export, _store, new ImportOptions(), null, Cancel);
        Assert.Equal(0, (await ImportAsync()).Deleted);
        var back = await AppleImport.RunAsync(export, _store, new ImportOptions { DeleteWholeTypes = true }, null, Cancel);
        Assert.Equal((1L, 0L), (back.Same, back.Deleted));
    }

    [Fact]
    public async Task An_older_export_deletes_nothing_that_was_written_after_it()
    {
        _phone.AddDay(0);
        var old = _phone.Zip("old.zip");
        await ImportAsync();
        _phone.AddDay(1);
        Assert.Equal(16, (await ImportAsync()).Added);
        Assert.Equal(0, (await ImportAsync(old)).Deleted);
    }

    [Fact]
    public async Task A_type_that_is_not_there_any_more_is_not_a_type_whose_samples_were_deleted()
    {
        _phone.AddDay(0);
        await ImportAsync();
        _phone.Db.Run("DELETE FROM weight_record_table");
        var report = await ImportAsync();
        Assert.Equal(0, report.Deleted);
        Assert.Equal(["BodyMass"], report.Withheld);
    }

    [Fact]
    public async Task A_table_that_nobody_knows_is_kept_with_its_columns_and_counted()
    {
        _phone.AddInterval("oral_hygiene_record_table", 0, 120_000, "tool", Value.Text("brush"));
        var report = await ImportAsync();
        Assert.Equal(1, report.UnknownElements["oral_hygiene_record_table"]);
        var sample = Assert.Single(await PageAsync("OralHygiene"));
        Assert.Contains("""["tool","brush"]""", Extra(sample), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_read_is_left_out_and_counted()
    {
        _phone.AddDay(0);
        _phone.Db.Run("UPDATE steps_record_table SET count = NULL WHERE row_id = 1");
        _phone.Db.Run("UPDATE steps_record_table SET start_time = NULL WHERE row_id = 2");
        _phone.Db.Run("UPDATE steps_record_table SET uuid = x'00' WHERE row_id = 3");
        _phone.Db.Run("UPDATE steps_record_table SET start_time = end_time, end_time = start_time WHERE row_id = 4");
        var report = await ImportAsync();
        Assert.Equal(13, report.Added);
        Assert.Equal(
            new Dictionary<string, long> { ["UnreadableNumber"] = 1, ["UnreadableDate"] = 1, ["UnreadableElement"] = 1, ["EndBeforeStart"] = 1 }.OrderBy(r => r.Key, StringComparer.Ordinal),
            report.Repairs);
    }

    [Fact]
    [Trait("req", "HLT-10")]
    public async Task A_page_that_is_damaged_ends_its_table_and_deletes_nothing()
    {
        for (var day = 0; day < 30; day++)
        {
            _phone.AddDay(day);
        }

        await ImportAsync();
        var root = _phone.Db.Scalar("SELECT rootpage FROM sqlite_master WHERE name = 'weight_record_table'").AsInteger;
        var copy = _folder.File("damaged.db");
        _phone.Db.Run("VACUUM INTO ?1", Value.Text(copy));
        await using (var file = new FileStream(copy, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = (root - 1) * 4096;
            file.Write(new byte[4096]);
        }

        var report = await ImportAsync(copy);
        Assert.False(report.Complete);
        Assert.Equal(1, report.Repairs["UnreadableTable"]);
        Assert.Equal((0L, 0L), (report.Deleted, report.Added));
    }

    [Fact]
    public async Task An_import_that_is_stopped_is_finished_by_the_next_one()
    {
        for (var day = 0; day < 10; day++)
        {
            _phone.AddDay(day);
        }

        using var stop = new CancellationTokenSource();
        using (var export = HealthConnectExport.Open(_phone.Zip("stopped.zip")))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ConnectImport.RunAsync(export, _store, new ImportOptions { BatchSamples = 40 }, new Stop(stop), stop.Token));
        }

        var report = await ImportAsync();
        Assert.Equal((160L, 120L, 40L), (report.Found, report.Added, report.Same));
    }

    [Fact]
    [Trait("req", "HLT-10")]
    public void Archives_that_are_none_or_too_large_end_with_a_sentence()
    {
        _phone.AddDay(0);
        var zip = _phone.Zip("large.zip");
        Assert.Contains("zip bomb", Assert.Throws<HealthExportException>(() => HealthConnectExport.Open(zip, new ExportLimits { DatabaseBytesMax = 10_000 })).Message, StringComparison.Ordinal);
        Assert.Contains("entries", Assert.Throws<HealthExportException>(() => HealthConnectExport.Open(zip, new ExportLimits { EntriesMax = 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("none of Health Connect", Assert.Throws<HealthExportException>(() => HealthConnectExport.Open(_folder.File("device.db"))).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("nothing.zip"), "PK\u0003\u0004 and no more");
        Assert.False(HealthConnectExport.IsOne(_folder.File("nothing.zip")));
        Assert.Throws<HealthExportException>(() => HealthConnectExport.Open(_folder.File("nothing.zip")));
        Assert.True(HealthConnectExport.IsOne(zip));
    }

    private async Task<ImportReport> ImportAsync(string? path = null)
    {
        using var export = HealthConnectExport.Open(path ?? _phone.Zip($"export{++_exports}.zip"));
        return await ConnectImport.RunAsync(export, _store, new ImportOptions { BatchSamples = 64 }, null, Cancel);
    }

    private async Task<List<HealthSample>> PageAsync(string type) => [.. (await new StoredHealthSource(_store).ReadAsync(type, null, 10_000, Cancel)).Upserts];

    private static (double? Value, string? Unit) Of(HealthSample sample) => (sample.Value, sample.Unit);

    private static string Extra(HealthSample sample) => Encoding.UTF8.GetString(sample.Extra!.Value.Utf8.Span);

    private sealed class Stop(CancellationTokenSource source) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value) => source.Cancel();
    }
}
