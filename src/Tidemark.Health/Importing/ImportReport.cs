using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tidemark.Health.Importing;

/// <summary>How far an import is.</summary>
public readonly record struct ImportProgress(long Samples, long Bytes, long BytesTotal);

/// <summary>What an import found and what became of it.</summary>
public sealed record ImportReport
{
    /// <summary>Samples that the export holds.</summary>
    public long Found { get; set; }

    /// <summary>Samples that the file did not have.</summary>
    public long Added { get; set; }

    /// <summary>Samples with another value or version than before.</summary>
    public long Changed { get; set; }

    /// <summary>Samples that the export holds no more.</summary>
    public long Deleted { get; set; }

    /// <summary>Samples that are there already.</summary>
    public long Same { get; set; }

    /// <summary>Repetitions inside the export: children at the top level, a day's rings, a name again.</summary>
    public long Repeated { get; set; }

    /// <summary>Types that the export has no sample of at all, though the file has: nothing of them was deleted.</summary>
    public List<string> Withheld { get; init; } = [];

    /// <summary>The export ended as it should. Otherwise nothing was deleted.</summary>
    public bool Complete { get; set; }

    /// <summary>It went on where another import of the same export stopped.</summary>
    public bool Resumed { get; set; }

    public SortedDictionary<string, long> Repairs { get; init; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, long> UnknownElements { get; init; } = new(StringComparer.Ordinal);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImportReport))]
internal sealed partial class ImportJson : JsonSerializerContext;

/// <summary>How an export is brought into a file.</summary>
public sealed record ImportOptions
{
    /// <summary>Delete samples also of types that the export has none of any more. Default false: a type that nobody may read looks the same.</summary>
    public bool DeleteWholeTypes { get; init; }

    /// <summary>Samples of one commit. Default 8192.</summary>
    public int BatchSamples { get; init; } = 8192;

    /// <summary>Batches between two places to go on from. Default 32.</summary>
    public int CheckpointBatches { get; init; } = 32;
}
