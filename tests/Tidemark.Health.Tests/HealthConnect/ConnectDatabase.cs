using System.IO.Compression;
using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.HealthConnect;

/// <summary>A database as Health Connect exports it, of nobody: the tables' shapes are those of its own, the rows are made here.</summary>
internal sealed class ConnectDatabase : IDisposable
{
    public const long Day = 86_400_000;

    /// <summary>2026-03-01T00:00:00Z.</summary>
    public const long Begin = 1_772_323_200_000;
    private const string Common = "row_id INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB NOT NULL UNIQUE, last_modified_time INTEGER, client_record_id TEXT, client_record_version TEXT, device_info_id INTEGER, app_info_id INTEGER, recording_method INTEGER, dedupe_hash BLOB UNIQUE";
    private const string Instant = Common + ", time INTEGER, zone_offset INTEGER, local_date INTEGER";
    private const string Interval = Common + ", start_time INTEGER, start_zone_offset INTEGER, end_time INTEGER, end_zone_offset INTEGER, local_date INTEGER";
    private readonly string _path;
    private int _records;

    public ConnectDatabase(string path)
    {
        _path = path;
        Db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false, Durability = Durability.Off });
        foreach (var sql in (string[])
        [
            "PRAGMA user_version = 23",
            "CREATE TABLE application_info_table(row_id INTEGER PRIMARY KEY, package_name TEXT NOT NULL UNIQUE, app_name TEXT, app_icon BLOB, record_types_used TEXT)",
            "CREATE TABLE device_info_table(row_id INTEGER PRIMARY KEY, manufacturer TEXT, model TEXT, device_type INTEGER)",
            $"CREATE TABLE steps_record_table({Interval}, count INTEGER, local_date_time_start_time INTEGER AS (start_time + 1000 * start_zone_offset))",
            $"CREATE TABLE active_calories_burned_record_table({Interval}, energy REAL)",
            $"CREATE TABLE weight_record_table({Instant}, weight REAL, local_date_time INTEGER AS (time + 1000 * zone_offset))",
            $"CREATE TABLE oxygen_saturation_record_table({Instant}, percentage REAL)",
            $"CREATE TABLE blood_glucose_record_table({Instant}, specimen_source TEXT NOT NULL, level REAL, relation_to_meal TEXT NOT NULL, meal_type TEXT NOT NULL)",
            $"CREATE TABLE blood_pressure_record_table({Instant}, measurement_location TEXT NOT NULL, systolic REAL, diastolic REAL, body_position TEXT NOT NULL)",
            $"CREATE TABLE heart_rate_record_table({Interval})",
            "CREATE TABLE heart_rate_record_series_table(parent_key INTEGER, beats_per_minute INTEGER, epoch_millis INTEGER)",
            $"CREATE TABLE sleep_session_record_table({Interval}, notes TEXT, title TEXT)",
            "CREATE TABLE sleep_stages_table(parent_key INTEGER NOT NULL, stage_start_time INTEGER NOT NULL, stage_end_time INTEGER NOT NULL, stage_type INTEGER NOT NULL)",
            $"CREATE TABLE exercise_session_record_table({Interval}, notes TEXT, exercise_type INTEGER, title TEXT, has_route INTEGER, session_rate_of_perceived_exertion REAL)",
            "CREATE TABLE exercise_laps_table(parent_key INTEGER NOT NULL, lap_start_time INTEGER, lap_end_time INTEGER, length REAL)",
            "CREATE TABLE exercise_route_table(parent_key INTEGER NOT NULL, timestamp_millis INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL, horizontal_accuracy REAL, vertical_accuracy REAL, altitude REAL)",
            $"CREATE TABLE oral_hygiene_record_table({Interval}, tool TEXT)",
            "INSERT INTO application_info_table VALUES(1, 'org.example.steps', 'Steps', NULL, NULL), (2, 'org.example.watch', NULL, NULL, NULL)",
            "INSERT INTO device_info_table VALUES(1, NULL, NULL, 0), (2, 'Example', 'Watch 3', 1)",
        ])
        {
            Db.Run(sql);
        }
    }

    public SqliteConnection Db { get; }

    public static Guid IdOf(int record) => new(0x11112222, 0x3333, 0x4444, [.. BitConverter.GetBytes((long)record)]);

    /// <summary>A record of a table of intervals.</summary>
    /// <returns>Its number, of which its id is made.</returns>
    public int AddInterval(string table, long start, long length, string columns, params Value[] values) =>
        Add(table, "start_time, start_zone_offset, end_time, end_zone_offset, " + columns, [Value.Integer(Begin + start), Value.Integer(32_400), Value.Integer(Begin + start + length), Value.Integer(32_400), .. values]);

    /// <summary>A record of a table of instants.</summary>
    public int AddInstant(string table, long time, string columns, params Value[] values) => Add(table, "time, zone_offset, " + columns, [Value.Integer(Begin + time), Value.Integer(-12_600), .. values]);

    /// <summary>A day of somebody: 11 records, of which 16 samples come.</summary>
    public void AddDay(int day)
    {
        var at = day * Day;
        for (var hour = 8; hour < 12; hour++)
        {
            AddInterval("steps_record_table", at + (hour * 3_600_000), 600_000, "count", Value.Integer(100 + hour));
        }

        AddInterval("active_calories_burned_record_table", at + 30_000_000, 600_000, "energy", Value.Real(12_345.6));
        AddInstant("weight_record_table", at + 25_000_000, "weight", Value.Real(70_123.4));
        AddInstant("oxygen_saturation_record_table", at + 25_100_000, "percentage", Value.Real(97.5));
        AddInstant("blood_pressure_record_table", at + 25_200_000, "measurement_location, body_position, systolic, diastolic", Value.Text("3"), Value.Text("0"), Value.Real(121), Value.Real(79));
        var heart = RowOf(AddInterval("heart_rate_record_table", at + 36_000_000, 120_000, "local_date", Value.Integer(1)));
        Db.Run("INSERT INTO heart_rate_record_series_table VALUES(?1, 61, ?2), (?1, 64, ?3)", Value.Integer(heart), Value.Integer(Begin + at + 36_000_000), Value.Integer(Begin + at + 36_060_000));
        var night = RowOf(AddInterval("sleep_session_record_table", at, 25_200_000, "title", Value.Text("Night")));
        Db.Run("INSERT INTO sleep_stages_table VALUES(?1, ?2, ?3, 4), (?1, ?3, ?4, 6)", Value.Integer(night), Value.Integer(Begin + at), Value.Integer(Begin + at + 7_200_000), Value.Integer(Begin + at + 10_800_000));
        AddInterval("exercise_session_record_table", at + 40_000_000, 1_800_000, "exercise_type, title, session_rate_of_perceived_exertion", Value.Integer(33), Value.Text("Lunch"), Value.Real(1.4e-45));
    }

    public long RowOf(int record)
    {
        foreach (var table in Db.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%record_table'"))
        {
            if (Db.Scalar($"SELECT row_id FROM {table[0].AsText} WHERE uuid = ?1", Value.Blob(IdOf(record).ToByteArray(bigEndian: true))) is { Kind: ValueKind.Integer } row)
            {
                return row.AsInteger;
            }
        }

        throw new InvalidOperationException($"There is no record {record}.");
    }

    /// <summary>The file as a zip, as the phone makes it.</summary>
    public string Zip(string name)
    {
        var path = Path.Combine(Path.GetDirectoryName(_path)!, name);
        var copy = path + ".copy";
        Db.Run("VACUUM INTO ?1", Value.Text(copy));
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(copy, "health_connect_export.db");
        }

        File.Delete(copy);
        return path;
    }

    public void Dispose() => Db.Dispose();

    private int Add(string table, string columns, Value[] values)
    {
        var number = ++_records;
        Value[] all = [Value.Blob(IdOf(number).ToByteArray(bigEndian: true)), Value.Integer(Begin + (number * 1000L)), Value.Integer(1 + (number % 2)), Value.Integer(2), .. values];
        Db.Run($"INSERT INTO {table}(uuid, last_modified_time, app_info_id, device_info_id, {columns}) VALUES({string.Join(", ", all.Select((_, i) => $"?{i + 1}"))})", all);
        return number;
    }
}
