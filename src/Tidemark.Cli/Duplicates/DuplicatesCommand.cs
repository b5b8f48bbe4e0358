using System.CommandLine;
using Tidemark.Cli.Conflicts;
using Tidemark.Cli.Running;
using Tidemark.Client.Duplicates;

namespace Tidemark.Cli.Duplicates;

/// <summary>`tidemark duplicates ...`: rows that describe the same thing, and what became of those that were merged.</summary>
internal static class DuplicatesCommand
{
    public const string Name = "duplicates";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "merge", "merges"];

    public static Command Create() => Verb.Create(
        Name,
        "Rows that describe the same thing, by the natural keys of the model: list, merge, merges. `duplicates DB` lists; exit code 3 when there are some.",
        DuplicatesListVerb.Create(),
        DuplicatesMergeVerb.Create(),
        DuplicatesMergesVerb.Create());

    public static Option<string[]> By() => new("--by")
    {
        Description = "A natural key besides those of the model: the type and its fields. May be given several times.",
        HelpName = "TYPE:FIELD,FIELD",
        DefaultValueFactory = _ => [],
    };

    /// <exception cref="VerbException">The text is no rule.</exception>
    public static IReadOnlyList<DuplicateRule> RulesOf(string[] texts) => [.. texts.Select(text =>
    {
        var parts = text.Split(':', 2);
        return parts.Length == 2 && parts[1].Split(',', StringSplitOptions.TrimEntries) is var fields && fields.All(f => f.Length > 0)
            ? new DuplicateRule(parts[0], fields)
            : throw VerbException.Usage($"--by wants TYPE:FIELD,FIELD; {text} is something else.");
    })];

    /// <summary>What a rule or key names that is not there is a fault of the call.</summary>
    public static async Task<T> UsageAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (ArgumentException e)
        {
            throw VerbException.Failed("NOT_FOUND", e.Message.Split(" (Parameter", 2)[0]);
        }
    }

    public static object DocumentOf(MergeRecord merge) => new
    {
        id = merge.Id,
        at = merge.At,
        type = merge.Type,
        key = merge.Key,
        into = merge.Into,
        state = merge.State.ToString().ToUpperInvariant(),
        gone = ConflictText.NodeOf(merge.Gone),
        before = ConflictText.NodeOf(merge.Before),
        after = ConflictText.NodeOf(merge.After),
        fields = merge.Fields,
        moved = merge.Moved,
    };
}
