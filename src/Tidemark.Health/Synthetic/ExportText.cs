namespace Tidemark.Health.Synthetic;

/// <summary>The fixed parts of an export's text.</summary>
internal static class ExportText
{
    // A cut of the real one: nobody validates with it, but its declarations are there to be skipped.
    public const string Prolog = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE HealthData [
        <!-- HealthKit Export Version: 14 -->
        <!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary|ClinicalRecord|Audiogram|VisionPrescription)*)>
        <!ATTLIST HealthData
          locale CDATA #REQUIRED
        >
        <!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
        <!ATTLIST Record
          type          CDATA #REQUIRED
          unit          CDATA #IMPLIED
          startDate     CDATA #REQUIRED
          endDate       CDATA #REQUIRED
        >
        <!-- Note: Any Records that appear as children of a correlation also appear as top-level records in this document. -->
        <!ELEMENT Correlation ((MetadataEntry|Record)*)>
        <!ATTLIST VisionPrescription
          type             CDATA #REQUIRED
        <<END>>
        <!ELEMENT RightEye EMPTY>
        ]>

        """;

    public static readonly string[] Sources = ["Anna\u2019s Apple\u00a0Watch", "Anna\u2019s iPhone", "Withings"];
    public static readonly string[] Versions = ["10.6.1", "18.2", "6.1"];
    public static readonly string?[] Devices =
    [
        "&lt;&lt;HKDevice: 0x{0}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:10.6.1&gt;",
        "&lt;&lt;HKDevice: 0x{0}&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone15,2, software:18.2&gt;",
        null,
    ];

    public static readonly string[] SleepStages = ["InBed", "Awake", "AsleepCore", "AsleepDeep", "AsleepREM", "AsleepUnspecified"];
    public static readonly string[] Activities = ["Running", "Walking", "Cycling", "Yoga"];
}
