using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Cli.Syncing;

internal static class SyncVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        var pushOnly = new Option<bool>("--push-only") { Description = "Send what waits; fetch nothing." };
        var pullOnly = new Option<bool>("--pull-only") { Description = "Fetch what others wrote; send nothing." };
        var manyDeletes = new Option<bool>("--allow-deletes") { Description = "The answer to DELETE_LIMIT: delete all the same, however many rows." };
        var command = Verb.Create("sync", "One run: send what waits, fetch what others wrote, report.", database, server, token, pushOnly, pullOnly, manyDeletes);
        command.Validators.Add(result =>
        {
            if (result.GetValue(pushOnly) && result.GetValue(pullOnly))
            {
                result.AddError("--push-only and --pull-only exclude each other; without either, both are done.");
            }
        });
        return command.Runs((context, cancellationToken) =>
        {
            var mode = context.Get(pushOnly) ? SyncMode.PushOnly : context.Get(pullOnly) ? SyncMode.PullOnly : SyncMode.Full;
            var options = new SyncOptions();
            options.Pull.AllowManyDeletes = context.Get(manyDeletes);
            return RunAsync(
                context,
                () => OpenDevice.OpenAny(
                    context.Get(database), () => new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)), name => SharedOptions.TokenOf(context, token, name), options),
                mode, cancellationToken);
        });
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, Func<OpenDevice> open, SyncMode mode, CancellationToken cancellationToken)
    {
        await using var device = open();
        var report = await Work.RunAsync(context.Out, steps => device.Sync.SyncAsync(mode, "user", SyncText.ProgressTo(steps), cancellationToken));
        context.Out.Document(SyncText.DocumentOf(report));
        SyncText.Show(context.Out, report);
        return SyncText.ExitOf(report);
    }
}
