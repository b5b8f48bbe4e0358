using Tidemark.Model.Health;

namespace Tidemark.Health.HealthConnect;

/// <summary>One number of a table: its column, the type it becomes, its unit.</summary>
internal sealed record Measure(string Column, string Type, string Unit, double Factor = 1);

/// <summary>What the tables of Health Connect hold. Those that are not here are kept as they are.</summary>
internal static class RecordKinds
{
    public const string Sleep = "sleep_session_record_table";
    public const string SleepStages = "sleep_stages_table";
    public const string Exercise = "exercise_session_record_table";
    public const string BloodPressure = "blood_pressure_record_table";
    public const string Nutrition = "nutrition_record_table";
    public const string MenstrualFlow = "menstruation_flow_record_table";
    private const double Percent = 0.01;

    /// <summary>Tables with one number for each record.</summary>
    public static IReadOnlyDictionary<string, Measure> Single { get; } = new Dictionary<string, Measure>(StringComparer.OrdinalIgnoreCase)
    {
        ["steps_record_table"] = new("count", "StepCount", "count"),
        ["distance_record_table"] = new("distance", "Distance", "m"),
        ["active_calories_burned_record_table"] = new("energy", "ActiveEnergyBurned", "cal"),
        ["total_calories_burned_record_table"] = new("energy", "TotalEnergyBurned", "cal"),
        ["basal_metabolic_rate_record_table"] = new("basal_metabolic_rate", "BasalMetabolicRate", "W"),
        ["floors_climbed_record_table"] = new("floors", "FlightsClimbed", "count"),
        ["elevation_gained_record_table"] = new("elevation", "ElevationGained", "m"),
        ["wheelchair_pushes_record_table"] = new("count", "PushCount", "count"),
        ["hydration_record_table"] = new("volume", "DietaryWater", "L"),
        ["weight_record_table"] = new("weight", "BodyMass", "g"),
        ["lean_body_mass_record_table"] = new("mass", "LeanBodyMass", "g"),
        ["bone_mass_record_table"] = new("mass", "BoneMass", "g"),
        ["body_water_mass_record_table"] = new("body_water_mass", "BodyWaterMass", "g"),
        ["body_fat_record_table"] = new("percentage", "BodyFatPercentage", "fraction", Percent),
        ["height_record_table"] = new("height", "Height", "m"),
        ["resting_heart_rate_record_table"] = new("beats_per_minute", "RestingHeartRate", "/min"),
        ["heart_rate_variability_rmssd_record_table"] = new("heart_rate_variability_millis", "HeartRateVariabilityRMSSD", "ms"),
        ["oxygen_saturation_record_table"] = new("percentage", "OxygenSaturation", "fraction", Percent),
        ["respiratory_rate_record_table"] = new("rate", "RespiratoryRate", "/min"),
        ["blood_glucose_record_table"] = new("level", "BloodGlucose", "mmol<180.1558800000541>/L"),
        ["body_temperature_record_table"] = new("temperature", "BodyTemperature", "degC"),
        ["basal_body_temperature_record_table"] = new("temperature", "BasalBodyTemperature", "degC"),
        ["vo2_max_record_table"] = new("vo2_milliliters_per_minute_kilogram", "VO2Max", "mL/min·kg"),
    };

    /// <summary>Tables whose records are rows of numbers in another table, with a time each. Their names are Health Connect's own, in two styles.</summary>
    public static IReadOnlyDictionary<string, (string Table, Measure Measure)> Series { get; } = new Dictionary<string, (string, Measure)>(StringComparer.OrdinalIgnoreCase)
    {
        ["heart_rate_record_table"] = ("heart_rate_record_series_table", new("beats_per_minute", "HeartRate", "/min")),
        ["SpeedRecordTable"] = ("speed_record_table", new("speed", "Speed", "m/s")),
        ["PowerRecordTable"] = ("power_record_table", new("power", "Power", "W")),
        ["CyclingPedalingCadenceRecordTable"] = ("cycling_pedaling_cadence_record_table", new("revolutions_per_minute", "CyclingCadence", "/min")),
        ["StepsCadenceRecordTable"] = ("steps_cadence_record_table", new("rate", "StepsCadence", "/min")),
        ["skin_temperature_record_table"] = ("skin_temperature_delta_table", new("delta", "SkinTemperatureDelta", "degC")),
    };

    /// <summary>Tables whose records are several numbers that belong together.</summary>
    public static IReadOnlyDictionary<string, (string Type, Measure[] Measures)> Groups { get; } = new Dictionary<string, (string, Measure[])>(StringComparer.OrdinalIgnoreCase)
    {
        [BloodPressure] = ("BloodPressure", [new("systolic", "BloodPressureSystolic", "mmHg"), new("diastolic", "BloodPressureDiastolic", "mmHg")]),
        [Nutrition] = ("Food",
        [
            new("energy", "DietaryEnergyConsumed", "cal"), new("protein", "DietaryProtein", "g"), new("total_carbohydrate", "DietaryCarbohydrates", "g"), new("total_fat", "DietaryFatTotal", "g"),
            new("saturated_fat", "DietaryFatSaturated", "g"), new("dietary_fiber", "DietaryFiber", "g"), new("sugar", "DietarySugar", "g"), new("sodium", "DietarySodium", "g"), new("potassium", "DietaryPotassium", "g"),
            new("calcium", "DietaryCalcium", "g"), new("iron", "DietaryIron", "g"), new("cholesterol", "DietaryCholesterol", "g"), new("caffeine", "DietaryCaffeine", "g"), new("vitamin_c", "DietaryVitaminC", "g"),
            new("vitamin_a", "DietaryVitaminA", "g"), new("vitamin_d", "DietaryVitaminD", "g"), new("vitamin_b12", "DietaryVitaminB12", "g"), new("vitamin_k", "DietaryVitaminK", "g"), new("folate", "DietaryFolate", "g"),
            new("iodine", "DietaryIodine", "g"), new("selenium", "DietarySelenium", "g"),
        ]),
    };

    /// <summary>Tables with rows below a workout, which become its parts.</summary>
    public static IReadOnlyList<string> ExerciseParts { get; } = ["exercise_segments_table", "exercise_laps_table"];

    /// <summary>The points of workouts' routes: its columns are numbers of a point, in the order of ours; those it does not have are left empty.</summary>
    public const string Routes = "exercise_route_table";

    public static IReadOnlyList<string> RouteColumns { get; } = ["timestamp_millis", "latitude", "longitude", "altitude", "", "", "horizontal_accuracy", "vertical_accuracy"];

    private static readonly string[] Stages = ["AsleepUnspecified", "Awake", "AsleepUnspecified", "OutOfBed", "AsleepCore", "AsleepDeep", "AsleepREM", "Awake"];
    private static readonly string[] Flows = ["Unspecified", "Light", "Medium", "Heavy"];

    private static readonly string[] Exercises =
    [
        "Other", "Badminton", "Baseball", "Basketball", "Biking", "BikingStationary", "BootCamp", "Boxing", "Calisthenics", "Cricket", "Dancing", "ExerciseClass", "Fencing", "AmericanFootball", "AustralianFootball",
        "FrisbeeDisc", "Golf", "GuidedBreathing", "Gymnastics", "Handball", "HighIntensityIntervalTraining", "Hiking", "IceHockey", "IceSkating", "MartialArts", "Paddling", "Paragliding", "Pilates", "Racquetball",
        "RockClimbing", "RollerHockey", "Rowing", "Rugby", "Running", "RunningTreadmill", "Sailing", "ScubaDiving", "Skating", "Skiing", "Snowboarding", "Snowshoeing", "Soccer", "Softball", "Squash", "StairClimbing",
        "StrengthTraining", "Stretching", "Surfing", "SwimmingOpenWater", "SwimmingPool", "TableTennis", "Tennis", "Volleyball", "Walking", "WaterPolo", "Weightlifting", "Wheelchair", "Yoga", "OtherWorkout",
        "StairClimbingMachine", "Elliptical", "RowingMachine",
    ];

    public static string StageOf(long stage) => Of(Stages, stage, "Stage");

    public static string FlowOf(long flow) => Of(Flows, flow, "Flow");

    /// <summary>A workout's activity, by Health Connect's own name.</summary>
    public static string ExerciseOf(long exercise) => Of(Exercises, exercise, "Exercise");

    private static string Of(string[] names, long number, string what) => number >= 0 && number < names.Length ? names[number] : what + number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>oral_hygiene_record_table is OralHygiene.</summary>
    public static string TypeOf(string table)
    {
        var name = table.EndsWith("_record_table", StringComparison.OrdinalIgnoreCase) ? table[..^"_record_table".Length] : table.EndsWith("RecordTable", StringComparison.Ordinal) ? table[..^"RecordTable".Length] : table;
        var type = string.Concat(name.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
        return type.Length == 0 ? "Unknown" : type[..Math.Min(type.Length, HealthLimits.TypeLengthMax)];
    }
}
