using System.CommandLine;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Demonstrating;

internal static class DemoVerb
{
    public static Command Create()
    {
        var database = new Argument<string?>("DB") { Description = "A SQLite database to show it with; a copy is used. Without it the demo makes its own data.", Arity = ArgumentArity.ZeroOrOne };
        var exit = new Option<bool>("--exit") { Description = "End after the summary; exit code 0 only if everything converged. Without it the server goes on until stopped." };
        return Verb.Create("demo", "A server and two devices: adoption, offline edits, a conflict, a process killed in the middle of a push, convergence.", database, exit)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(exit), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string? source, bool exit, CancellationToken cancellationToken)
    {
        if (source is not null && !File.Exists(source))
        {
            throw VerbException.Failed("NOT_FOUND", $"There is no file {source}.");
        }

        var folder = Directory.CreateTempSubdirectory("tidemark-demo-").FullName;
        try
        {
            await using var server = await DemoServer.StartAsync(Path.Combine(folder, "server"), cancellationToken);
            var story = new DemoStory(context.Out, server, folder, source);
            await story.TellAsync(cancellationToken);
            if (!exit)
            {
                await DemoSummary.ServeOnAsync(context.Out, story, cancellationToken);
            }

            return story.AllWell ? ExitCode.Done : ExitCode.Failed;
        }
        finally
        {
            Remove(folder);
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // Somebody is looking into it; the system cleans its temp folder.
        }
    }
}
