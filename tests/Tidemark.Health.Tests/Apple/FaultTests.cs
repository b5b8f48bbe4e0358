using System.Text;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Tests.Apple;

/// <summary>Each known fault of a real export, alone.</summary>
[Trait("req", "HLT-10")]
public sealed class FaultTests
{
    [Fact]
    public void A_start_that_stands_twice_is_start_and_end()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(end: "2024-01-01 10:05:00 +0100").Replace("endDate", "startDate", StringComparison.Ordinal)));
        Assert.Equal(300_000, samples[0].EndMs - samples[0].StartMs);
        Assert.Equal(1, repairs[Repair.DoubledStartDate]);
    }

    [Fact]
    public void A_broken_DTD_is_passed_over_and_counted()
    {
        var xml = Xml.Export(Xml.Record()).Replace("<!ELEMENT HealthData (Record)*>", "<!ATTLIST VisionPrescription\n type CDATA #REQUIRED\n<!ELEMENT RightEye EMPTY>\n<!-- a quote ' and ]> in a comment -->", StringComparison.Ordinal);
        var (samples, repairs) = Xml.Read(xml);
        Assert.Single(samples);
        Assert.Equal(1, repairs[Repair.BrokenDtd]);
    }

    [Theory]
    [InlineData("a\u000bb")]
    [InlineData("a&#11;b")]
    [InlineData("a\0b")]
    public void Control_characters_are_taken_out_and_counted(string value)
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(content: $"<MetadataEntry key=\"Note\" value=\"{value}\"/>")));
        Assert.Equal("{\"metadata\":[[\"Note\",\"ab\"]]}", Encoding.UTF8.GetString(samples[0].Extra!.Value.Utf8.Span));
        Assert.Equal(1, repairs[Repair.ControlCharacter]);
    }

    [Fact]
    public void Everything_before_the_place_where_a_file_breaks_off_is_read()
    {
        var whole = Xml.Export(Xml.Record(value: "1") + Xml.Record(value: "2") + Xml.Record(value: "3", content: "<MetadataEntry key=\"a\" value=\"b\"/>"));
        int[] ends = [whole.IndexOf("/>", StringComparison.Ordinal) + 2, whole.IndexOf("/>", whole.IndexOf("\"2\"", StringComparison.Ordinal), StringComparison.Ordinal) + 2, whole.IndexOf("</Record>", StringComparison.Ordinal) + 9];
        for (var length = whole.IndexOf("<Record", StringComparison.Ordinal); length < whole.Length - 14; length++)
        {
            using var reader = new AppleExportReader(new MemoryStream(Encoding.UTF8.GetBytes(whole[..length])));
            var read = 0;
            while (reader.Read())
            {
                read++;
            }

            Assert.False(reader.IsComplete);
            Assert.Equal(1, reader.Repairs[Repair.TruncatedTail]);
            Assert.Equal(ends.Count(e => e <= length), read);
        }
    }

    [Fact]
    public void A_piece_that_is_no_element_costs_nothing_but_itself()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(value: "1") + " <Record type=\"HKBroken startDate=2024\n" + Xml.Record(value: "2") + " <<>\n" + Xml.Record(value: "3")));
        Assert.Equal([1, 2, 3], samples.Select(s => s.Value!.Value));
        Assert.Equal(2, repairs[Repair.UnreadableElement]);
    }

    [Fact]
    public void An_element_without_its_end_costs_nothing_but_itself()
    {
        var (samples, _) = Xml.Read(Xml.Export(" <Workout workoutActivityType=\"HKWorkoutActivityTypeRunning\" sourceName=\"a\" startDate=\"2024-01-01 10:00:00 +0100\" endDate=\"2024-01-01 10:00:00 +0100\">\n" + Xml.Record(value: "2") + Xml.Record(value: "3")));
        Assert.Equal([2, 3], samples.Select(s => s.Value!.Value));
    }

    [Fact]
    public void Dates_of_the_first_exports_are_read()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(start: "20150616071916-0700")));
        Assert.Equal(DateTimeOffset.Parse("2015-06-16T14:19:16Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(), samples[0].StartMs);
        Assert.Equal(1, repairs[Repair.OldDate]);
    }

    [Theory]
    [InlineData("2024-13-01 10:00:00 +0100")]
    [InlineData("2024-01-01 10:00:00 +9900")]
    [InlineData("yesterday")]
    [InlineData("")]
    public void A_record_without_a_start_is_left_out_and_counted(string start)
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(start: start) + Xml.Record()));
        Assert.Single(samples);
        Assert.Equal(1, repairs[Repair.UnreadableDate]);
    }

    [Fact]
    public void An_end_before_its_start_is_exchanged_with_it()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(start: "2024-01-01 11:00:00 +0100", end: "2024-01-01 10:00:00 +0100")));
        Assert.Equal(3_600_000, samples[0].EndMs - samples[0].StartMs);
        Assert.Equal(1, repairs[Repair.EndBeforeStart]);
    }

    [Fact]
    public void A_number_that_is_none_is_counted()
    {
        var (samples, repairs) = Xml.Read(Xml.Export(Xml.Record(value: "NaN") + Xml.Record(value: "1,5") + Xml.Record()));
        Assert.Single(samples);
        Assert.Equal(2, repairs[Repair.UnreadableNumber]);
    }

    [Fact]
    public void Elements_that_nobody_knows_are_counted_by_name()
    {
        var (samples, repairs) = Xml.Read(Xml.Export("<FutureThing a=\"1\"><Inner/></FutureThing>\n" + Xml.Record()));
        Assert.Single(samples);
        Assert.Equal(1, repairs.UnknownElements["FutureThing"]);
    }

    [Fact]
    public void Entities_are_not_expanded()
    {
        var xml = Xml.Export(Xml.Record(source: "&lol;")).Replace("]>", "<!ENTITY lol \"lol\">\n]>", StringComparison.Ordinal);
        Assert.Equal("&lol;", Xml.Read(xml).Samples[0].Origin.Source);
    }

    /// <summary>Reading on at a boundary gives what reading through gives, wherever the bytes of a read end.</summary>
    [Fact]
    public void Reading_goes_on_at_any_boundary()
    {
        var bytes = Encoding.UTF8.GetBytes(Xml.Export(string.Concat(Enumerable.Range(0, 50).Select(i => Xml.Record(value: i.ToString(System.Globalization.CultureInfo.InvariantCulture), content: i % 3 == 0 ? "<MetadataEntry key=\"a\" value=\"b\"/>" : "")))));
        using var reader = new AppleExportReader(new SlowStream(bytes, 7));
        var read = 0;
        while (reader.Read())
        {
            read++;
            using var other = new AppleExportReader(new SlowStream(bytes, 64), reader.Position);
            var rest = 0;
            while (other.Read())
            {
                rest++;
            }

            Assert.Equal(50, read + rest);
        }

        Assert.True(reader.IsComplete);
    }

    private sealed class SlowStream(byte[] bytes, int step) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, step));
    }
}
