using System.Security.Cryptography;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Health.Synthetic;

namespace Tidemark.Health.Tests.Apple;

[Trait("req", "HLT-10")]
public sealed class GeneratedExportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_same_options_give_the_same_bytes()
    {
        var options = new GenerateOptions { Seed = 7, Records = 3000, Faults = HealthFaults.All };
        HealthExportGenerator.Generate(_folder.File("a.zip"), options);
        HealthExportGenerator.Generate(_folder.File("b.zip"), options);
        Assert.Equal(Hash("a.zip"), Hash("b.zip"));
        HealthExportGenerator.Generate(_folder.File("c.zip"), options with { Seed = 8 });
        Assert.NotEqual(Hash("a.zip"), Hash("c.zip"));
    }

    [Theory]
    [InlineData(HealthFaults.None)]
    [InlineData(HealthFaults.Dtd)]
    [InlineData(HealthFaults.DoubledStart)]
    [InlineData(HealthFaults.Control)]
    [InlineData(HealthFaults.Truncated)]
    [InlineData(HealthFaults.Overlap | HealthFaults.Mirrors | HealthFaults.Effort)]
    [InlineData(HealthFaults.Unknown | HealthFaults.UnknownType | HealthFaults.Garbage)]
    [InlineData(HealthFaults.Units)]
    [InlineData(HealthFaults.OldDates)]
    [InlineData(HealthFaults.All)]
    public void What_is_read_is_what_the_manifest_says(HealthFaults faults)
    {
        var manifest = HealthExportGenerator.Generate(_folder.File("export.xml"), new GenerateOptions { Seed = 7, Records = 20_000, Faults = faults });
        using var export = AppleHealthExport.Open(_folder.File("export.xml"));
        using var reader = new AppleExportReader(export.OpenXml());
        var ids = new HashSet<Guid>();
        var equals = 0;
        var samples = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var sums = new SortedDictionary<string, double>(StringComparer.Ordinal);
        while (reader.Read())
        {
            var sample = reader.Current.Sample;
            if (!ids.Add(sample.Id))
            {
                equals++;
                if (sample.Type != "RestingHeartRate")
                {
                    continue; // A child at the top level too, or a day's rings again; the importer tells which.
                }
            }

            samples[sample.Type] = samples.GetValueOrDefault(sample.Type) + 1;
            sums[sample.Type] = sums.GetValueOrDefault(sample.Type) + (sample.Value ?? 0);
        }

        Assert.Equal(manifest.Samples, samples);
        foreach (var (type, sum) in manifest.Sums)
        {
            Assert.Equal(sum, sums[type], Math.Abs(sum) * 1e-4);
        }

        var expected = manifest.Repairs.Where(r => r.Key is not (nameof(Repair.RepeatedChild) or nameof(Repair.RepeatedSummary))).ToDictionary(r => r.Key, r => r.Value);
        Assert.Equal(expected.OrderBy(r => r.Key, StringComparer.Ordinal), reader.Repairs.Needed.ToDictionary(r => r.Key.ToString(), r => r.Value).OrderBy(r => r.Key, StringComparer.Ordinal));
        Assert.Equal(!faults.HasFlag(HealthFaults.Truncated), reader.IsComplete);
    }

    /// <summary>However many blocks are parsed at once, wherever reading began: the same samples in the same order, at the same places.</summary>
    [Theory]
    [InlineData(HealthFaults.None)]
    [InlineData(HealthFaults.All)]
    public void Reading_on_several_processors_is_reading_on_one(HealthFaults faults)
    {
        HealthExportGenerator.Generate(_folder.File("export.xml"), new GenerateOptions { Seed = 5, Records = 10_000, Faults = faults });
        var one = All(1, 0);
        Assert.True(one.Boundaries.Count > 10);
        Assert.Equal(one.Samples, All(2, 0).Samples);
        Assert.Equal(one.Repairs, All(4, 0).Repairs);
        foreach (var boundary in one.Boundaries.Where((_, i) => i % 5 == 3))
        {
            var rest = All(4, boundary.Position);
            Assert.Equal(one.Samples.Skip(boundary.Samples).Select(s => s.Id), rest.Samples.Select(s => s.Id));
            var sum = boundary.Repairs.Concat(rest.Repairs).GroupBy(r => r.Key).ToDictionary(g => g.Key, g => g.Sum(r => r.Value));
            Assert.Equal(one.Repairs.OrderBy(r => r.Key), sum.OrderBy(r => r.Key));
        }
    }

    /// <summary>Lines without spaces, one line alone, elements larger than a block: cuts in the middle are joined again.</summary>
    [Theory]
    [InlineData("\n ", "\n")]
    [InlineData("\n ", "")]
    [InlineData("\n  ", " ")]
    public void An_export_without_its_lines_is_read_all_the_same(string from, string to)
    {
        HealthExportGenerator.Generate(_folder.File("export.xml"), new GenerateOptions { Seed = 5, Records = 5_000 });
        var expected = All(2, 0).Samples.Select(s => s.Id).ToList();
        var text = File.ReadAllText(_folder.File("export.xml"));
        var root = text.IndexOf("<HealthData", StringComparison.Ordinal);
        File.WriteAllText(_folder.File("export.xml"), text[..root] + text[root..].Replace(from, to, StringComparison.Ordinal));
        Assert.Equal(expected, All(2, 0).Samples.Select(s => s.Id));
    }

    [Fact]
    public void An_element_larger_than_a_block_is_one_element()
    {
        var beats = string.Concat(Enumerable.Range(0, 8_000).Select(i => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"   <InstantaneousBeatsPerMinute bpm=\"60\" time=\"00:{i / 150:00}:{i / 10 % 60:00}.00\"/>\n")));
        var large = Xml.Record(value: "2", content: $"\n  <HeartRateVariabilityMetadataList>\n{beats}  </HeartRateVariabilityMetadataList>\n ");
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(value: "1") + large + Xml.Record(value: "3") + string.Concat(Enumerable.Repeat(Xml.Record(value: "4"), 2_000))));
        Assert.Equal([1, 2, 3, 4], samples.Select(s => s.Value!.Value).Distinct());
        Assert.Equal(2_003, samples.Count);
        Assert.Empty(repairs.Needed);
    }

    private (List<(Guid Id, long Position)> Samples, List<(int Samples, long Position, Dictionary<Repair, long> Repairs)> Boundaries, Dictionary<Repair, long> Repairs) All(int processors, long from)
    {
        using var export = AppleHealthExport.Open(_folder.File("export.xml"));
        using var reader = new AppleExportReader(export.OpenXml(), from, processors);
        var samples = new List<(Guid, long)>();
        var boundaries = new List<(int, long, Dictionary<Repair, long>)>();
        while (reader.Read())
        {
            samples.Add((reader.Current.Sample.Id, reader.Position));
            if (reader.IsAtBoundary)
            {
                boundaries.Add((samples.Count, reader.Position, reader.Repairs.Needed.ToDictionary()));
            }
        }

        return (samples, boundaries, reader.Repairs.Needed.ToDictionary());
    }

    private string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.File(name))));
}
