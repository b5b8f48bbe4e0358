using System.Globalization;
using System.Text;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Tests.Apple;

[Trait("req", "HLT-10")]
public sealed class RecordTests
{
    [Theory]
    [InlineData("StepCount", "10", "count", 10, "count")]
    [InlineData("ActiveEnergyBurned", "4.184", "kJ", 1, "kcal")]
    [InlineData("ActiveEnergyBurned", "1.5", "Cal", 1.5, "kcal")]
    [InlineData("DistanceWalkingRunning", "1.5", "km", 1500, "m")]
    [InlineData("DistanceWalkingRunning", "1", "mi", 1609.34, "m")]
    [InlineData("BodyMass", "150", "lb", 68.0389, "kg")]
    [InlineData("BodyTemperature", "98.6", "degF", 37, "degC")]
    [InlineData("BloodGlucose", "5", "mmol&lt;180.1558800000541&gt;/L", 90.0779, "mg/dL")]
    [InlineData("VO2Max", "46.6", "mL/min&#183;kg", 46.6, "mL/(kg·min)")]
    [InlineData("WalkingSpeed", "3.6", "km/hr", 1, "m/s")]
    [InlineData("OxygenSaturation", "0.98", "%", 0.98, "fraction")]
    [InlineData("HeartRate", "6.34927e-06", "count/min", 6.34927e-06, "/min")]
    [InlineData("BodyMassIndex", "22.5", "count", 22.5, "kg/m2")]
    [InlineData("DietaryVitaminC", "90", "mg", 90, "mg")]
    public void A_value_has_the_canonical_unit_of_its_type(string type, string value, string unit, double expected, string canonical)
    {
        var sample = Xml.One(Xml.Record(type, value, unit));
        Assert.Equal(type, sample.Type);
        Assert.Equal(canonical, sample.Unit);
        Assert.Equal(expected, sample.Value!.Value, Math.Abs(expected) * 1e-5);
    }

    [Fact]
    public void A_unit_that_nobody_knows_is_kept_as_it_came()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record("FutureMetric", "1.5", "zorp")));
        Assert.Equal(("zorp", 1.5), (samples[0].Unit, samples[0].Value));
        Assert.Equal(1, repairs[Repair.UnknownUnit]);
    }

    [Fact]
    public void Names_of_types_and_categories_lose_their_prefixes_and_old_sleep_is_unspecified()
    {
        var sleep = Xml.One("<Record type=\"HKCategoryTypeIdentifierSleepAnalysis\" sourceName=\"Clock\" startDate=\"2024-01-01 01:00:00 +0100\" endDate=\"2024-01-01 02:00:00 +0100\" value=\"HKCategoryValueSleepAnalysisAsleep\"/>");
        Assert.Equal((HealthKind.Category, "SleepAnalysis", "AsleepUnspecified"), (sleep.Kind, sleep.Type, sleep.Category));
        var low = Xml.One("<Record type=\"HKCategoryTypeIdentifierLowHeartRateEvent\" sourceName=\"Clock\" startDate=\"2024-01-01 01:00:00 +0100\" endDate=\"2024-01-01 02:00:00 +0100\"/>");
        Assert.Equal((HealthKind.Category, (string?)null, (double?)null), (low.Kind, low.Category, low.Value));
        Assert.Equal("SleepDurationGoal", Xml.One("<Record type=\"HKDataTypeSleepDurationGoal\" sourceName=\"Clock\" unit=\"hr\" value=\"8\" startDate=\"2024-01-01 01:00:00 +0100\" endDate=\"2024-01-01 02:00:00 +0100\"/>").Type);
    }

    [Fact]
    public void Metadata_are_pairs_and_a_time_zone_is_the_samples_own()
    {
        var sample = Xml.One(Xml.Record(content: "<MetadataEntry key=\"HKTimeZone\" value=\"Europe/Paris\"/><MetadataEntry key=\"Meal\" value=\"a &amp; b\"/><MetadataEntry key=\"Meal\" value=\"&quot;c&quot;\"/>"));
        Assert.Equal("Europe/Paris", sample.Zone);
        Assert.Equal("{\"metadata\":[[\"Meal\",\"a & b\"],[\"Meal\",\"\\\"c\\\"\"]]}", Encoding.UTF8.GetString(sample.Extra!.Value.Utf8.Span));
    }

    /// <summary>Beats are told in wall time of that day, records in the offset of the day of the export: an hour apart in winter.</summary>
    [Theory]
    [InlineData("00:20:37,80")]
    [InlineData("12:20:37.80 AM")]
    [InlineData("1:20:37.80 am")]
    public void A_beat_counts_from_the_start_of_its_record_whatever_hour_it_names(string time)
    {
        var sample = Xml.One(Xml.Record("HeartRateVariabilitySDNN", "40", "ms", "2024-01-15 01:20:29 +0200", content: $"<HeartRateVariabilityMetadataList><InstantaneousBeatsPerMinute bpm=\"63\" time=\"{time}\"/></HeartRateVariabilityMetadataList>"));
        Assert.Equal("{\"beats\":[[8800,63]]}", Encoding.UTF8.GetString(sample.Extra!.Value.Utf8.Span));
    }

    [Theory]
    [InlineData("2024-10-28 13:20:29 +0100", "2024-10-28T12:20:29Z")]
    [InlineData("2024-02-29 23:59:59 -0700", "2024-03-01T06:59:59Z")]
    [InlineData("1969-12-31 23:00:00 -0100", "1970-01-01T00:00:00Z")]
    [InlineData("2016-11-14 00:00:00 +0530", "2016-11-13T18:30:00Z")]
    public void A_date_is_an_instant_whatever_its_offset(string text, string instant) =>
        Assert.Equal(DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(), Xml.One(Xml.Record(start: text)).StartMs);

    [Fact]
    public void A_workout_keeps_its_parts_and_its_nested_record_is_a_sample_of_its_own()
    {
        var (samples, repairs) = Xml.Read(Xml.Export("""
             <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30" durationUnit="min" sourceName="Watch" startDate="2024-01-01 10:00:00 +0100" endDate="2024-01-01 10:30:00 +0100">
              <WorkoutEvent type="HKWorkoutEventTypePause" date="2024-01-01 10:05:00 +0100"/>
              <WorkoutZoneGroup type="HeartRate"><WorkoutZone minimum="120"/></WorkoutZoneGroup>
              <Record type="HKQuantityTypeIdentifierEstimatedWorkoutEffortScore" sourceName="Watch" unit="appleEffortScore" startDate="2024-01-01 10:00:00 +0100" endDate="2024-01-01 10:30:00 +0100" value="5"/>
              <MetadataEntry key="HKIndoorWorkout" value="0"/>
             </Workout>
            """));
        Assert.Equal(["EstimatedWorkoutEffortScore", "Workout"], samples.Select(s => s.Type));
        Assert.Equal("Running", samples[1].Category);
        Assert.Equal(
            "{\"metadata\":[[\"HKIndoorWorkout\",\"0\"]],\"attributes\":[[\"duration\",\"30\"],[\"durationUnit\",\"min\"]],\"children\":[\"" + samples[0].Id + "\"],"
            + "\"parts\":[{\"element\":\"WorkoutEvent\",\"attributes\":[[\"type\",\"HKWorkoutEventTypePause\"],[\"date\",\"2024-01-01T09:05:00Z\"]]},"
            + "{\"element\":\"WorkoutZoneGroup\",\"attributes\":[[\"type\",\"HeartRate\"]],\"parts\":[{\"element\":\"WorkoutZone\",\"attributes\":[[\"minimum\",\"120\"]]}]}]}",
            Encoding.UTF8.GetString(samples[1].Extra!.Value.Utf8.Span));
        Assert.Equal((1, 1), (repairs[Repair.UndeclaredNesting], repairs[Repair.UnknownElement]));
    }

    [Fact]
    public void Names_and_birth_dates_are_left_out()
    {
        var (samples, repairs) = Xml.Read(Xml.Export("<Me HKCharacteristicTypeIdentifierDateOfBirth=\"1990-01-08\"/>\n" + Xml.Record()));
        Assert.Single(samples);
        Assert.Equal(0, repairs.Total);
    }

    [Fact]
    [Trait("req", "HLT-10")]
    public void What_stands_in_a_sample_inside_of_another_one_is_its_own()
    {
        var (samples, _) = Xml.Read(Xml.Export("""
             <Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="Watch" startDate="2024-01-01 10:00:00 +0100" endDate="2024-01-01 10:00:00 +0100">
              <Record type="HKQuantityTypeIdentifierBloodPressureSystolic" sourceName="Watch" unit="mmHg" startDate="2024-01-01 10:00:00 +0100" endDate="2024-01-01 10:00:00 +0100" value="120">
               <MetadataEntry key="HKMetadataKeySyncIdentifier" value="part"/>
               <MetadataEntry key="HKMetadataKeySyncVersion" value="3"/>
              </Record>
              <MetadataEntry key="HKWasUserEntered" value="1"/>
             </Correlation>

            """));
        Assert.Equal([("BloodPressureSystolic", 3L), ("BloodPressure", 0L)], samples.Select(s => (s.Type, s.Version)).OrderByDescending(s => s.Version));
        Assert.StartsWith("{\"metadata\":[[\"HKWasUserEntered\",\"1\"]],", System.Text.Encoding.UTF8.GetString(samples.Single(s => s.Type == "BloodPressure").Extra!.Value.Utf8.Span), StringComparison.Ordinal);
    }
}
