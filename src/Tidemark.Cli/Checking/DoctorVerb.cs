using System.CommandLine;
using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.Checking;

internal static class DoctorVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var repair = new Option<bool>("--repair") { Description = "Put right what can be: capture and what it missed, indexes, orphans, cursors, claims and back-offs that hold up, a log that has grown. Nothing that waits is dropped." };
        return Verb.Create("doctor", "Examine the file: damage, indexes, capture, unnoticed changes, orphans, cursors, the ledger, duplicates, what is stuck. Exit code 1 on a fault, 3 when a person is needed.", database, repair)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(repair), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, bool repair, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var report = await Work.RunAsync(context.Out, steps =>
        {
            steps.Report(new WorkStep("examining", 0, null));
            return Task.Run(() => new StoreDoctor(store, SyncEnvironment.System).ExamineAsync(repair, cancellationToken), cancellationToken);
        });
        Show(context.Out, report);
        return !report.Healthy ? ExitCode.Failed : report.NeedsPerson ? ExitCode.NeedsYou : ExitCode.Done;
    }

    private static void Show(Out output, DoctorReport report)
    {
        foreach (var finding in report.Findings)
        {
            output.Markup($"{MarkOf(finding)} {finding.Message.EscapeMarkup()} [grey]({finding.Code})[/]");
            if (!finding.Repaired)
            {
                output.Line($"         {finding.Cure}");
            }
        }

        var l = report.Ledger;
        output.Line($"Ledger: {l.Captured:N0} captured = {l.Accepted:N0} accepted + {l.Folded:N0} folded + {l.Absorbed:N0} absorbed + {l.Discarded:N0} discarded + {l.Dead:N0} dead + {l.Waiting:N0} waiting: {(l.AddsUp ? "adds up" : "DOES NOT ADD UP")}");
        output.Markup(report.Healthy ? "[green]Healthy.[/]" : "[red]Not healthy.[/]");
        output.Document(new
        {
            healthy = report.Healthy,
            needsPerson = report.NeedsPerson,
            findings = report.Findings,
            ledger = new { l.Captured, l.Accepted, l.Folded, l.Absorbed, l.Discarded, l.Dead, l.Waiting, balanced = l.AddsUp },
        });
    }

    private static string MarkOf(DoctorFinding finding) => finding switch
    {
        { Repaired: true } => "[green]repaired[/]",
        { Severity: FindingSeverity.Fault } => "[red]fault   [/]",
        { Severity: FindingSeverity.Warning } => "[yellow]warning [/]",
        _ => "[grey]note    [/]",
    };
}
