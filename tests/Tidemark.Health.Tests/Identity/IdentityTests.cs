using System.Globalization;
using Tidemark.Health.Synthetic;
using Tidemark.Health.Tests.Apple;
using Tidemark.Model.Health;

namespace Tidemark.Health.Tests.Identity;

[Trait("req", "HLT-10")]
[Trait("req", "HLT-06")]
public sealed class IdentityTests
{
    [Fact]
    public void The_offset_of_the_export_the_pointer_of_the_device_and_the_creation_date_are_no_part_of_it()
    {
        var winter = Xml.One(Xml.Record(start: "2024-01-01 10:00:00 +0100", rest: "creationDate=\"2024-01-01 11:00:00 +0100\" device=\"&lt;&lt;HKDevice: 0x281d99900&gt;, name:Apple Watch, hardware:Watch6,2, software:7.2&gt;\""));
        var summer = Xml.One(Xml.Record(start: "2024-01-01 11:00:00 +0200", rest: "creationDate=\"2024-03-01 11:00:00 +0100\" device=\"&lt;&lt;HKDevice: 0x999999900&gt;, name:Apple Watch, hardware:Watch6,2, software:8.0&gt;\""));
        Assert.Equal(winter.Id, summer.Id);
        Assert.Equal("Watch6,2", summer.Origin.Device!.Hardware);
        Assert.NotEqual(winter.Id, Xml.One(Xml.Record(start: "2024-01-01 10:00:00 +0100")).Id);
    }

    [Fact]
    public void A_no_break_space_in_a_name_is_a_space() =>
        Assert.Equal(Xml.One(Xml.Record(source: "Apple Watch")).Id, Xml.One(Xml.Record(source: "Apple\u00a0Watch")).Id);

    /// <summary>The property that decides what is in the identity: six digits there and back are not the same six digits.</summary>
    [Fact]
    public void A_value_survives_a_change_of_unit_only_because_it_is_not_in_the_identity()
    {
        var (kcal, kJ) = (HealthUnit.Find("kcal")!.Value, HealthUnit.Find("kJ")!.Value);
        var draw = new Draw(3);
        var differ = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var value = draw.Between("kcal", i, 0.1, 9);
            differ += HealthUnit.Rounded(value) == kJ.To(kcal, HealthUnit.Rounded(value * 4.184)) ? 0 : 1;
        }

        Assert.InRange(differ, 1000, 99_000);
        for (var i = 0; i < 200; i++)
        {
            var value = HealthUnit.Rounded(draw.Between("kcal", i, 0.1, 9));
            string Text(double v) => v.ToString("G6", CultureInfo.InvariantCulture);
            Assert.Equal(
                Xml.One(Xml.Record("ActiveEnergyBurned", Text(value), "kcal")).Id,
                Xml.One(Xml.Record("ActiveEnergyBurned", Text(kcal.To(kJ, value)), "kJ")).Id);
        }
    }

    [Fact]
    public void Another_value_of_a_unit_that_nobody_can_choose_is_another_sample() =>
        Assert.NotEqual(Xml.One(Xml.Record("HeartRate", "61", "count/min")).Id, Xml.One(Xml.Record("HeartRate", "62", "count/min")).Id);

    [Fact]
    public void A_sync_identifier_names_the_sample_whatever_its_times_and_value_become()
    {
        string Named(int version, string start, string value) => Xml.Record("ActiveEnergyBurned", value, "kcal", start, content: $"<MetadataEntry key=\"HKMetadataKeySyncIdentifier\" value=\"3:abc\"/><MetadataEntry key=\"HKMetadataKeySyncVersion\" value=\"{version}\"/>");
        var (first, second) = (Xml.One(Named(1, "2024-01-01 10:00:00 +0100", "1")), Xml.One(Named(2, "2024-01-01 10:00:05 +0100", "7")));
        Assert.Equal(first.Id, second.Id);
        Assert.Equal((1L, 2L), (first.Version, second.Version));
    }

    [Fact]
    public void Ids_of_one_type_follow_each_other_in_time()
    {
        var ids = Enumerable.Range(0, 60).Select(i => Xml.One(Xml.Record(start: $"2024-01-01 10:00:{i:00} +0100")).Id.ToString("d")).ToList();
        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
    }

    [Theory]
    [InlineData(0.1 + 0.2, 0.3)]
    [InlineData(1234567.8, 1234570)]
    [InlineData(-0.0000123456789, -0.0000123457)]
    [InlineData(72, 72)]
    [InlineData(-0.0, 0.0)]
    public void Values_keep_six_digits(double value, double expected) => Assert.Equal(expected, HealthUnit.Rounded(value), Math.Abs(expected) * 1e-12);
}
