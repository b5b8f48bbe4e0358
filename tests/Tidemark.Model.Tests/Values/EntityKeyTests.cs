using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Values;

public sealed class EntityKeyTests
{
    private static readonly Gen<Value> Part = Gen.OneOf(
        Generate.Integer.Select(Value.Integer),
        Generate.Text.Select(Value.Text),
        Gen.Elements("a", "A", "\uFFFD", "\U0001F600", "\uE000", "").Select(Value.Text),
        Generate.Bytes.Select(Value.Blob));

    private static readonly Gen<EntityKey> Keys = Part.NonEmptyListOf().Select(p => new EntityKey([.. p.Take(2)]));

    [Fact]
    [Trait("req", "CUR-01")]
    public void Keys_are_totally_ordered_the_same_on_every_machine() =>
        Prop.ForAll(Gen.Three(Keys).ToArbitrary(), three =>
        {
            var (a, b, c) = three;
            Assert.Equal(Math.Sign(a.CompareTo(b)), -Math.Sign(b.CompareTo(a)));
            Assert.Equal(a == b, a.CompareTo(b) == 0);
            Assert.True(!(a <= b && b <= c) || a <= c);
            Assert.True(a != b || a.GetHashCode() == b.GetHashCode());
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CUR-01")]
    public void Text_keys_are_ordered_by_their_utf8_bytes() =>
        Prop.ForAll(Gen.Two(Gen.OneOf(Generate.Text, Gen.Elements("\uFFFD", "\U0001F600", "\uE000", "a\U0001F600", "a\uFFFDb"))).ToArbitrary(), two =>
            Assert.Equal(
                Math.Sign(Encoding.UTF8.GetBytes(two.Item1).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(two.Item2))),
                Math.Sign(EntityKey.Of(two.Item1).CompareTo(EntityKey.Of(two.Item2))))).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-08")]
    public void The_text_of_a_key_is_its_wire_form() =>
        Prop.ForAll(Keys.ToArbitrary(), key =>
        {
            var type = new EntityType { Name = "t", Fields = [new Field { Name = "a" }, new Field { Name = "b" }], Key = key.Count == 1 ? ["a"] : ["a", "b"] };
            using var document = JsonDocument.Parse(key.ToString());
            Assert.Equal(key, WireRow.ReadKey(type, document.RootElement));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "MOD-08")]
    public void Rows_are_compared_patched_and_told_apart_by_field()
    {
        var type = SampleModels.Shop.Get("categories");
        var row = new Row(type, [Value.Integer(1), Value.Null, Value.Text("a")]);
        var edited = row.With(2, Value.Text("b"));
        var difference = row.DifferenceTo(edited)!;
        Assert.True(difference["id"].IsAbsent);
        Assert.Equal(Value.Text("b"), difference["name"]);
        Assert.True(edited.SameAs(row.Patched(difference)));
        Assert.Null(row.DifferenceTo(row.With(2, Value.Text("a"))));
        Assert.Equal(Value.Text("a"), row["name"]);
        Assert.Equal(EntityKey.Of(1), edited.Key);
        Assert.Throws<ArgumentException>(() => new Row(type, [Value.Null]));
        Assert.NotEqual(Value.Integer(1), Value.Real(1));
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public void Uuids_of_version_7_are_ordered_by_their_time_and_carry_their_marks()
    {
        var random = Enumerable.Repeat((byte)0xFF, 10).ToArray();
        var early = UuidV7.Create(1_700_000_000_000, random);
        var late = UuidV7.Create(1_700_000_000_001, new byte[10]);
        Assert.True(string.CompareOrdinal(early.ToString("D"), late.ToString("D")) < 0);
        Assert.Equal(7, early.Version);
        Assert.Equal(0xB, early.Variant);
        Assert.Equal("018bcfe5-6800-7fff-bfff-ffffffffffff", early.ToString("D"));
    }
}
