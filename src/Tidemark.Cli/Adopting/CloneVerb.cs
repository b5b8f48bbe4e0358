using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Cli.Syncing;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Adopting;

internal static class CloneVerb
{
    public static Command Create()
    {
        var database = new Argument<string>("DB") { Description = "The file to make; it must not exist." };
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        return Verb.Create("clone", "A new file with the app's own tables and all rows of the server's space.", database, server, token)
            .Runs((context, cancellationToken) => RunAsync(
                context,
                context.Get(database),
                new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)),
                cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, ServerLink link, CancellationToken cancellationToken)
    {
        await MakeFileAsync(path, link, cancellationToken);
        var options = new SyncOptions();
        options.Pull.UsesSnapshots = true;
        await using var device = OpenDevice.Open(path, link, options);
        var report = await Work.RunAsync(context.Out, steps => device.Sync.SyncAsync(SyncMode.Full, "clone", SyncText.ProgressTo(steps), cancellationToken));
        context.Out.Document(SyncText.DocumentOf(report));
        SyncText.Show(context.Out, report);
        context.Out.Line(report.Error is null
            ? $"Cloned to {path}."
            : $"{path} is made but not filled; `tidemark sync {path}` goes on where this stopped.");
        return SyncText.ExitOf(report);
    }

    /// <summary>An empty file of the server's model.</summary>
    public static async Task MakeFileAsync(string path, ServerLink link, CancellationToken cancellationToken)
    {
        if (File.Exists(path))
        {
            throw VerbException.Failed("EXISTS", $"{path} exists already; clone makes a new file. To bring an existing one in step: tidemark sync {path}");
        }

        using var remote = new TidemarkHttpRemote(link.Server, _ => Task.FromResult(link.Token), SyncEnvironment.System);
        var info = await remote.GetModelAsync(cancellationToken);
        var model = info.Model is { } json
            ? SyncModelJson.Parse(json.Utf8.Span)
            : throw VerbException.Failed("NO_MODEL", "The server has no model yet: adopt a database and sync it first, or start the server with --model FILE.");
        try
        {
            Adopter.CreateEmpty(path, model, SyncEnvironment.System);
        }
        catch (ArgumentException e)
        {
            throw VerbException.Failed("NO_SCHEMA", e.Message);
        }
    }
}
