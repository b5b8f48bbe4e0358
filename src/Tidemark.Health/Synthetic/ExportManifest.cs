using System.Text.Json.Serialization;

namespace Tidemark.Health.Synthetic;

/// <summary>What must be found in a generated export.</summary>
public sealed record ExportManifest
{
    public required long Seed { get; init; }

    /// <summary>1, or 2 for the same person's next export.</summary>
    public required int Generation { get; init; }

    /// <summary>Record elements at the top level.</summary>
    public required long Records { get; init; }

    /// <summary>Samples by type.</summary>
    public required SortedDictionary<string, long> Samples { get; init; }

    /// <summary>The sum of the values by type, in the canonical unit.</summary>
    public required SortedDictionary<string, double> Sums { get; init; }

    /// <summary>Repairs that must be counted.</summary>
    public required SortedDictionary<string, long> Repairs { get; init; }

    /// <summary>Samples that the export before this one did not have.</summary>
    public required long Added { get; init; }

    /// <summary>Samples that only the export before this one had.</summary>
    public required long Deleted { get; init; }

    /// <summary>Samples with a higher version than in the export before.</summary>
    public required long Changed { get; init; }

    /// <summary>Points of all routes.</summary>
    public long RoutePoints { get; init; }

    /// <summary>Bytes of export.xml.</summary>
    public required long XmlBytes { get; init; }

    [JsonIgnore]
    public long SampleCount => Samples.Values.Sum();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ExportManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
