using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Merging;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

public sealed class TextMergeTests
{
    private static readonly Gen<string> Words = Gen.Elements("a", "b", "c", " ", "\n", "é", "字", "😀").ListOf().Select(string.Concat);

    [Fact]
    [Trait("req", "CON-02")]
    public void A_diff_matches_equal_items_in_rising_order_and_all_that_shares_can() =>
        Prop.ForAll(Gen.Elements("a", "b", "c", "d").ListOf().Two().ToArbitrary(), pair =>
        {
            var (a, b) = (pair.Item1.ToArray(), pair.Item2.ToArray());
            var matches = SequenceDiff.Match(a, b);
            var matched = matches.Select((to, from) => (From: from, To: to)).Where(m => m.To >= 0).ToList();
            Assert.All(matched, m => Assert.Equal(a[m.From], b[m.To]));
            Assert.Equal(matched.Select(m => m.To).Distinct().Order(), matched.Select(m => m.To));
            Assert.Equal(LongestCommon(a, b), matched.Count);
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CON-10")]
    public void Sides_that_changed_nothing_or_the_same_change_nothing() =>
        Prop.ForAll(Words.Two().ToArbitrary(), pair =>
        {
            var (was, now) = pair;
            if (was.Length > 0)
            {
                Assert.Equal(now, TextMerge.Merge(was, now, was, out _));
                Assert.Equal(now, TextMerge.Merge(was, was, now, out var overlaps));
                Assert.Equal(0, overlaps);
            }

            Assert.Equal(now, TextMerge.Merge(was, now, now, out _));
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CON-02")]
    public void No_character_is_cut_and_edits_without_overlap_commute() =>
        Prop.ForAll(Words.Three().ToArbitrary(), texts =>
        {
            var (was, mine, theirs) = texts;
            var merged = TextMerge.Merge(was, mine, theirs, out var overlaps);
            Assert.DoesNotContain('\uFFFD', System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(merged)));
            if (overlaps == 0 && was.Length > 0)
            {
                Assert.Equal(merged, TextMerge.Merge(was, theirs, mine, out _));
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    [Trait("req", "CON-02")]
    public void A_megabyte_is_merged_without_a_table_of_every_pair_whatever_was_done_to_it()
    {
        var lines = Enumerable.Range(0, 40_000).Select(i => $"the line {i * 7919 % 40_000} of it").ToArray();
        var was = string.Join('\n', lines);
        Assert.True(was.Length > 700_000);
        var mine = string.Join('\n', lines.Select((l, i) => i % 3 == 0 ? l + " here" : l));
        var theirs = string.Join('\n', lines.Reverse());
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("here", TextMerge.Merge(was, mine, theirs, out _), StringComparison.Ordinal);
        Assert.Contains("here", TextMerge.Merge(was.Replace('\n', ' '), mine.Replace('\n', ' '), was.Replace('\n', '-'), out _), StringComparison.Ordinal);
        Assert.NotEmpty(TextMerge.Merge("", new string('x', 1_000_000), new string('y', 1_000_000), out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 900_000_000); // A table of 40,000 x 40,000 lines has 1.6 thousand million cells.
    }

    private static int LongestCommon(string[] a, string[] b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = a.Length - 1; i >= 0; i--)
        {
            for (var j = b.Length - 1; j >= 0; j--)
            {
                table[i, j] = a[i] == b[j] ? table[i + 1, j + 1] + 1 : Math.Max(table[i + 1, j], table[i, j + 1]);
            }
        }

        return table[0, 0];
    }
}
