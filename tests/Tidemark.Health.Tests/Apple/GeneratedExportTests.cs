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

    private string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.File(name))));
}
