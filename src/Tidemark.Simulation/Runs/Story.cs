using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Runs;

/// <summary>Says what happened in words that a person can follow.</summary>
internal static class Story
{
    private const int NamedMax = 6;

    public static string Of(EditFacts facts)
    {
        var parts = facts.Made.Select(r => $"makes {r.Table} {r.Key} <{r.Row}>")
            .Concat(facts.Words.Where(w => w.Former is not null).Select(w => $"{w.Table} <{w.Row}>.{w.Field} {w.Former} -> {w.Word}"))
            .Concat(facts.Merged.Where(m => m.Former is not null).Select(m => $"{m.Table} <{m.Row}>.{TableShape.NameOf(m.Column)} {Shown(m.Former!.Value)} -> {Shown(m.Now)}"))
            .Concat(facts.Moved.Select(r => $"{r.Table} <{r.Row}> gets the key {r.Key}"))
            .Concat(facts.Gone.Select(r => $"deletes {r.Table} {r.Key} <{r.Row}>"))
            .ToList();
        return parts.Count == 0 ? "other columns" : string.Join(", ", parts.Take(NamedMax)) + (parts.Count > NamedMax ? $", and {parts.Count - NamedMax} more" : "");
    }

    private static string Shown(Value value) => value.ToString().ReplaceLineEndings(" / ");

    public static string TimeOf(long ticks)
    {
        var time = TimeSpan.FromTicks(ticks);
        return FormattableString.Invariant($"day {time.Days} {time.Hours:00}:{time.Minutes:00}:{time.Seconds:00}.{time.Milliseconds:000}");
    }
}
