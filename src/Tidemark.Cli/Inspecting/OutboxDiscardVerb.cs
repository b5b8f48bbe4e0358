using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.Inspecting;

internal static class OutboxDiscardVerb
{
    public const string Name = "discard";

    public static Command Create()
    {
        var database = SharedOptions.Database();
        var yes = new Option<bool>("--yes") { Description = "Do it. Without this it says what would be taken back, and changes nothing." };
        return Verb.Create(Name, "Take everything back that waits, dead letters included: each row is again as the server last showed it, and a record is kept (`conflicts DB`).", database, yes)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(yes), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, bool isMeant, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var ledger = new StoreInspector(store).Status().Ledger;
        if (!isMeant)
        {
            context.Out.Line($"{Tables.Count(ledger.Waiting, "change")} waiting and {Tables.Count(ledger.Dead, "change")} in dead letters would be taken back. Nothing was changed; --yes does it.");
            context.Out.Document(new { discarded = 0, waiting = ledger.Waiting, dead = ledger.Dead, left = Array.Empty<string>() });
            return ledger.Waiting + ledger.Dead > 0 ? ExitCode.NeedsYou : ExitCode.Done;
        }

        var report = await store.DiscardWaitingAsync("Discarded by `tidemark outbox discard`.", cancellationToken);
        ledger = new StoreInspector(store).Status().Ledger;
        context.Out.Line($"{Tables.Count(report.Rows, "row")} taken back. `tidemark conflicts DB` lists what they were; `conflicts settle DB ID --take local` brings one back.");
        report.Left.ToList().ForEach(row => context.Out.Warn($"{row} waits still: its value does not fit, or what the server has is not known."));
        context.Out.Document(new { discarded = report.Rows, waiting = ledger.Waiting, dead = ledger.Dead, left = report.Left });
        return report.Left.Count > 0 ? ExitCode.NeedsYou : ExitCode.Done;
    }
}
