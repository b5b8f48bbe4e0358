using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Cli.Syncing;

internal static class VerifyVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        return Verb.Create("verify", "Compare checksums with the server, type by type. Exit code 1 when they differ.", database, server, token)
            .Runs((context, cancellationToken) => RunAsync(
                context,
                context.Get(database),
                new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)),
                cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, ServerLink link, CancellationToken cancellationToken)
    {
        await using var device = OpenDevice.Open(path, link);
        var report = await Work.RunAsync(context.Out, steps =>
        {
            steps.Report(new WorkStep("comparing", 0, null));
            return Task.Run(() => device.Sync.VerifyAsync(cancellationToken), cancellationToken);
        });
        Show(context.Out, report);
        return report.Equal ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Show(Out output, VerifyReport report)
    {
        var table = Tables.Of("type", "#rows here", "#rows on server", "checksum here", "checksum on server", "");
        foreach (var type in report.Types)
        {
            table.Row(type.Type, type.LocalRows, type.ServerRows, ShortOf(type.LocalDigest), ShortOf(type.ServerDigest), type.Equal ? "equal" : "DIFFERS");
        }

        output.Write(table);
        output.Markup(report.Equal ? "[green]Equal.[/]" : "[red]Not equal.[/]");
        if (!report.Equal && !report.AtHead)
        {
            output.Line("The server is further on than this file: sync, then verify again.");
        }

        if (report.Pending + report.DeadLetters + report.Aside + report.Unnoticed > 0)
        {
            output.Line($"Besides: {report.Pending} edits waiting, {report.DeadLetters} dead letters, {report.Aside} rows put aside, {report.Unnoticed} changes that nothing has noted (doctor --repair notes them).");
        }

        output.Document(new
        {
            equal = report.Equal,
            atHead = report.AtHead,
            pending = report.Pending,
            deadLetters = report.DeadLetters,
            putAside = report.Aside,
            unnoticed = report.Unnoticed,
            types = report.Types.Select(t => new { type = t.Type, rows = t.LocalRows, serverRows = t.ServerRows, digest = t.LocalDigest, serverDigest = t.ServerDigest, equal = t.Equal }),
        });
    }

    private static string ShortOf(string digest) => digest.Length > 16 ? digest[..16] : digest;
}
