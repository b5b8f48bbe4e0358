namespace Tidemark.Model.Health;

/// <summary>How a day's samples become one figure.</summary>
public enum HealthAggregation
{
    /// <summary>Counted.</summary>
    Count,

    /// <summary>Added up; where several sources measured the same time, the first in rank counts.</summary>
    Sum,

    /// <summary>Least, mean, most.</summary>
    Range,

    /// <summary>The time covered by the union of all intervals.</summary>
    Duration,
}

/// <summary>What is known of a type.</summary>
/// <param name="Name">Without the platform's prefix.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Unit">The canonical unit; null for types without a number.</param>
/// <param name="Aggregation">How a day becomes one figure.</param>
/// <param name="LagHours">A sample written so long after its start is nothing unusual; a younger day is provisional.</param>
public sealed record HealthType(string Name, HealthKind Kind, string? Unit, HealthAggregation Aggregation, int LagHours = 6)
{
    private readonly HealthUnit? _unit = Unit is null ? null : HealthUnit.Find(Unit);

    /// <summary>What <see cref="Unit"/> measures.</summary>
    public HealthUnit? Measure => _unit;
}

/// <summary>The registry of types. Types that are not in it are kept, with the unit they came with.</summary>
public static class HealthTypes
{
    public const string Workout = "Workout";
    public const string WorkoutRoute = "WorkoutRoute";
    public const string Ecg = "Electrocardiogram";
    public const string ActivitySummary = "ActivitySummary";
    public const string Audiogram = "Audiogram";
    public const string VisionPrescription = "VisionPrescription";
    public const string ClinicalRecord = "ClinicalRecord";

    private static readonly Dictionary<string, HealthType> ByName = Make();
    private static readonly Dictionary<string, HealthType>.AlternateLookup<ReadOnlySpan<char>> BySpan = ByName.GetAlternateLookup<ReadOnlySpan<char>>();

    public static IReadOnlyCollection<HealthType> All => ByName.Values;

    public static HealthType? Find(string name) => ByName.GetValueOrDefault(name);

    public static HealthType? Find(ReadOnlySpan<char> name) => BySpan.TryGetValue(name, out var type) ? type : null;

    /// <summary>The types that a source watches unless the app says otherwise (HLT-13).</summary>
    public static IReadOnlyList<string> MonitoredByDefault { get; } =
        ["HeartRate", "RestingHeartRate", "HeartRateVariabilitySDNN", "StepCount", "ActiveEnergyBurned", "DistanceWalkingRunning", "SleepAnalysis", "OxygenSaturation", "RespiratoryRate", "BodyMass", Workout, Ecg];

    private static Dictionary<string, HealthType> Make()
    {
        var types = new Dictionary<string, HealthType>(StringComparer.Ordinal);
        void Sums(string? unit, params string[] names) => Add(types, names, HealthKind.Quantity, unit, HealthAggregation.Sum);
        void Ranges(string? unit, params string[] names) => Add(types, names, HealthKind.Quantity, unit, HealthAggregation.Range);
        Sums("count", "StepCount", "FlightsClimbed", "PushCount", "SwimmingStrokeCount", "NumberOfTimesFallen", "InhalerUsage", "NumberOfAlcoholicBeverages");
        Ranges("count", "UVExposure", "AppleSleepingBreathingDisturbances");
        Ranges("kg/m2", "BodyMassIndex");
        Ranges("score", "WorkoutEffortScore", "EstimatedWorkoutEffortScore");
        Sums("m", "DistanceWalkingRunning", "DistanceCycling", "DistanceSwimming", "DistanceWheelchair", "DistanceDownhillSnowSports", "DistanceRowing", "Distance", "ElevationGained");
        Ranges("m", "Height", "WaistCircumference", "WalkingStepLength", "RunningStrideLength", "RunningVerticalOscillation", "SixMinuteWalkTestDistance", "UnderwaterDepth");
        Sums("kcal", "ActiveEnergyBurned", "BasalEnergyBurned", "TotalEnergyBurned", "DietaryEnergyConsumed");
        Ranges("kcal/(kg·h)", "PhysicalEffort");
        Ranges("mL/(kg·min)", "VO2Max");
        Ranges("W", "RunningPower", "CyclingPower", "CyclingFunctionalThresholdPower", "Power", "BasalMetabolicRate");
        Ranges("/min", "HeartRate", "HeartRateRecoveryOneMinute", "RespiratoryRate", "CyclingCadence", "StepsCadence");
        Ranges("ms", "HeartRateVariabilitySDNN", "HeartRateVariabilityRMSSD", "RunningGroundContactTime");
        Sums("min", "AppleExerciseTime", "AppleStandTime", "AppleMoveTime", "TimeInDaylight");
        Ranges("m/s", "WalkingSpeed", "RunningSpeed", "CyclingSpeed", "StairAscentSpeed", "StairDescentSpeed", "Speed");
        Ranges("fraction", "OxygenSaturation", "BodyFatPercentage", "WalkingDoubleSupportPercentage", "WalkingAsymmetryPercentage", "AtrialFibrillationBurden", "BloodAlcoholContent", "PeripheralPerfusionIndex");
        Ranges("kg", "BodyMass", "LeanBodyMass", "BoneMass", "BodyWaterMass");
        Ranges("degC", "BodyTemperature", "BasalBodyTemperature", "AppleSleepingWristTemperature", "WaterTemperature", "SkinTemperatureDelta");
        Ranges("mmHg", "BloodPressureSystolic", "BloodPressureDiastolic");
        Ranges("mg/dL", "BloodGlucose");
        Sums("IU", "InsulinDelivery");
        Ranges("dBASPL", "EnvironmentalAudioExposure", "HeadphoneAudioExposure");
        Sums("L", "DietaryWater");
        Ranges("L", "ForcedVitalCapacity", "ForcedExpiratoryVolume1");
        Ranges("L/min", "PeakExpiratoryFlowRate");
        Sums("g", "DietaryProtein", "DietaryCarbohydrates", "DietaryFatTotal", "DietaryFatSaturated", "DietaryFiber", "DietarySugar");
        Sums("mg", "DietarySodium", "DietaryPotassium", "DietaryCalcium", "DietaryIron", "DietaryCholesterol", "DietaryCaffeine", "DietaryVitaminC");
        Sums("µg", "DietaryVitaminA", "DietaryVitaminD", "DietaryVitaminB12", "DietaryVitaminK", "DietaryFolate", "DietaryIodine", "DietarySelenium");
        types["RestingHeartRate"] = new("RestingHeartRate", HealthKind.Quantity, "/min", HealthAggregation.Range, 48);
        types["WalkingHeartRateAverage"] = new("WalkingHeartRateAverage", HealthKind.Quantity, "/min", HealthAggregation.Range, 48);
        types["AppleWalkingSteadiness"] = new("AppleWalkingSteadiness", HealthKind.Quantity, "fraction", HealthAggregation.Range, 192);
        types["SleepAnalysis"] = new("SleepAnalysis", HealthKind.Category, null, HealthAggregation.Duration, 12);
        types["MindfulSession"] = new("MindfulSession", HealthKind.Category, null, HealthAggregation.Duration);
        Add(types, ["AppleStandHour", "HighHeartRateEvent", "LowHeartRateEvent", "IrregularHeartRhythmEvent", "HandwashingEvent", "ToothbrushingEvent", "AudioExposureEvent", "MenstrualFlow", "SexualActivity"], HealthKind.Category, null, HealthAggregation.Count);
        types["HeadphoneAudioExposureEvent"] = new("HeadphoneAudioExposureEvent", HealthKind.Category, null, HealthAggregation.Count, 192);
        Add(types, ["BloodPressure", "Food"], HealthKind.Correlation, null, HealthAggregation.Count);
        types[Workout] = new(Workout, HealthKind.Workout, null, HealthAggregation.Duration);
        types[WorkoutRoute] = new(WorkoutRoute, HealthKind.WorkoutRoute, null, HealthAggregation.Count);
        types[Ecg] = new(Ecg, HealthKind.Ecg, null, HealthAggregation.Count);
        types[ActivitySummary] = new(ActivitySummary, HealthKind.ActivitySummary, null, HealthAggregation.Count);
        types[Audiogram] = new(Audiogram, HealthKind.Audiogram, null, HealthAggregation.Count);
        types[VisionPrescription] = new(VisionPrescription, HealthKind.VisionPrescription, null, HealthAggregation.Count);
        types[ClinicalRecord] = new(ClinicalRecord, HealthKind.ClinicalRecord, null, HealthAggregation.Count);
        return types;
    }

    private static void Add(Dictionary<string, HealthType> types, string[] names, HealthKind kind, string? unit, HealthAggregation aggregation)
    {
        foreach (var name in names)
        {
            types[name] = new HealthType(name, kind, unit, aggregation);
        }
    }
}
