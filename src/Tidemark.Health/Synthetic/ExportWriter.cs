using System.Globalization;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Synthetic;

/// <summary>Writes one export.xml and counts what it holds.</summary>
internal sealed class ExportWriter
{
    private const long Begin = 1_672_531_200; // 2023-01-01
    private const int RecordsPerDay = 2300;
    private const int ReportEvery = 50_000;
    private readonly GenerateOptions _options;
    private readonly IProgress<long>? _progress;
    private readonly Draw _draw;
    private readonly int _offset;
    private readonly long _days;
    private readonly SortedDictionary<string, long> _samples = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, double> _sums = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _repairs = new(StringComparer.Ordinal);
    private XmlBytes _xml = null!;
    private long _records;
    private long _added;
    private long _deleted;
    private long _changed;

    public ExportWriter(GenerateOptions options, IProgress<long>? progress)
    {
        _options = options;
        _progress = progress;
        _draw = new Draw(options.Seed);
        _offset = options.Generation == 1 ? 1 : 2;
        _days = Math.Max(1, options.Records / RecordsPerDay);
    }

    /// <summary>Of the workouts that were written; their files stand beside export.xml.</summary>
    public List<RouteText> Routes { get; } = [];

    private bool IsSecond => _options.Generation > 1;

    public ExportManifest Write(Stream target, CancellationToken cancellationToken)
    {
        using (_xml = new XmlBytes(target))
        {
            Prolog();
            var total = TypePlan.All.Sum(p => p.PerDay);
            foreach (var plan in TypePlan.All)
            {
                WriteType(plan, Math.Max(1, (long)(_options.Records * plan.PerDay / total)), cancellationToken);
            }

            UnknownType();
            BloodPressures();
            Workouts();
            Summaries();
            End();
        }

        return new ExportManifest
        {
            Seed = _options.Seed,
            Generation = _options.Generation,
            Records = _records,
            Samples = _samples,
            Sums = _sums,
            Repairs = _repairs,
            Added = IsSecond ? _added : _samples.Values.Sum(),
            Deleted = _deleted,
            Changed = _changed,
            RoutePoints = Routes.Sum(r => r.Points),
            XmlBytes = _xml.Written,
        };
    }

    private bool Has(HealthFaults fault) => _options.Faults.HasFlag(fault);

    private void Prolog()
    {
        _xml.Add(ExportText.Prolog.Replace("<<END>>", Has(HealthFaults.Dtd) ? "" : ">", StringComparison.Ordinal));
        if (Has(HealthFaults.Dtd))
        {
            Repaired(Repair.BrokenDtd);
        }

        _xml.Add("<HealthData locale=\"en_PT\">\n <ExportDate value=\"").AddDate(Begin + (_days * 86_400), _offset)
            .Add("\"/>\n <Me HKCharacteristicTypeIdentifierDateOfBirth=\"1990-01-08\" HKCharacteristicTypeIdentifierBiologicalSex=\"HKBiologicalSexFemale\"/>\n");
    }

    private void WriteType(TypePlan plan, long count, CancellationToken cancellationToken)
    {
        var span = _days * 86_400;
        var last = IsSecond ? count + (count / 100) + 1 : count;
        for (var i = 0L; i < last; i++)
        {
            if (i % ReportEvery == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _progress?.Report(_records);
            }

            var isLate = plan.Type is "RestingHeartRate" or "SleepAnalysis" && _draw.Below("late", i, 10) == 0;
            var isTwin = plan.Type == "RestingHeartRate" && i % 50 == 3;
            if (isLate && !IsSecond)
            {
                continue;
            }

            var isMeasuredTwice = plan.Type == "StepCount" && i % 2 == 0 && Has(HealthFaults.Overlap);
            if (IsSecond && i < count && !isLate && !isTwin && _draw.Below("deleted" + plan.Type, i, 200) == 0)
            {
                _deleted += isMeasuredTwice ? 2 : 1;
                continue;
            }

            var start = Begin + (i * span / count);
            var step = Math.Max(1, span / count);
            var seconds = plan.Seconds == 0 ? 0 : 1 + _draw.Below("seconds" + plan.Type, i, Math.Max(1, Math.Min(plan.Seconds, (step * 3 / 4) + 1)));
            WriteRecord(plan, i, start, start + seconds, isNew: IsSecond && (isLate || i >= count), createdLater: 0);
            if (isTwin)
            {
                WriteRecord(plan, i, start, start + seconds, isNew: IsSecond && (isLate || i >= count), createdLater: 3600);
            }

            if (isMeasuredTwice)
            {
                WriteRecord(plan with { Source = 1 }, i, start, start + seconds, isNew: IsSecond && i >= count, createdLater: 5);
            }
        }
    }

    private void WriteRecord(TypePlan plan, long i, long start, long end, bool isNew, long createdLater)
    {
        Garbage();
        var isNamed = plan.Type is "ActiveEnergyBurned" or "DistanceWalkingRunning" && i % 400 == 7;
        var isCorrected = isNamed && i % 800 == 7 && IsSecond && !isNew;
        _changed += isCorrected ? 1 : 0;
        _added += isNew ? 1 : 0;
        var isOld = Has(HealthFaults.OldDates) && _records % 89 == 5;
        var isDoubled = Has(HealthFaults.DoubledStart) && _records % 97 == 11 && !isOld;
        Repaired(Repair.OldDate, isOld ? 1 : 0);
        Repaired(Repair.DoubledStartDate, isDoubled ? 1 : 0);
        _xml.Add(" <Record type=\"").Add(plan.Prefix).Add(plan.Type).Add("\"");
        WriteOrigin(plan.Source, i);
        var value = plan.IsCategory ? 0 : Value(plan, i, isCorrected);
        if (!plan.IsCategory)
        {
            _xml.Add(" unit=\"").Add(Spelt(plan.Unit!)).Add("\"");
        }

        _xml.Add(" creationDate=\"").AddDate(start + plan.LagSeconds + createdLater, _offset)
            .Add("\" startDate=\"").AddDate(start, _offset, isOld).Add(isDoubled ? "\" startDate=\"" : "\" endDate=\"").AddDate(end, _offset, isOld && !isDoubled).Add("\" value=\"");
        if (plan.IsCategory)
        {
            _xml.Add(CategoryOf(plan, i));
        }
        else
        {
            _xml.Add(Shown(plan.Unit!, value));
        }

        _xml.Add("\"");
        WriteContent(plan, i, start, isNamed, isCorrected);
        _records++;
        Counted(plan.Type);
        if (!plan.IsCategory)
        {
            Summed(plan.Type, HealthUnit.Find(plan.Unit!)!.Value.To(plan.Known.Measure!.Value, value));
        }
    }

    private void WriteContent(TypePlan plan, long i, long start, bool isNamed, bool isCorrected)
    {
        var metadata = plan.Type switch
        {
            "HeartRate" when i % 101 == 0 => "  <MetadataEntry key=\"Note\" value=\"run" + (Has(HealthFaults.Control) ? "\u000b" : "") + "ning\"/>\n",
            "HeartRate" => "  <MetadataEntry key=\"HKMetadataKeyHeartRateMotionContext\" value=\"1\"/>\n",
            "SleepAnalysis" => "  <MetadataEntry key=\"HKTimeZone\" value=\"Europe/Lisbon\"/>\n",
            "HeartRateVariabilitySDNN" => Beats(i, start),
            _ => "",
        };
        Repaired(Repair.ControlCharacter, plan.Type == "HeartRate" && i % 101 == 0 && Has(HealthFaults.Control) ? 1 : 0);
        if (isNamed)
        {
            metadata += string.Create(CultureInfo.InvariantCulture, $"  <MetadataEntry key=\"HKMetadataKeySyncIdentifier\" value=\"3:{_options.Seed}:{plan.Type}:{i}\"/>\n  <MetadataEntry key=\"HKMetadataKeySyncVersion\" value=\"{(isCorrected ? 2 : 1)}\"/>\n");
        }

        _xml.Add(metadata.Length == 0 ? "/>\n" : ">\n" + metadata + " </Record>\n");
    }

    // Wall time without a date, an hour off from the record's own: summer time.
    private string Beats(long i, long start)
    {
        var text = new System.Text.StringBuilder("  <HeartRateVariabilityMetadataList>\n");
        for (var beat = 0; beat < 10; beat++)
        {
            var time = DateTime.UnixEpoch.AddSeconds(start + 3600).AddMilliseconds((beat * 850) + (_draw.Below("beat", (i * 100) + beat, 20) * 10));
            text.Append(CultureInfo.InvariantCulture, $"   <InstantaneousBeatsPerMinute bpm=\"{60 + _draw.Below("bpm", (i * 100) + beat, 30)}\" time=\"{time:h:mm:ss.ff tt}\"/>\n");
        }

        return text.Append("  </HeartRateVariabilityMetadataList>\n").ToString();
    }

    private void WriteOrigin(int source, long i)
    {
        _xml.Add(" sourceName=\"").Add(ExportText.Sources[source]).Add("\" sourceVersion=\"").Add(ExportText.Versions[source]).Add("\"");
        if (ExportText.Devices[source] is { } device)
        {
            var pointer = _draw.Below("pointer" + _options.Generation.ToString(CultureInfo.InvariantCulture), i, 0xFFFFFF).ToString("x6", CultureInfo.InvariantCulture);
            _xml.Add(" device=\"").Add(device.Replace("{0}", "28" + pointer + "0", StringComparison.Ordinal)).Add("\"");
        }
    }

    private double Value(TypePlan plan, long i, bool isCorrected)
    {
        var value = _draw.Between(plan.Type, i, plan.Least, plan.Most);
        value = plan.Unit is "count" or "count/min" or "min" ? Math.Floor(value) : value;

        // A correction is far from the first value, so that it is none of the rounding.
        return HealthUnit.Rounded(isCorrected ? value * 1.5 : value);
    }

    private string CategoryOf(TypePlan plan, long i) => plan.Type == "SleepAnalysis"
        ? "HKCategoryValueSleepAnalysis" + ExportText.SleepStages[_draw.Below(plan.Type, i, ExportText.SleepStages.Length)]
        : "HKCategoryValueAppleStandHour" + (_draw.Below(plan.Type, i, 3) == 0 ? "Idle" : "Stood");

    private string Spelt(string unit) => unit switch
    {
        "kcal" => IsSecond ? "kJ" : Has(HealthFaults.Units) ? "Cal" : "kcal",
        "mg/dL" when Has(HealthFaults.Units) => "mmol&lt;180.1558800000541&gt;/L",
        "km" when Has(HealthFaults.Units) => "mi",
        "kg" when Has(HealthFaults.Units) => "lb",
        "mL/min·kg" => "mL/min&#183;kg",
        _ => unit,
    };

    private double Shown(string unit, double value)
    {
        var spelling = Spelt(unit).Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal).Replace("&#183;", "·", StringComparison.Ordinal);
        return spelling == unit ? value : HealthUnit.Find(unit)!.Value.To(HealthUnit.Find(spelling)!.Value, value);
    }

    private void Garbage()
    {
        if (_records % 5000 != 1000)
        {
            return;
        }

        if (Has(HealthFaults.Garbage))
        {
            _xml.Add(" <Record type=\"HKQuantityTypeIdentifierBroken startDate=2024\n");
            Repaired(Repair.UnreadableElement);
        }

        if (Has(HealthFaults.Unknown))
        {
            _xml.Add(" <FutureThing startDate=\"later\" value=\"1\"/>\n");
            Repaired(Repair.UnknownElement);
        }
    }

    private void UnknownType()
    {
        for (var i = 0; Has(HealthFaults.UnknownType) && i < 10; i++)
        {
            _xml.Add(" <Record type=\"HKQuantityTypeIdentifierFutureMetric\" sourceName=\"Health\" unit=\"zorp\" startDate=\"").AddDate(Begin + (i * 60), _offset)
                .Add("\" endDate=\"").AddDate(Begin + (i * 60), _offset).Add("\" value=\"").Add(i + 0.5).Add("\"/>\n");
            _records++;
            Counted("FutureMetric");
            Repaired(Repair.UnknownUnit);
        }
    }

    private void BloodPressures()
    {
        var count = Math.Max(1, _days / 5);
        for (var i = 0L; i < count && Has(HealthFaults.Children); i++)
        {
            _xml.Add(Pressure(i, 0)).Add(Pressure(i, 1));
            _records += 2;
            Repaired(Repair.RepeatedChild, 2);
        }

        for (var i = 0L; i < count; i++)
        {
            var times = PressureTimes(i);
            _xml.Add(" <Correlation type=\"HKCorrelationTypeIdentifierBloodPressure\" sourceName=\"Withings\" sourceVersion=\"6.1\"").Add(times).Add(">\n ")
                .Add(Pressure(i, 0)).Add(" ").Add(Pressure(i, 1)).Add(" </Correlation>\n");
            Counted("BloodPressure");
            foreach (var part in new[] { 0, 1 })
            {
                Counted(part == 0 ? "BloodPressureSystolic" : "BloodPressureDiastolic");
                Summed(part == 0 ? "BloodPressureSystolic" : "BloodPressureDiastolic", PressureValue(i, part));
            }
        }
    }

    private string Pressure(long i, int part) => string.Create(
        CultureInfo.InvariantCulture,
        $" <Record type=\"HKQuantityTypeIdentifierBloodPressure{(part == 0 ? "Systolic" : "Diastolic")}\" sourceName=\"Withings\" sourceVersion=\"6.1\" unit=\"mmHg\"{PressureTimes(i)} value=\"{PressureValue(i, part)}\"/>\n");

    private long PressureValue(long i, int part) => (part == 0 ? 110 : 70) + _draw.Below("pressure", (i * 2) + part, 25);

    private string PressureTimes(long i)
    {
        var text = DateTime.UnixEpoch.AddSeconds(Begin + (i * 5 * 86_400) + (3600 * (8 + _offset))).ToString($"yyyy-MM-dd HH:mm:ss +0{_offset}00", CultureInfo.InvariantCulture);
        return $" creationDate=\"{text}\" startDate=\"{text}\" endDate=\"{text}\"";
    }

    private void Workouts()
    {
        var count = Math.Max(1, _days * 92 / 100);
        for (var i = 0L; i < count; i++)
        {
            WriteWorkout(i, 0, 0);
            if (Has(HealthFaults.Mirrors))
            {
                WriteWorkout(i, 2, 2);
            }
        }
    }

    private void WriteWorkout(long i, int source, int shift)
    {
        var start = Begin + (i * 86_400) + (17 * 3600) + shift;
        var end = start + 1200 + _draw.Below("workout", i, 2400);
        _xml.Add(" <Workout workoutActivityType=\"HKWorkoutActivityType").Add(ExportText.Activities[_draw.Below("activity", i, ExportText.Activities.Length)])
            .Add("\" duration=\"").Add((end - start) / 60.0).Add("\" durationUnit=\"min\"");
        WriteOrigin(source, i);
        _xml.Add(" creationDate=\"").AddDate(end + 10, _offset).Add("\" startDate=\"").AddDate(start, _offset).Add("\" endDate=\"").AddDate(end, _offset).Add("\">\n")
            .Add("  <MetadataEntry key=\"HKIndoorWorkout\" value=\"0\"/>\n  <WorkoutEvent type=\"HKWorkoutEventTypePause\" date=\"").AddDate(start + 300, _offset)
            .Add("\"/>\n  <WorkoutStatistics type=\"HKQuantityTypeIdentifierActiveEnergyBurned\" startDate=\"").AddDate(start, _offset).Add("\" endDate=\"").AddDate(end, _offset)
            .Add("\" sum=\"").Add(Shown("kcal", 300)).Add("\" unit=\"").Add(Spelt("kcal")).Add("\"/>\n");
        if (Has(HealthFaults.Effort))
        {
            _xml.Add("  <Record type=\"HKQuantityTypeIdentifierEstimatedWorkoutEffortScore\" sourceName=\"Health\" unit=\"appleEffortScore\" startDate=\"").AddDate(start, _offset)
                .Add("\" endDate=\"").AddDate(end, _offset).Add("\" value=\"5\"/>\n");
            Counted("EstimatedWorkoutEffortScore");
            Summed("EstimatedWorkoutEffortScore", 5);
            Repaired(Repair.UndeclaredNesting);
        }

        if (Has(HealthFaults.Unknown))
        {
            _xml.Add("  <WorkoutZoneGroup type=\"HeartRate\">\n   <WorkoutZone minimum=\"120\" maximum=\"140\" duration=\"300\"/>\n  </WorkoutZoneGroup>\n");
            Repaired(Repair.UnknownElement);
        }

        if (source == 0 && _options.RouteEvery > 0 && i % _options.RouteEvery == 0)
        {
            WriteRoute(i, start, end);
        }

        _xml.Add(" </Workout>\n");
        Counted(HealthTypes.Workout);
    }

    private void WriteRoute(long i, long start, long end)
    {
        var route = new RouteText(i, start, end, RouteText.NameOf(end + (_offset * 3600), Has(HealthFaults.Localised)));
        Routes.Add(route);
        WriteRoute(i, start, end, "", route.File);
        Counted(HealthTypes.WorkoutRoute);
        if (Has(HealthFaults.Routes))
        {
            WriteRoute(i, start, end, ":gone", "gone_" + route.File);
            Repaired(Repair.MissingRoute);
            Repaired(Repair.UnreadablePoint);
        }
    }

    private void WriteRoute(long i, long start, long end, string name, string file)
    {
        _xml.Add("  <WorkoutRoute");
        WriteOrigin(0, i);
        _xml.Add(" creationDate=\"").AddDate(end + 20, _offset).Add("\" startDate=\"").AddDate(start, _offset).Add("\" endDate=\"").AddDate(end, _offset)
            .Add("\">\n   <MetadataEntry key=\"HKMetadataKeySyncIdentifier\" value=\"route:").Add(_options.Seed).Add(":").Add(i).Add(name)
            .Add("\"/>\n   <MetadataEntry key=\"HKMetadataKeySyncVersion\" value=\"2\"/>\n   <FileReference path=\"/workout-routes/").Add(file.Replace("&", "&amp;", StringComparison.Ordinal))
            .Add("\"/>\n  </WorkoutRoute>\n");
    }

    private void Summaries()
    {
        for (var day = 0L; day < _days; day++)
        {
            if (Has(HealthFaults.SummaryTwice) && day % 10 == 0)
            {
                WriteSummary(day, 400);
                Repaired(Repair.RepeatedSummary);
            }

            WriteSummary(day, 500);
            Counted(HealthTypes.ActivitySummary);
            Summed(HealthTypes.ActivitySummary, RingEnergy(day));
        }
    }

    private double RingEnergy(long day) => HealthUnit.Rounded(_draw.Between("ring", day, 200, 900));

    private void WriteSummary(long day, double goal) =>
        _xml.Add(" <ActivitySummary dateComponents=\"").Add(DateTime.UnixEpoch.AddSeconds(Begin + (day * 86_400)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))
            .Add("\" activeEnergyBurned=\"").Add(Shown("kcal", RingEnergy(day))).Add("\" activeEnergyBurnedGoal=\"").Add(Shown("kcal", goal)).Add("\" activeEnergyBurnedUnit=\"").Add(Spelt("kcal"))
            .Add("\" appleExerciseTime=\"30\" appleExerciseTimeGoal=\"30\" appleStandHours=\"12\" appleStandHoursGoal=\"12\"/>\n");

    private void End()
    {
        if (!Has(HealthFaults.Truncated))
        {
            _xml.Add("</HealthData>\n");
            return;
        }

        _xml.Add(" <Record type=\"HKQuantityTypeIdentifierStepCount\" sourceName=\"Anna");
        Repaired(Repair.TruncatedTail);
    }

    private void Counted(string type) => _samples[type] = _samples.GetValueOrDefault(type) + 1;

    private void Summed(string type, double value) => _sums[type] = _sums.GetValueOrDefault(type) + value;

    private void Repaired(Repair repair, long count = 1)
    {
        if (count > 0)
        {
            _repairs[repair.ToString()] = _repairs.GetValueOrDefault(repair.ToString()) + count;
        }
    }
}
