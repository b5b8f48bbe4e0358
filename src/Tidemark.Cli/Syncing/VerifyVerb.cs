using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Cli.Syncing;

internal static class VerifyVerb
{
    private const int ShownMax = 20;

    public static Command Create()
    {
        var database = SharedOptions.Database();
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        var repair = new Option<bool>("--repair") { Description = "Fetch the rows that differ, and no others. With several remotes a run follows, which sends again what one of them has lost." };
        return Verb.Create("verify", "Compare checksums with the server, type by type, and name the rows that differ. Exit code 1 when they do. A file with several remotes is compared with each of them, by a listing of all that it has.", database, server, token, repair)
            .Runs((context, cancellationToken) => RunAsync(
                context,
                context.Get(database),
                () => new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)),
                name => SharedOptions.TokenOf(context, token, name),
                context.Get(repair),
                cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, Func<ServerLink> link, Func<string, string?> tokenOf, bool repair, CancellationToken cancellationToken)
    {
        await using var device = OpenDevice.OpenAny(path, link, tokenOf, new SyncOptions());
        Task<VerifyReport> CompareAsync() => Work.RunAsync(context.Out, steps =>
        {
            steps.Report(new WorkStep("comparing", 0, null));
            return Task.Run(() => device.Sync.VerifyAsync(cancellationToken), cancellationToken);
        });
        var report = await CompareAsync();
        var repaired = 0;
        if (repair && report.Types.Any(t => t.Differences.Count > 0))
        {
            if (report.Unnoticed > 0)
            {
                throw VerbException.Failed("UNNOTICED", "There are changes here that nothing has noted; a repair would overwrite them. Run `tidemark doctor --repair` first.");
            }

            repaired = await device.Sync.RepairAsync(report, cancellationToken);
            context.Out.Line($"{repaired} rows were repaired.");
            report = await CompareAsync();
        }

        Show(context.Out, report, repaired);
        return report.Equal ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Show(Out output, VerifyReport report, int repaired)
    {
        var table = Tables.Of("type", "#rows here", "#rows on server", "checksum here", "checksum on server", "");
        foreach (var type in report.Types)
        {
            table.Row(NameOf(type), type.LocalRows, type.ServerRows, ShortOf(type.LocalDigest), ShortOf(type.ServerDigest), type.Equal ? "equal" : "DIFFERS");
        }

        output.Write(table);
        output.Markup(report.Equal ? "[green]Equal.[/]" : "[red]Not equal.[/]");
        foreach (var type in report.Types.Where(t => t.Differences.Count > 0))
        {
            foreach (var row in type.Differences.Take(ShownMax))
            {
                output.Line($"  {NameOf(type)} {row.Key}: {TextOf(row.Kind)}");
            }

            if (type.Differences.Count > ShownMax)
            {
                output.Line($"  ... and {type.Differences.Count - ShownMax} more of {NameOf(type)}");
            }
        }

        foreach (var (remote, trouble) in report.Absent)
        {
            output.Line($"{remote} could not be asked: {trouble}");
        }

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
            repaired,
            absent = report.Absent.Select(a => new { remote = a.Key, message = a.Value }),
            types = report.Types.Select(t => new { type = t.Type, remote = t.Remote, space = t.Space, differences = t.Differences.Select(d => new { key = d.Key, kind = TextOf(d.Kind) }), rows = t.LocalRows, serverRows = t.ServerRows, digest = t.LocalDigest, serverDigest = t.ServerDigest, equal = t.Equal }),
        });
    }

    private static string NameOf(TypeVerification type) => type.Remote is { } remote ? $"{remote} {type.Type}" : type.Type;

    private static string TextOf(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Missing => "missing here",
        DifferenceKind.Extra => "not on the server",
        _ => "different",
    };

    private static string ShortOf(string digest) => digest.Length > 16 ? digest[..16] : digest;
}
