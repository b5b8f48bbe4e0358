using System.CommandLine;
using System.Globalization;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Conflicts;

/// <summary>`tidemark conflicts ...`: what met what, what came out, and what a person must decide.</summary>
internal static class ConflictsCommand
{
    public const string Name = "conflicts";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "show", "settle", "replay"];

    public static Command Create() => Verb.Create(
        Name,
        "Conflicts: list, show, settle, replay. `conflicts DB` lists; exit code 3 when some wait for a person.",
        ConflictsListVerb.Create(),
        ConflictsShowVerb.Create(),
        ConflictsSettleVerb.Create(),
        ConflictsReplayVerb.Create());

    public static Argument<long> Id() => new("ID") { Description = "The conflict's number from the list." };

    /// <exception cref="VerbException">There is no such conflict.</exception>
    public static ConflictRecord Find(LocalStore store, long id) =>
        new StoreInspector(store).Conflict(id) ?? throw VerbException.Failed("NOT_FOUND", $"There is no conflict {id.ToString(CultureInfo.InvariantCulture)} (the last 10,000 are kept).");
}
