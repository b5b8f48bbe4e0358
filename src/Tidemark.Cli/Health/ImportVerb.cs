using System.CommandLine;
using System.Diagnostics;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Health.Apple;
using Tidemark.Health.HealthConnect;
using Tidemark.Health.Importing;
using Tidemark.Health.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Health;

internal static class ImportVerb
{
    public static Command Create()
    {
        var export = new Argument<string>("EXPORT") { Description = "An Apple Health export (the zip, the folder it unpacks to, or its export.xml) or one of Health Connect (the zip, or the database in it)." };
        var database = DatabaseOption();
        var whole = new Option<bool>("--delete-types") { Description = "Delete samples also of types that the export has none of any more. Without it they stay: a type that may not be read looks the same." };
        return Verb.Create("import", "Bring an export into a database: what is new is added, what has changed replaced, what is gone deleted. A second time changes nothing; stopped, it goes on when it is run again.", export, database, whole)
            .Runs(async (context, cancellationToken) =>
            {
                var clock = Stopwatch.StartNew();
                var report = await RunAsync(context, context.Get(export), context.Get(database), context.Get(whole), cancellationToken);
                Show(context.Out, report, clock.Elapsed);
                return ExitCode.Done;
            });
    }

    public static Option<string> DatabaseOption() => new("--db") { Description = "The device's SQLite file; made when missing. The tables of health data are put beside others.", HelpName = "DB", Required = true };

    private static async Task<ImportReport> RunAsync(VerbContext context, string path, string database, bool deleteWholeTypes, CancellationToken cancellationToken)
    {
        try
        {
            var options = new ImportOptions { DeleteWholeTypes = deleteWholeTypes };
            if (HealthConnectExport.IsOne(path))
            {
                using var records = HealthConnectExport.Open(path);
                using var file = HealthStore.Open(database, SyncEnvironment.System, Durability.Normal);
                return await Work.RunAsync(context.Out, steps => Task.Run(() => ConnectImport.RunAsync(records, file, options, new Progress(steps), cancellationToken), cancellationToken));
            }

            using var export = AppleHealthExport.Open(path);
            using var store = HealthStore.Open(database, SyncEnvironment.System, Durability.Normal);
            return await Work.RunAsync(context.Out, steps => Task.Run(() => AppleImport.RunAsync(export, store, options, new Progress(steps), cancellationToken), cancellationToken));
        }
        catch (HealthExportException e)
        {
            throw VerbException.Failed("EXPORT_INVALID", e.Message);
        }
    }

    private static void Show(Out output, ImportReport report, TimeSpan took)
    {
        output.Document(new
        {
            outcome = "done",
            found = report.Found,
            added = report.Added,
            changed = report.Changed,
            deleted = report.Deleted,
            same = report.Same,
            repeated = report.Repeated,
            complete = report.Complete,
            resumed = report.Resumed,
            withheld = report.Withheld,
            repairs = report.Repairs,
            unknownElements = report.UnknownElements,
            durationMs = (long)took.TotalMilliseconds,
        });
        output.Line($"{Tables.Count(report.Found, "sample")} found in {Tables.DurationOf(took)}: {report.Added:N0} added, {report.Changed:N0} changed, {report.Deleted:N0} deleted, {report.Same:N0} there already.");
        foreach (var (repair, count) in report.Repairs)
        {
            output.Line($"  mended: {repair} {count:N0}");
        }

        if (!report.Complete)
        {
            output.Warn("The export breaks off before its end, or is damaged; nothing was deleted because of it.");
        }

        if (report.Withheld.Count > 0)
        {
            output.Warn($"The export has nothing of {string.Join(", ", report.Withheld)} any more; what is there was kept. --delete-types deletes it.");
        }
    }

    private sealed class Progress(IProgress<WorkStep> steps) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value)
        {
            steps.Report(new WorkStep("MB of the export", value.Bytes / 1_000_000, value.BytesTotal / 1_000_000));
            steps.Report(new WorkStep("samples", value.Samples, null));
        }
    }
}
