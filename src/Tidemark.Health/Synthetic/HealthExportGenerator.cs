using System.IO.Compression;
using System.Text.Json;
using System.Text;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Synthetic;

/// <summary>What is generated.</summary>
public sealed record GenerateOptions
{
    /// <summary>The person: the same seed is the same person with the same body.</summary>
    public required long Seed { get; init; }

    /// <summary>Record elements at the top level, about; the manifest says how many.</summary>
    public required long Records { get; init; }

    /// <summary>1, or 2 for the same person's next export: another offset and other units, some samples deleted, some late, some corrected, some days more. Default 1.</summary>
    public int Generation { get; init; } = 1;

    /// <summary>Default: none.</summary>
    public HealthFaults Faults { get; init; }

    /// <summary>How many ECGs. Default 3.</summary>
    public int Ecgs { get; init; } = 3;

    /// <summary>One workout of so many has a route. Default 5, as people have; 0: none. export.xml alone has none, as it has no ECGs.</summary>
    public int RouteEvery { get; init; } = 5;
}

/// <summary>Makes exports as a phone makes them, of any size, the same bytes for the same options, with a manifest that says what is in them.</summary>
public static class HealthExportGenerator
{
    private const string Folder = "apple_health_export/";
    private static readonly DateTimeOffset Stamp = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A zip, or export.xml alone when the name ends so. The manifest is written beside it, with .manifest.json at the end of its name.</summary>
    public static ExportManifest Generate(string path, GenerateOptions options, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Records < 100)
        {
            throw new ArgumentException("At least 100 records are needed for one of every type.", nameof(options));
        }

        ExportManifest manifest;
        using (var file = new FileStream(path, FileMode.Create, FileAccess.Write))
        {
            manifest = path.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)
                ? new ExportWriter(options with { RouteEvery = 0 }, progress).Write(file, cancellationToken)
                : WriteZip(file, options, progress, cancellationToken);
        }

        File.WriteAllText(ManifestOf(path), JsonSerializer.Serialize(manifest, ManifestJson.Default.ExportManifest));
        return manifest;
    }

    public static string ManifestOf(string path) => path + ".manifest.json";

    public static ExportManifest ReadManifest(string path) =>
        JsonSerializer.Deserialize(File.ReadAllText(ManifestOf(path)), ManifestJson.Default.ExportManifest) ?? throw new InvalidDataException("The manifest is null.");

    private static ExportManifest WriteZip(FileStream file, GenerateOptions options, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8);
        var isLocalised = options.Faults.HasFlag(HealthFaults.Localised);
        if (options.Faults.HasFlag(HealthFaults.MacFiles))
        {
            Add(zip, "__MACOSX/" + Folder + "._export.xml", "\0\u0005\u0016\a<HealthData>"u8);
        }

        Add(zip, Folder + "export_cda.xml", "<?xml version=\"1.0\"?>\n<ClinicalDocument/>\n<ClinicalDocument/>\n"u8);
        ExportManifest manifest;
        var writer = new ExportWriter(options, progress);
        using (var xml = Entry(zip, Folder + (isLocalised ? "导出.xml" : "export.xml")).Open())
        {
            manifest = writer.Write(xml, cancellationToken);
        }

        for (var i = 0; i < options.Ecgs; i++)
        {
            Add(zip, $"{Folder}{(isLocalised ? "elektrokardiogramme" : "electrocardiograms")}/ecg_2026-01-{10 + i:00}.csv", Encoding.UTF8.GetBytes(EcgText.Of(options, i)));
        }

        foreach (var route in writer.Routes)
        {
            Add(zip, $"{Folder}{(isLocalised ? "trainingsrouten" : "workout-routes")}/{route.File}", Encoding.UTF8.GetBytes(route.Text(options)));
        }

        manifest.Samples["Electrocardiogram"] = options.Ecgs;
        if (options.Faults.HasFlag(HealthFaults.Ecg) && options.Ecgs > 0)
        {
            manifest.Repairs[nameof(Repair.EcgSpelling)] = options.Ecgs;
        }

        return manifest with { Added = manifest.Added + (options.Generation == 1 ? options.Ecgs : 0) };
    }

    private static void Add(ZipArchive zip, string name, ReadOnlySpan<byte> content)
    {
        using var entry = Entry(zip, name).Open();
        entry.Write(content);
    }

    private static ZipArchiveEntry Entry(ZipArchive zip, string name)
    {
        var entry = zip.CreateEntry(name, CompressionLevel.Fastest);
        entry.LastWriteTime = Stamp;
        return entry;
    }
}
