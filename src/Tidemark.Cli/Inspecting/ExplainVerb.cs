using System.CommandLine;
using Tidemark.Cli.Conflicts;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.Inspecting;

internal static class ExplainVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var type = new Argument<string>("TYPE") { Description = "The entity type, as in the model." };
        var id = new Argument<string>("ID") { Description = "The row's key: a number, a text, or JSON (an array for a composite key)." };
        return Verb.Create("explain", "The story of one row: captured, sent, accepted, in conflict - and why it is not in step.", database, type, id)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store =>
            {
                try
                {
                    return Show(context.Out, new StoreInspector(store).Explain(context.Get(type), context.Get(id)));
                }
                catch (ArgumentException e)
                {
                    throw VerbException.Failed("NOT_FOUND", e.Message);
                }
            }));
    }

    private static ExitCode Show(Out output, RowStory story)
    {
        output.Line($"{story.Type} {story.Key}");
        foreach (var step in story.Events)
        {
            output.Line($"  {(step.At is { } at ? Tables.TimeOf(at) : step.Kind == "now" ? "now" : "-"),-20}  {step.Text}");
        }

        foreach (var conflict in story.Conflicts)
        {
            output.Line();
            ConflictsShowVerb.Write(output, conflict);
        }

        output.Document(new
        {
            type = story.Type,
            key = story.Key,
            standing = story.Standing,
            why = story.Why,
            version = story.Version,
            pending = story.Pending,
            live = ConflictText.NodeOf(story.Live),
            @base = ConflictText.NodeOf(story.Base),
            events = story.Events,
            conflicts = story.Conflicts.Select(ConflictText.DocumentOf),
        });
        return story.Standing == RowStanding.Diverged ? ExitCode.NeedsYou : ExitCode.Done;
    }
}
