using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Model.Tests;

/// <summary>Generators of values, rows and models.</summary>
internal static class Generate
{
    public static Gen<string> Text { get; } =
        from runes in Gen.Frequency(
            (6, Gen.Choose(0x20, 0x7E)),
            (1, Gen.Choose(1, 0x1F)),
            (2, Gen.Choose(0x80, 0xD7FF)),
            (1, Gen.Choose(0xE000, 0xFFFF)),
            (2, Gen.Choose(0x10000, 0x10FFFF))).ListOf()
        select string.Concat(runes.Select(char.ConvertFromUtf32));

    public static Gen<long> Integer { get; } = Gen.OneOf(
        Gen.Choose(-1000, 1000).Select(i => (long)i),
        Gen.Elements(0L, 1L, -1L, long.MinValue, long.MaxValue, CanonicalJsonWriter.SafeIntegerMax, CanonicalJsonWriter.SafeIntegerMax + 1, -CanonicalJsonWriter.SafeIntegerMax, -CanonicalJsonWriter.SafeIntegerMax - 1),
        ArbMap.Default.GeneratorFor<long>());

    public static Gen<double> Real { get; } = Gen.OneOf(
        ArbMap.Default.GeneratorFor<double>().Where(d => !double.IsNaN(d)),
        ArbMap.Default.GeneratorFor<long>().Select(BitConverter.Int64BitsToDouble).Where(d => !double.IsNaN(d)),
        Gen.Elements(0d, 1d, -1.5, 1e21, 1e-7, double.MaxValue, double.Epsilon, double.PositiveInfinity, double.NegativeInfinity));

    public static Gen<byte[]> Bytes { get; } = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf();

    public static Gen<Guid> Uuid { get; } = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf(16).Select(b => new Guid(b));

    /// <summary>Times of 100 ns in the years 1 to 9999, whole seconds and milliseconds among them.</summary>
    public static Gen<long> Ticks { get; } =
        from ticks in ArbMap.Default.GeneratorFor<long>().Select(t => (t & long.MaxValue) % (DateTime.MaxValue.Ticks + 1))
        from unit in Gen.Elements(1L, TimeSpan.TicksPerMillisecond, TimeSpan.TicksPerSecond)
        from near in Gen.Elements(true, false)
        select near ? DateTime.UnixEpoch.Ticks + (ticks % (100 * 365 * TimeSpan.TicksPerDay) / unit * unit) : ticks / unit * unit;

    public static Gen<string> Decimal { get; } =
        from negative in Gen.Elements("", "-")
        from whole in Gen.Choose(0, 9).ListOf()
        from fraction in Gen.Choose(0, 9).ListOf()
        select WireDecimal.Canonical(negative + "0" + string.Concat(whole) + "." + string.Concat(fraction) + "0");

    public static Gen<string> Json { get; } = Gen.Sized(JsonOf);

    public static Gen<Value> Exact { get; } = Gen.OneOf(
        Gen.Constant(Value.Null),
        Integer.Select(Value.Integer),
        Real.Select(Value.Real),
        Text.Select(Value.Text),
        Bytes.Select(Value.Blob));

    /// <summary>A canonical value of the type, null now and then.</summary>
    public static Gen<Value> Canonical(FieldType type) => Gen.Frequency((1, Gen.Constant(Value.Null)), (9, CanonicalNotNull(type)));

    public static Gen<Value> CanonicalNotNull(FieldType type) => type switch
    {
        FieldType.Integer => Integer.Select(Value.Integer),
        FieldType.Real => Real.Select(Value.Real),
        FieldType.Text => Text.Select(Value.Text),
        FieldType.Blob => Bytes.Select(Value.Blob),
        FieldType.Boolean => Gen.Choose(0, 1).Select(b => Value.Integer(b)),
        FieldType.Uuid => Uuid.Select(id => Value.Text(id.ToString("D"))),
        FieldType.Timestamp => Ticks.Select(t => Value.Text(WireTime.ToText(new DateTimeOffset(t, TimeSpan.Zero)))),
        FieldType.Decimal => Decimal.Select(Value.Text),
        FieldType.Json => Json.Where(j => j != "null").Select(Value.Text),
        _ => Exact.Where(v => !v.IsNull),
    };

    /// <summary>Every type with every form that fits it.</summary>
    public static IEnumerable<Field> Fields() =>
        from type in Enum.GetValues<FieldType>()
        from form in FormsOf(type)
        select new Field { Name = $"{type}{form}", Type = type, Form = form };

    public static IEnumerable<StorageForm> FormsOf(FieldType type) => type switch
    {
        FieldType.Uuid => [StorageForm.Default, StorageForm.UuidUpper, StorageForm.UuidBlob],
        FieldType.Timestamp => [StorageForm.Default, StorageForm.TimeUnixSeconds, StorageForm.TimeUnixMilliseconds, StorageForm.TimeTicks, StorageForm.TimeSpaced],
        FieldType.Decimal => [StorageForm.Default, StorageForm.DecimalReal],
        _ => [StorageForm.Default],
    };

    public static Gen<Row> Rows(EntityType type) =>
        Gen.CollectToList(Enumerable.Range(0, type.Fields.Count), i => type.IsKey(i) ? CanonicalNotNull(type.Fields[i].Type) : Canonical(type.Fields[i].Type))
            .Select(values => new Row(type, [.. values]));

    private static Gen<string> JsonOf(int size)
    {
        var scalar = Gen.OneOf(
            Gen.Elements("null", "true", "false"),
            Gen.Choose(-1000000, 1000000).Select(i => i.ToString(CultureInfo.InvariantCulture)),
            Text.Select(Quoted));
        if (size < 2)
        {
            return scalar;
        }

        var inner = JsonOf(size / 4);
        return Gen.OneOf(
            scalar,
            inner.ListOf().Select(items => "[" + string.Join(',', items) + "]"),
            from names in Text.ListOf()
            from value in inner
            select "{" + string.Join(',', names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(n => Quoted(n) + ":" + value)) + "}");
    }

    private static string Quoted(string text)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteString(text);
        return System.Text.Encoding.UTF8.GetString(writer.Written);
    }
}
