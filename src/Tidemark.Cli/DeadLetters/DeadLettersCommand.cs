using System.CommandLine;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

/// <summary>`tidemark dead-letters ...`: commands that were refused for good and need a person.</summary>
internal static class DeadLettersCommand
{
    public const string Name = "dead-letters";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "show", "retry", "discard", "export"];

    public static Command Create() => Verb.Create(
        Name,
        "Commands refused for good: list, show, retry, discard, export. `dead-letters DB` lists.",
        DeadLettersListVerb.Create(),
        DeadLettersShowVerb.Create(),
        DeadLettersRetryVerb.Create(),
        DeadLettersDiscardVerb.Create(),
        DeadLettersExportVerb.Create());

    public static Argument<string[]> Ids() => new("ID")
    {
        Description = "Ids from the list, or as many of their last characters as make them clear; `all` for all.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <exception cref="VerbException">An id that names none, or several.</exception>
    public static IReadOnlyList<DeadLetter> Choose(IReadOnlyList<DeadLetter> letters, IReadOnlyList<string> ids) =>
        ids is ["all"] ? letters : [.. ids.Select(id => Find(letters, id)).DistinctBy(l => l.Id)];

    private static DeadLetter Find(IReadOnlyList<DeadLetter> letters, string id)
    {
        var found = letters.Where(l => l.Id.ToString("D").EndsWith(id, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw VerbException.Failed("NOT_FOUND", $"No dead letter has the id {id}."),
            _ => throw VerbException.Failed("AMBIGUOUS", $"Several dead letters end in {id}; give more characters."),
        };
    }
}
