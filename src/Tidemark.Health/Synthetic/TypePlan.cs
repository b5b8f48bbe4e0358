using Tidemark.Model.Health;

namespace Tidemark.Health.Synthetic;

/// <summary>How one type is made up: how many a day, how long each, between which values, written how much later.</summary>
/// <param name="Type">Without prefix.</param>
/// <param name="PerDay">Samples of a worn day.</param>
/// <param name="Seconds">How long one takes at most.</param>
/// <param name="Unit">As the export spells it.</param>
/// <param name="Least">The least value, in that unit.</param>
/// <param name="Most">The greatest value.</param>
/// <param name="LagSeconds">From the start until it is written.</param>
/// <param name="Source">0 the watch, 1 the phone, 2 an app.</param>
internal sealed record TypePlan(string Type, double PerDay, int Seconds, string? Unit, double Least, double Most, int LagSeconds, int Source = 0)
{
    /// <summary>Rates, durations, values and lags of two people's real exports; see the facts named in docs/guides/health.md.</summary>
    public static IReadOnlyList<TypePlan> All { get; } =
    [
        new("HeartRate", 346, 0, "count/min", 46, 160, 297),
        new("ActiveEnergyBurned", 756, 61, "kcal", 0.067, 2.1, 169),
        new("BasalEnergyBurned", 346, 60, "kcal", 0.24, 20.5, 915),
        new("DistanceWalkingRunning", 358, 120, "km", 0.0036, 0.139, 365),
        new("StepCount", 194, 120, "count", 5, 198, 445),
        new("AppleExerciseTime", 76, 60, "min", 1, 1, 200),
        new("AppleStandTime", 31, 300, "min", 1, 5, 400),
        new("AppleStandHour", 21, 3600, null, 0, 1, 1848),
        new("RespiratoryRate", 22, 0, "count/min", 14, 19, 462),
        new("WalkingSpeed", 20, 10, "km/hr", 2.6, 5.7, 1150, 1),
        new("WalkingStepLength", 20, 10, "cm", 49, 81, 1150, 1),
        new("WalkingDoubleSupportPercentage", 20, 10, "%", 0.24, 0.31, 1150, 1),
        new("SleepAnalysis", 18, 1200, null, 0, 5, 19079),
        new("FlightsClimbed", 11, 60, "count", 1, 3, 445),
        new("HeadphoneAudioExposure", 10, 120, "dBASPL", 40, 80, 300, 1),
        new("OxygenSaturation", 7, 15, "%", 0.93, 1, 300),
        new("HeartRateVariabilitySDNN", 6.2, 60, "ms", 36, 172, 120),
        new("EnvironmentalAudioExposure", 3.6, 300, "dBASPL", 40, 95, 1140),
        new("RestingHeartRate", 1, 40_000, "count/min", 39, 60, 47_818),
        new("WalkingHeartRateAverage", 1, 40_000, "count/min", 78, 130, 43_242),
        new("VO2Max", 0.5, 0, "mL/min·kg", 43, 50, 600),
        new("BodyMass", 0.3, 0, "kg", 60, 90, 1, 2),
        new("BloodGlucose", 0.3, 0, "mg/dL", 70, 140, 1, 2),
    ];

    public bool IsCategory => Unit is null;

    public string Prefix => IsCategory ? "HKCategoryTypeIdentifier" : "HKQuantityTypeIdentifier";

    public HealthType Known { get; } = HealthTypes.Find(Type)!;
}
