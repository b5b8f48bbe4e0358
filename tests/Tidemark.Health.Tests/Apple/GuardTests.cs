using System.IO.Compression;
using System.Text;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Tests.Apple;

[Trait("req", "HLT-10")]
public sealed class GuardTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_archive_that_inflates_beyond_any_export_ends_with_a_sentence()
    {
        Zip("bomb.zip", ("apple_health_export/export.xml", "<HealthData>\n" + new string(' ', 50_000_000)));
        using var export = AppleHealthExport.Open(_folder.File("bomb.zip"));
        using var stream = export.OpenXml();
        var e = Assert.Throws<HealthExportException>(() => stream.CopyTo(Stream.Null));
        Assert.Contains("zip bomb", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_an_archive_never_become_paths()
    {
        Zip("evil.zip", ("../../../tmp/export.xml", Xml.Export(Xml.Record())), ("../ecg.csv", "Sample Rate,512 hertz\n"));
        using var export = AppleHealthExport.Open(_folder.File("evil.zip"));
        using var reader = new AppleExportReader(export.OpenXml());
        Assert.True(reader.Read());
        Assert.Equal(["evil.zip"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)!));
    }

    [Theory]
    [InlineData("nothing.zip", "PK\u0003\u0004 and no more")]
    [InlineData("empty.xml", "")]
    [InlineData("other.xml", "<html/>")]
    public void What_is_no_export_is_said_to_be_none(string name, string content)
    {
        File.WriteAllText(_folder.File(name), content);
        Assert.Throws<HealthExportException>(() => AppleHealthExport.Open(_folder.File(name)));
    }

    [Fact]
    public void An_archive_with_too_many_entries_is_refused()
    {
        Zip("many.zip", [.. Enumerable.Range(0, 20).Select(i => ($"{i}.txt", "x"))]);
        Assert.Throws<HealthExportException>(() => AppleHealthExport.Open(_folder.File("many.zip"), new ExportLimits { EntriesMax = 10 }));
    }

    [Theory]
    [InlineData("1.234,5")]
    [InlineData("1,234.5")]
    public void A_number_that_could_be_two_numbers_makes_an_ECG_unreadable(string voltage)
    {
        var repairs = new Repairs();
        Assert.Null(EcgFile.Read("Recorded Date,2026-01-10 08:00:00 +0000\nClassification,Sinus Rhythm\nSample Rate,512 hertz\nUnit,µV\n\n" + string.Concat(Enumerable.Repeat("1.5\n", 200)) + voltage + "\n", repairs));
        Assert.Equal(1, repairs[Repair.UnreadableEcg]);
    }

    [Theory]
    [InlineData("512 hertz", 512, 0)]
    [InlineData("511,422 hertz", 511.422, 1)]
    [InlineData("511,562\u00a0Hertz", 511.562, 1)]
    public void Rates_of_ECGs_are_read_in_every_spelling(string rate, double expected, int repaired)
    {
        var repairs = new Repairs();
        var sample = EcgFile.Read($"Name,x\nRecorded Date,2026-01-10 08:00:00 +0000\nClassification,Sinus Rhythm\nSample Rate,{rate}\nUnit,µV\n\n" + string.Concat(Enumerable.Repeat("-1.5\n", 512)), repairs)!.Value.Sample;
        Assert.Contains(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\"sampleRate\":{expected}"), Encoding.UTF8.GetString(sample.Extra!.Value.Utf8.Span), StringComparison.Ordinal);
        Assert.Equal(repaired, repairs[Repair.EcgSpelling]);
        Assert.Equal("SinusRhythm", sample.Category);
    }

    /// <summary>A file larger than any route is none; what reads them never holds more than the limit.</summary>
    [Fact]
    public void A_route_that_inflates_beyond_any_real_one_is_not_read()
    {
        Zip("a.zip", ("apple_health_export/export.xml", Xml.Export(Xml.Record())), ("workout-routes/a.gpx", new string(' ', 3_000_000)), ("workout-routes/b.gpx", "<gpx/>"));
        using (var export = AppleHealthExport.Open(_folder.File("a.zip"), new ExportLimits { RouteBytesMax = 2_000_000 }))
        {
            Assert.Null(export.ReadRoute("/workout-routes/a.gpx"));
            Assert.Equal("<gpx/>"u8.ToArray(), export.ReadRoute("../../../etc/B.GPX"));
        }

        using (var export = AppleHealthExport.Open(_folder.File("a.zip")))
        {
            Assert.Null(export.ReadRoute("a.gpx")); // 1,000 times its compressed form.
            Assert.False(export.HasRoute("/etc/passwd"));
            Assert.False(export.HasRoute("../a.zip"));
        }
    }

    private void Zip(string name, params (string Name, string Content)[] entries)
    {
        using var zip = ZipFile.Open(_folder.File(name), ZipArchiveMode.Create);
        foreach (var (entry, content) in entries)
        {
            using var writer = new StreamWriter(zip.CreateEntry(entry).Open());
            writer.Write(content);
        }
    }
}
