using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Cursors;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Cursors;

public sealed class EntityCursorTests
{
    private static readonly Gen<EntityCursor> Some =
        from position in Gen.Choose(0, 3)
        from id in Gen.OneOf(Gen.Elements("", "1", "10", "2", "a", "A", "é", "\uFFFD", "😀"), Generate.Text)
        select new EntityCursor(new Position(position), id);

    [Theory]
    [InlineData("9", "10")]
    [InlineData("-10", "-9")]
    [InlineData("9007199254740991", "\"9007199254740993\"")]
    [InlineData("\"-9007199254740993\"", "-1")]
    [InlineData("\"10\"", "\"9\"")]
    [InlineData("[\"a\",9]", "[\"a\",10]")]
    [InlineData("[\"a\",10]", "[\"b\",9]")]
    [InlineData("", "0")]
    [Trait("req", "CUR-01")]
    public void Within_one_position_ids_have_the_order_of_the_keys(string less, string more)
    {
        var (a, b) = (new EntityCursor(new Position(5), less), new EntityCursor(new Position(5), more));
        Assert.True(a < b);
        Assert.True(b > a);
        Assert.Equal(b, a.Advance("t", b));
        Assert.Throws<CursorBackwardException>(() => b.Advance("t", a));
    }

    [Fact]
    [Trait("req", "CUR-01")]
    public void Cursors_are_totally_ordered() =>
        Prop.ForAll(Gen.Three(Some).ToArbitrary(), three =>
        {
            var (a, b, c) = three;
            Assert.Equal(Math.Sign(a.CompareTo(b)), -Math.Sign(b.CompareTo(a)));
            Assert.Equal(a == b, a.CompareTo(b) == 0);
            Assert.True(!(a <= b && b <= c) || a <= c);
            Assert.True(a <= b || b <= a);
            Assert.Equal(a < b, !(a >= b));
            Assert.Equal(a > b, !(a <= b));
            Assert.True(EntityCursor.Start <= a);
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CUR-01")]
    public void A_cursor_moves_forward_or_stays_and_an_attempt_to_move_back_changes_nothing() =>
        Prop.ForAll(Some.ListOf().ToArbitrary(), steps =>
        {
            var cursors = new CompositeCursor();
            foreach (var to in steps)
            {
                var before = cursors["notes"];
                if (to >= before)
                {
                    cursors.Advance("notes", to);
                    Assert.Equal(to, cursors["notes"]);
                    continue;
                }

                var backward = Assert.Throws<CursorBackwardException>(() => cursors.Advance("notes", to));
                Assert.Equal(("notes", before, to), (backward.EntityType, backward.From, backward.To));
                Assert.Equal(before, cursors["notes"]);
            }

            Assert.Equal(steps.Append(EntityCursor.Start).Max(), cursors["notes"]);
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CUR-03")]
    public void Each_type_has_its_own_position_and_the_floor_is_the_least() =>
        Prop.ForAll(Some.ToArbitrary(), Some.ToArbitrary(), (a, b) =>
        {
            var cursors = new CompositeCursor([new("a", a), new("b", b)]);
            Assert.Equal(a < b ? a : b, cursors.Floor(["a", "b"]));
            Assert.Equal(a, cursors.Floor(["a"]));
            Assert.Equal(EntityCursor.Start, cursors.Floor(["a", "b", "never pulled"]));
            Assert.Equal(EntityCursor.Start, cursors.Floor([]));
            Assert.Equal(["a", "b"], cursors.Cursors.Keys);
        }).QuickCheckThrowOnFailure();
}
