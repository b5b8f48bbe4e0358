using System.Text;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Tidemark.Testing.Approvals;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

public sealed class PolicyExamplesTests
{
    [Fact]
    [Trait("req", "CON-02")]
    [Trait("req", "CON-03")]
    public void Every_example_comes_out_as_it_says()
    {
        foreach (var example in PolicyExamples.All.SelectMany(p => p.Examples))
        {
            var told = example.Merge(out var merged);
            Assert.True(merged == example.Result, $"{example.Field.Policy}, {example.Says}: {example.Base} / {example.Local} / {example.Server} came out as {merged}, not {example.Result}. {told.Note}");
        }
    }

    [Fact]
    [Trait("req", "CON-02")]
    public void Every_policy_has_examples() =>
        Assert.All(Enum.GetNames<FieldPolicy>(), name => Assert.Contains(PolicyExamples.All, p => p.Title == name && p.Examples.Count > 0));

    [Fact]
    [Trait("req", "CON-02")]
    public void The_guide_shows_these_examples() =>
        Approved.Same("docs/guides/conflict-policies.md", Page());

    private static string Page()
    {
        var page = new StringBuilder("# Policies by example\n\nMade from the tests of the merger; `base` is the row as the server last showed it, `here` the edit that was not sent yet.\nWhat policies are for and how they are declared is in [conflicts](conflicts.md).\n");
        foreach (var (title, decides, examples) in PolicyExamples.All)
        {
            page.Append("\n## ").Append(title).Append("\n\n").Append(decides).Append("\n\n| base | here | server | result | |\n|---|---|---|---|---|\n");
            foreach (var example in examples)
            {
                var note = example.Merge(out _).Note;
                page.Append("| ").AppendJoin(" | ", Cell(example.Base), Cell(example.Local), Cell(example.Server), Cell(example.Result), example.Says + (note is null ? "" : $" (note: {note})")).Append(" |\n");
            }
        }

        return page.ToString();
    }

    private static string Cell(Value value) => value.Kind switch
    {
        ValueKind.Absent => "(none)",
        ValueKind.Text => $"`{value.AsText.Replace("\n", "\\n", StringComparison.Ordinal)}`",
        _ => $"`{value}`",
    };
}
