using Tidemark.Client.Engines.Joining;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>Fields in which everybody's edits count are joins: no order of arrival, and nothing that comes twice, makes a difference.</summary>
public sealed class FieldJoinTests
{
    [Theory]
    [InlineData(FieldPolicy.Counter)]
    [InlineData(FieldPolicy.MergeArrays)]
    [InlineData(FieldPolicy.MergeObject)]
    [Trait("req", "REM-02")]
    public void States_of_replicas_join_to_the_same_in_any_order(FieldPolicy policy)
    {
        var type = JoinDevice.With(f => f.Name == "n" ? f with { Policy = policy } : f).Get("note");
        var n = type.FindOrdinal("n");
        for (var seed = 1; seed <= 300; seed++)
        {
            var dice = new Random(seed);
            var key = EntityKey.Of("k");
            var replicas = Enumerable.Range(0, 3).Select(_ => JoinedRow.Nothing(type, key)).ToArray();
            for (var step = 0; step < 12; step++)
            {
                var at = dice.Next(3);
                var other = dice.Next(3);
                replicas[at] = dice.Next(2) == 0 ? replicas[at].Join(replicas[other]) : Edit(replicas[at], n, policy, dice, new Stamp(step, 0, (ulong)at + 1));
            }

            var (a, b, c) = (replicas[0], replicas[1], replicas[2]);
            var all = TextOf(a.Join(b).Join(c));
            Assert.Equal(all, TextOf(c.Join(b).Join(a)));
            Assert.Equal(all, TextOf(a.Join(b.Join(c))));
            Assert.Equal(all, TextOf(b.Join(a).Join(c).Join(a).Join(b)));
            var joined = a.Join(b).Join(c);
            Assert.Same(joined, joined.Join(b));
            Assert.Equal(all, TextOf(RowStateJson.ReadRow(type, key, RowStateJson.Write(joined))));
        }
    }

    private static JoinedRow Edit(JoinedRow row, int n, FieldPolicy policy, Random dice, Stamp stamp)
    {
        var shown = row.Deletion.IsKnown ? row.ToRow() : null;
        if (shown is not null && dice.Next(6) == 0)
        {
            return row.Edited(shown, null, stamp);
        }

        var now = shown is null ? Value.Null : shown[n];
        var value = policy switch
        {
            FieldPolicy.Counter => dice.Next(8) == 0 ? Value.Text("no number") : Value.Integer((now.Kind == ValueKind.Integer ? now.AsInteger : 0) + dice.Next(-3, 9)),
            FieldPolicy.MergeArrays => Value.Text("[" + string.Join(',', Enumerable.Range(0, dice.Next(4)).Select(_ => dice.Next(5))) + "]"),
            _ => Value.Text(dice.Next(4) switch
            {
                0 => """{"a":1,"b":{"x":1}}""",
                1 => $$"""{"a":{"y":{{dice.Next(3)}} },"b":2}""",
                2 => $$"""{"b":{"x":{{dice.Next(3)}},"z/~":"" } }""",
                _ => "{}",
            }),
        };
        return row.Edited(row.IsDeleted ? null : shown, (shown ?? row.ToRow()).With(n, value), stamp);
    }

    private static string TextOf(JoinedRow row) => System.Text.Encoding.UTF8.GetString(RowStateJson.Write(row));
}
