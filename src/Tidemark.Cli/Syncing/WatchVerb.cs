using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Cli.Syncing;

internal static class WatchVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        var every = new Option<string>("--every") { Description = "How often to ask the server when nothing changes here: 2s, 1m.", HelpName = "TIME", DefaultValueFactory = _ => "5s" };
        return Verb.Create("watch", "Keep the file in step until stopped: changes here go out at once, the server says when others have written, and is asked in between. A file with several remotes asks them all at that interval.", database, server, token, every)
            .Runs((context, cancellationToken) => RunAsync(
                context,
                context.Get(database),
                () => new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)),
                name => SharedOptions.TokenOf(context, token, name),
                Duration.Parse(context.Get(every)),
                cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, Func<ServerLink> link, Func<string, string?> tokenOf, TimeSpan every, CancellationToken cancellationToken)
    {
        var options = new SyncOptions { Backoff = new Backoff { DelayMaxMs = 60_000 } };
        (options.Automatic.Quiet, options.Automatic.QuietMax) = (TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(2));
        (options.Automatic.ForegroundInterval, options.Automatic.BackgroundInterval) = (every, every > TimeSpan.FromMinutes(30) ? every : TimeSpan.FromMinutes(30));
        (options.Automatic.GateTimeout, options.Automatic.Throttle, options.Automatic.LookInterval) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));
        await using var device = OpenDevice.OpenAny(path, link, tokenOf, options);
        var watcher = new Watcher(device, context.Out);
        context.Out.Line($"Watching {device.Store.Path}; Ctrl-C stops.");
        var result = await watcher.RunAsync(cancellationToken);
        context.Out.Document(new { outcome = "stopped", result.Runs, result.Pushed, result.Pulled, result.Conflicts, result.Failures, result.DeadLetters, result.Pending });
        context.Out.Line($"Stopped after {Tables.Count(result.Runs, "run")}: pushed {Tables.TextOf(result.Pushed)}, pulled {Tables.TextOf(result.Pulled)}, waiting {Tables.TextOf(result.Pending)}.");
        return result.ExitCode;
    }
}
