using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Values;

public sealed class StorageFormsTests
{
    public static TheoryData<string> FieldNames => [.. Generate.Fields().Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(FieldNames))]
    [Trait("req", "MOD-08")]
    public void Every_canonical_value_comes_back_from_the_file(string name)
    {
        var field = Generate.Fields().Single(f => f.Name == name);
        Prop.ForAll(Generate.Canonical(field.Type).ToArbitrary(), value =>
        {
            var stored = StorageForms.ToStored(field, value);
            Assert.True(StorageForms.TryToCanonical(field, stored, out var back, out var fault), fault);
            Assert.Equal(value, back);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(FieldNames))]
    [Trait("req", "MOD-08")]
    public void What_is_written_in_its_form_keeps_class_and_bytes_through_the_wire(string name)
    {
        var field = Generate.Fields().Single(f => f.Name == name);
        var storedValues = Generate.Canonical(field.Type).Select(v => StorageForms.ToStored(field, v));
        Prop.ForAll(storedValues.ToArbitrary(), stored =>
        {
            Assert.True(StorageForms.TryToCanonical(field, stored, out var canonical, out var fault), fault);
            var again = StorageForms.ToStored(field, canonical);
            Assert.Equal(stored, again);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(FieldNames))]
    [Trait("req", "MOD-08")]
    public void Any_stored_value_either_fits_or_is_a_fault_that_names_the_field(string name)
    {
        var field = Generate.Fields().Single(f => f.Name == name);
        Prop.ForAll(Generate.Exact.ToArbitrary(), stored =>
        {
            if (!StorageForms.TryToCanonical(field, stored, out var canonical, out var fault))
            {
                Assert.StartsWith(field.Name + ": ", fault, StringComparison.Ordinal);
                Assert.True(canonical.IsAbsent);
                return;
            }

            Assert.True(StorageForms.TryToCanonical(field, StorageForms.ToStored(field, canonical), out var again, out _));
            Assert.Equal(canonical, again);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData(FieldType.Text)]
    [InlineData(FieldType.Exact)]
    [InlineData(FieldType.Json)]
    [Trait("req", "MOD-08")]
    public void Text_that_has_no_wire_form_is_a_fault(FieldType type)
    {
        var field = new Field { Name = "note", Type = type };
        Fault(field, Value.Text("\"a\0b\""), "NUL");
        Fault(field, Value.Text("\"\uD800\""), "surrogate");
        Fault(field, Value.Text("\"\uDC00\uD800\""), "surrogate");
        Fault(field, Value.MalformedText([0xC3, 0x28]), "UTF-8");
        Assert.True(StorageForms.TryToCanonical(field, Value.Text("\"😀\""), out _, out _));
    }

    [Theory]
    [InlineData("""{"a":9007199254740993}""", "9007199254740993")]
    [InlineData("""{"a":0.1000000000000000055}""", "0.1000000000000000055")]
    [InlineData("""{"a":1e999}""", "1e999")]
    [InlineData("""{"a":1,"a":2}""", "a")]
    [InlineData("""{"a":"\u0000"}""", "NUL")]
    [InlineData("""{"a":"\ud800"}""", "not JSON that can be synced")]
    [InlineData("{", "not JSON that can be synced")]
    [InlineData("null", "store NULL")]
    [Trait("req", "MOD-08")]
    public void Json_that_would_change_on_the_way_is_a_fault(string text, string told) =>
        Fault(new Field { Name = "data", Type = FieldType.Json }, Value.Text(text), told);

    [Theory]
    [InlineData("""{ "b" : 1.50, "a" : [ 1e2, 0.0, -0 ] }""", """{"a":[100,0,0],"b":1.5}""")]
    [InlineData("\"\\u0041\\/\"", "\"A/\"")]
    [Trait("req", "MOD-07")]
    public void Json_is_stored_in_any_spelling_and_travels_in_one(string text, string canonical) =>
        Fits(new Field { Name = "data", Type = FieldType.Json }, Value.Text(text), Value.Text(canonical));

    [Theory]
    [InlineData(StorageForm.Default, "2026-01-31T12:00:00.500Z", "2026-01-31T12:00:00.5Z")]
    [InlineData(StorageForm.Default, "2026-01-31 12:00:00+00:00", "2026-01-31T12:00:00Z")]
    [InlineData(StorageForm.Default, "2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.1234567Z")]
    [InlineData(StorageForm.TimeSpaced, "2026-01-31 12:00:00.1234567", "2026-01-31T12:00:00.1234567Z")]
    [InlineData(StorageForm.TimeUnixSeconds, 1769860800L, "2026-01-31T12:00:00Z")]
    [InlineData(StorageForm.TimeUnixSeconds, 1769860800.25, "2026-01-31T12:00:00.25Z")]
    [InlineData(StorageForm.TimeUnixSeconds, -1L, "1969-12-31T23:59:59Z")]
    [InlineData(StorageForm.TimeUnixMilliseconds, 1769860800001L, "2026-01-31T12:00:00.001Z")]
    [InlineData(StorageForm.TimeTicks, 639054576000000001L, "2026-01-31T12:00:00.0000001Z")]
    [Trait("req", "MOD-08")]
    public void Times_are_read_in_their_form(StorageForm form, object stored, string canonical) =>
        Fits(new Field { Name = "at", Type = FieldType.Timestamp, Form = form }, ValueOf(stored), Value.Text(canonical));

    [Theory]
    [InlineData(StorageForm.Default, "2026-01-31 12:00:00")]
    [InlineData(StorageForm.Default, "2026-01-31T12:00:00+02:00")]
    [InlineData(StorageForm.Default, "2026-01-31T12:00:00.12345678Z")]
    [InlineData(StorageForm.Default, "12:00Z")]
    [InlineData(StorageForm.Default, "2026-02-30T12:00:00Z")]
    [InlineData(StorageForm.Default, 1769860800L)]
    [InlineData(StorageForm.TimeSpaced, "2026-01-31T12:00:00Z")]
    [InlineData(StorageForm.TimeUnixSeconds, 0.30000000000000004)]
    [InlineData(StorageForm.TimeUnixSeconds, long.MaxValue)]
    [InlineData(StorageForm.TimeUnixMilliseconds, double.PositiveInfinity)]
    [InlineData(StorageForm.TimeTicks, -1L)]
    [InlineData(StorageForm.TimeTicks, "soon")]
    [Trait("req", "MOD-08")]
    public void Times_that_do_not_fit_their_form_are_faults(StorageForm form, object stored) =>
        Fault(new Field { Name = "at", Type = FieldType.Timestamp, Form = form }, ValueOf(stored), "");

    [Fact]
    [Trait("req", "MOD-08")]
    public void A_decimal_with_more_digits_than_a_real_keeps_them_all_as_text()
    {
        var field = new Field { Name = "price", Type = FieldType.Decimal, Form = StorageForm.DecimalReal };
        Assert.Equal(Value.Real(12.5), StorageForms.ToStored(field, Value.Text("12.5")));
        Assert.Equal(Value.Text("0.12345678901234567890"), StorageForms.ToStored(field, Value.Text("0.12345678901234567890")));
        Fits(field, Value.Real(1e22), Value.Text("10000000000000000000000"));
        Fits(field, Value.Integer(long.MinValue), Value.Text("-9223372036854775808"));
        Fault(field, Value.Real(double.PositiveInfinity), "decimal");
        Fault(field, Value.Text("1e3"), "digits");
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void Whole_reals_and_integers_that_column_affinity_mixes_up_mean_the_same()
    {
        Fits(new Field { Name = "n", Type = FieldType.Integer }, Value.Real(5), Value.Integer(5));
        Fits(new Field { Name = "r", Type = FieldType.Real }, Value.Integer(5), Value.Real(5));
        Fault(new Field { Name = "n", Type = FieldType.Integer }, Value.Real(5.5), "integer");
        Fault(new Field { Name = "r", Type = FieldType.Real }, Value.Integer(CanonicalJsonWriter.SafeIntegerMax + 2), "real");
        Fault(new Field { Name = "b", Type = FieldType.Boolean }, Value.Integer(2), "0 or 1");
        Fits(new Field { Name = "x" }, Value.Real(5), Value.Real(5));
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void Uuids_in_another_case_than_declared_are_faults()
    {
        const string Lower = "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a";
        var upper = new Field { Name = "id", Type = FieldType.Uuid, Form = StorageForm.UuidUpper };
        Fits(upper, Value.Text(Lower.ToUpperInvariant()), Value.Text(Lower));
        Fault(upper, Value.Text(Lower), "upper case");
        Fault(upper with { Form = StorageForm.Default }, Value.Text("{" + Lower + "}"), "lower case");
        Fault(upper with { Form = StorageForm.UuidBlob }, Value.Blob(new byte[15]), "16 bytes");
        Assert.Equal(0x01, StorageForms.ToStored(upper with { Form = StorageForm.UuidBlob }, Value.Text(Lower)).AsBlob[0]);
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void A_key_in_another_spelling_than_its_form_is_a_fault_because_its_row_would_not_be_found_again()
    {
        var type = new EntityType { Name = "days", Fields = [new Field { Name = "day", Type = FieldType.Timestamp }, new Field { Name = "seen", Type = FieldType.Timestamp }], Key = ["day"] };
        Assert.True(StorageForms.TryToCanonical(type, [Value.Text("2026-01-31T00:00:00Z"), Value.Text("2026-01-31T00:00:00.000Z")], out var row, out _));
        Assert.Equal(Value.Text("2026-01-31T00:00:00Z"), row!["seen"]);
        Assert.False(StorageForms.TryToCanonical(type, [Value.Text("2026-01-31T00:00:00.000Z"), Value.Null], out _, out var fault));
        Assert.StartsWith("day: the key", fault, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "MOD-08")]
    public void A_value_that_is_not_canonical_is_misuse() =>
        Assert.Throws<ArgumentException>(() => StorageForms.ToStored(new Field { Name = "at", Type = FieldType.Timestamp }, Value.Integer(1)));

    private static Value ValueOf(object stored) => stored switch
    {
        long integer => Value.Integer(integer),
        double real => Value.Real(real),
        _ => Value.Text((string)stored),
    };

    private static void Fits(Field field, Value stored, Value canonical)
    {
        Assert.True(StorageForms.TryToCanonical(field, stored, out var actual, out var fault), fault);
        Assert.Equal(canonical, actual);
    }

    private static void Fault(Field field, Value stored, string told)
    {
        Assert.False(StorageForms.TryToCanonical(field, stored, out _, out var fault));
        Assert.StartsWith(field.Name + ": ", fault, StringComparison.Ordinal);
        Assert.Contains(told, fault, StringComparison.OrdinalIgnoreCase);
    }
}
