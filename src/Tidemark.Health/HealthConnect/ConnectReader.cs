using System.Globalization;
using Microsoft.Data.Sqlite;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.HealthConnect;

/// <summary>The samples of a Health Connect export, table by table, row by row, with no more of it in memory than one record. Not for two threads at once.</summary>
internal sealed class ConnectReader(HealthConnectExport export, Repairs repairs) : IDisposable
{
    // The fixed columns of every statement; own ones follow.
    private const int Uuid = 0, Start = 1, End = 2, Offset = 3, EndOffset = 4, Modified = 5, App = 6, Device = 7, ClientId = 8, Method = 9, Row = 10, Own = 11;
    private const int PartsMax = 1_000_000;
    private static readonly string[] Methods = ["", "active", "automatic", "manual"];
    private readonly SqliteConnection _db = export.Connection;
    private readonly IEnumerator<ExportTable> _tables = export.Tables.Values.OrderBy(t => t.Name, StringComparer.Ordinal).ToList().GetEnumerator();
    private readonly Dictionary<(long App, long Device), HealthOrigin> _origins = [];
    private IEnumerator<FoundSample>? _samples;

    public FoundSample Current { get; private set; }

    /// <summary>Every table was read to its end.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Records read.</summary>
    public long Records { get; private set; }

    /// <summary>When the last of its records was written: it was made after that. Exports have no list of deletions, and do not say when they were made. 0 when it has nothing.</summary>
    public long LastChangeMs { get; private set; }

    /// <summary>How many records there are, about.</summary>
    public long RecordsTotal { get; } = export.Tables.Values.Sum(t => Safe(export, $"SELECT max(rowid) FROM {SqlName.Quote(t.Name)}"));

    public bool Read()
    {
        while (true)
        {
            try
            {
                if (_samples?.MoveNext() == true)
                {
                    Current = _samples.Current;
                    return true;
                }
            }
            catch (StoreException)
            {
                // What was read of the table stands; what was not read is not taken for deleted.
                repairs[Repair.UnreadableTable]++;
                IsComplete = false;
            }

            _samples?.Dispose();
            if (!_tables.MoveNext())
            {
                return false;
            }

            _samples = SamplesOf(_tables.Current).GetEnumerator();
        }
    }

    public void Dispose()
    {
        _samples?.Dispose();
        _tables.Dispose();
    }

    // 0 where the table is not there, or not to be read.
    private static long Safe(HealthConnectExport export, string sql)
    {
        try
        {
            return export.Connection.Scalar(sql) is { Kind: ValueKind.Integer, AsInteger: > 0 and var number } ? number : 0;
        }
        catch (StoreException)
        {
            return 0;
        }
    }

    private IEnumerable<FoundSample> SamplesOf(ExportTable table)
    {
        if (RecordKinds.Series.TryGetValue(table.Name, out var series))
        {
            return Series(table, series.Table, series.Measure);
        }

        if (RecordKinds.Single.TryGetValue(table.Name, out var measure))
        {
            return RecordsOf(table).Select(r => Single(r, measure)).OfType<FoundSample>();
        }

        if (RecordKinds.Groups.TryGetValue(table.Name, out var group))
        {
            return RecordsOf(table).SelectMany(r => Group(r, group.Type, group.Measures));
        }

        return table.Name switch
        {
            RecordKinds.Sleep => Sleep(table),
            RecordKinds.Exercise => Exercises(table),
            RecordKinds.MenstrualFlow => RecordsOf(table).Select(r => r.Sample(HealthKind.Category, "MenstrualFlow", category: RecordKinds.FlowOf((long)(r.Number("flow") ?? 0)), extra: r.Extra(["flow"]))),
            _ => Unknown(table),
        };
    }

    // Whatever a newer version has: kept with its columns.
    private IEnumerable<FoundSample> Unknown(ExportTable table)
    {
        foreach (var record in RecordsOf(table))
        {
            repairs.CountUnknown(table.Name);
            yield return record.Sample(HealthKind.Category, RecordKinds.TypeOf(table.Name), category: "Unknown", extra: record.Extra([]));
        }
    }

    private FoundSample? Single(ConnectRecord record, Measure measure)
    {
        if (record.Number(measure.Column) is not { } number)
        {
            repairs[Repair.UnreadableNumber]++;
            return null;
        }

        var (value, unit) = Canonical(number, measure);
        return record.Sample(HealthKind.Quantity, measure.Type, value, unit, extra: record.Extra([measure.Column]));
    }

    private static IEnumerable<FoundSample> Group(ConnectRecord record, string type, Measure[] measures)
    {
        var children = new List<Guid>();
        foreach (var measure in measures)
        {
            if (record.Number(measure.Column) is not { } number || number == 0)
            {
                continue;
            }

            var (value, unit) = Canonical(number, measure);
            var part = record.Part(record.Sample(HealthKind.Quantity, measure.Type, value, unit).Sample, identityValue: 0);
            children.Add(part.Sample.Id);
            yield return part;
        }

        yield return record.Sample(HealthKind.Correlation, type, extra: record.Extra([.. measures.Select(m => m.Column)], children));
    }

    private IEnumerable<FoundSample> Series(ExportTable table, string child, Measure measure)
    {
        foreach (var (record, values) in PartsOf(table, child, "epoch_millis", measure.Column))
        {
            if (values[0].Kind != ValueKind.Integer || ConnectRecord.NumberOf(values[1]) is not { } number)
            {
                repairs[Repair.UnreadableNumber]++;
                continue;
            }

            // A series grows while it is recorded: its values are named by what they are, so that those that were there stay the same.
            var (value, unit) = Canonical(number, measure);
            yield return record.Part(
                new HealthSample { Id = record.Id, Kind = HealthKind.Quantity, Type = measure.Type, StartMs = values[0].AsInteger, EndMs = values[0].AsInteger, Value = value, Unit = unit, Origin = record.Origin, Extra = record.Extra([]) },
                HealthIdentity.ValueOf(value));
        }
    }

    private IEnumerable<FoundSample> Sleep(ExportTable table)
    {
        var staged = ExportTable.Find(_db, RecordKinds.SleepStages) is { } stages && stages.Columns.Contains("parent_key")
            ? _db.Query($"SELECT DISTINCT parent_key FROM {RecordKinds.SleepStages} LIMIT {PartsMax}").Where(r => r[0].Kind == ValueKind.Integer).Select(r => r[0].AsInteger).ToHashSet()
            : [];
        foreach (var record in RecordsOf(table))
        {
            // With stages the session says when somebody was in bed; alone it is the sleep.
            yield return record.Sample(HealthKind.Category, "SleepAnalysis", category: staged.Contains(record.Row) ? "InBed" : "AsleepUnspecified", extra: record.Extra([]));
        }

        foreach (var (record, values) in PartsOf(table, RecordKinds.SleepStages, "stage_start_time", "stage_end_time", "stage_type"))
        {
            if (values[0].Kind != ValueKind.Integer || values[1].Kind != ValueKind.Integer || values[2].Kind != ValueKind.Integer)
            {
                repairs[Repair.UnreadableDate]++;
                continue;
            }

            var stage = RecordKinds.StageOf(values[2].AsInteger);
            var (start, end) = InOrder(values[0].AsInteger, values[1].AsInteger);
            yield return record.Part(
                new HealthSample { Id = record.Id, Kind = HealthKind.Category, Type = "SleepAnalysis", StartMs = start, EndMs = end, Category = stage, Origin = record.Origin },
                HealthIdentity.ValueOf(stage));
        }
    }

    private IEnumerable<FoundSample> Exercises(ExportTable table)
    {
        var parts = new Dictionary<long, List<ExtraPart>>();
        foreach (var name in RecordKinds.ExerciseParts)
        {
            if (ExportTable.Find(_db, name) is { } child && child.Columns.Contains("parent_key"))
            {
                foreach (var row in _db.Query($"SELECT parent_key, {string.Join(", ", child.Columns.Select(SqlName.Quote))} FROM {name} LIMIT {PartsMax}"))
                {
                    var part = new ExtraPart(name);
                    part.Attributes.AddRange(child.Columns.Index().Where(c => c.Item is not ("parent_key" or "row_id")).Select(c => (c.Item, ConnectRecord.TextOf(row[c.Index + 1]) ?? "")).Where(a => a.Item2.Length > 0));
                    (parts.TryGetValue(row[0].AsInteger, out var list) ? list : parts[row[0].AsInteger] = []).Add(part);
                }
            }
        }

        using var routes = ConnectRoutes.Open(_db);
        foreach (var record in RecordsOf(table))
        {
            var points = routes?.Of(record.Row, repairs);
            if (points is null && record.Number("has_route") is null or 0)
            {
                yield return Workout(record, null);
                continue;
            }

            // It has no id there: it is the one route of its workout. One whose points are not in the export is not taken for deleted.
            repairs[Repair.MissingRoute] += points is null ? 1 : 0;
            var route = record.Part(record.Sample(HealthKind.WorkoutRoute, HealthTypes.WorkoutRoute, extra: points is null ? null : RoutePoints.Extra(null, points)).Sample, identityValue: 0);
            yield return route with { IsUnread = points is null };
            yield return Workout(record, route.Sample.Id);
        }

        FoundSample Workout(ConnectRecord record, Guid? route) => record.Sample(
            HealthKind.Workout,
            HealthTypes.Workout,
            category: RecordKinds.ExerciseOf((long)(record.Number("exercise_type") ?? 0)),
            extra: record.Extra(["exercise_type", "has_route"], route is { } id ? [id] : null, parts.GetValueOrDefault(record.Row)));
    }

    private IEnumerable<ConnectRecord> RecordsOf(ExportTable table)
    {
        var own = table.Own.ToList();
        using var statement = new RawStatement(_db, $"SELECT {Columns(table, own)} FROM {SqlName.Quote(table.Name)} p ORDER BY p.rowid");
        while (statement.Step())
        {
            Records++;
            if (RecordIn(statement, own) is { } record)
            {
                yield return record;
            }
        }
    }

    // The rows lead and their record is looked up by its key: the table of rows has no index.
    private IEnumerable<(ConnectRecord Record, Value[] Values)> PartsOf(ExportTable table, string childName, params string[] columns)
    {
        if (ExportTable.Find(_db, childName) is not { } child || !columns.Append("parent_key").All(c => child.Columns.Contains(c)))
        {
            yield break;
        }

        var own = table.Own.ToList();
        using var statement = new RawStatement(_db, $"SELECT {Columns(table, own)}, {string.Join(", ", columns.Select(c => "c." + SqlName.Quote(c)))} FROM {SqlName.Quote(childName)} c CROSS JOIN {SqlName.Quote(table.Name)} p ON p.row_id = c.parent_key");
        ConnectRecord? record = null;
        while (statement.Step())
        {
            Records++;
            record = record?.Row == statement.ColumnInt64(Row) ? record : RecordIn(statement, own);
            if (record is not null)
            {
                yield return (record, [.. columns.Select((_, i) => statement.Column(Own + own.Count + i))]);
            }
        }
    }

    private static string Columns(ExportTable table, List<string> own)
    {
        string Of(string name) => table.Columns.Contains(name) ? "p." + name : "NULL";
        string[] time = table.IsInterval ? ["start_time", "end_time", "start_zone_offset", "end_zone_offset"] : ["time", "time", "zone_offset", "zone_offset"];
        string[] all = ["uuid", .. time, "last_modified_time", "app_info_id", "device_info_id", "client_record_id", "recording_method"];
        return string.Join(", ", [.. all.Select(Of), "p.rowid", .. own.Select(c => "p." + SqlName.Quote(c))]);
    }

    /// <returns>Null: it has no id or no time.</returns>
    private ConnectRecord? RecordIn(RawStatement row, List<string> own)
    {
        if (row.ColumnBytes(Uuid).Length != 16 || row.Column(Start).Kind != ValueKind.Integer || row.Column(End).Kind != ValueKind.Integer)
        {
            repairs[row.ColumnBytes(Uuid).Length == 16 ? Repair.UnreadableDate : Repair.UnreadableElement]++;
            return null;
        }

        var (start, end) = InOrder(row.ColumnInt64(Start), row.ColumnInt64(End));
        var modified = row.Column(Modified) is { Kind: ValueKind.Integer, AsInteger: >= 0 and var ms } ? ms : 0;
        LastChangeMs = Math.Max(LastChangeMs, modified);
        return new ConnectRecord
        {
            Id = new Guid(row.ColumnBytes(Uuid), bigEndian: true),
            Row = row.ColumnInt64(Row),
            StartMs = start,
            EndMs = end,
            ModifiedMs = modified,
            Origin = OriginOf(row.ColumnInt64(App), row.ColumnInt64(Device)),
            Heading = HeadingOf(row),
            Own = [.. own.Select((name, i) => (name, row.Column(Own + i)))],
        };
    }

    private static List<(string, string)> HeadingOf(RawStatement row)
    {
        var heading = new List<(string, string)>();
        if (row.Column(Offset).Kind == ValueKind.Integer)
        {
            heading.Add(("zoneOffset", OffsetText(row.ColumnInt64(Offset))));
        }

        if (row.Column(EndOffset).Kind == ValueKind.Integer && row.ColumnInt64(EndOffset) != row.ColumnInt64(Offset))
        {
            heading.Add(("endZoneOffset", OffsetText(row.ColumnInt64(EndOffset))));
        }

        if (row.ColumnInt64(Method) is > 0 and < 4 and var method)
        {
            heading.Add(("recordingMethod", Methods[method]));
        }

        if (ConnectRecord.TextOf(row.Column(ClientId)) is { } name)
        {
            heading.Add(("clientRecordId", name));
        }

        return heading;
    }

    // Seconds there; nobody is further than 18 hours from UTC.
    private static string OffsetText(long seconds)
    {
        var minutes = Math.Clamp(seconds / 60, -18 * 60, 18 * 60);
        return string.Create(CultureInfo.InvariantCulture, $"{(minutes < 0 ? '-' : '+')}{Math.Abs(minutes) / 60:00}:{Math.Abs(minutes) % 60:00}");
    }

    private HealthOrigin OriginOf(long app, long device)
    {
        if (_origins.TryGetValue((app, device), out var known))
        {
            return known;
        }

        var apps = ExportTable.Find(_db, "application_info_table") is null ? [] : _db.Query("SELECT app_name, package_name FROM application_info_table WHERE row_id = ?1", Value.Integer(app));
        var devices = ExportTable.Find(_db, "device_info_table") is null ? [] : _db.Query("SELECT manufacturer, model FROM device_info_table WHERE row_id = ?1", Value.Integer(device));
        var (name, package) = apps.Count == 0 ? (null, null) : (Short(apps[0][0]), Short(apps[0][1]));
        var (maker, model) = devices.Count == 0 ? (null, null) : (Short(devices[0][0]), Short(devices[0][1]));
        return _origins[(app, device)] = new HealthOrigin
        {
            Source = name ?? package ?? "?",
            Bundle = package,
            Device = maker is null && model is null ? null : new HealthDevice { Manufacturer = maker, Model = model },
        };
    }

    private static string? Short(Value value) => ConnectRecord.TextOf(value) is { } text ? text[..Math.Min(text.Length, HealthLimits.TextLengthMax)] : null;

    private (long Start, long End) InOrder(long start, long end)
    {
        if (end >= start)
        {
            return (start, end);
        }

        repairs[Repair.EndBeforeStart]++;
        return (end, start);
    }

    private static (double Value, string Unit) Canonical(double number, Measure measure)
    {
        var canonical = HealthTypes.Find(measure.Type)!;
        return (HealthUnit.Find(measure.Unit)!.Value.To(canonical.Measure!.Value, number * measure.Factor), canonical.Unit!);
    }
}
