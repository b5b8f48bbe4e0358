using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Health.Reports;
using Tidemark.Health.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Health;

internal static class ReportVerb
{
    private const int BarWidth = 30;

    public static Command Create()
    {
        var database = ImportVerb.DatabaseOption();
        var type = new Option<string?>("--type") { Description = "The last days of one type.", HelpName = "NAME" };
        var days = new Option<int>("--days") { Description = "How many days with --type.", HelpName = "N", DefaultValueFactory = _ => 30 };
        return Verb.Create("report", "What the file holds of every type: found, sent, waiting, rejected with the reason, gaps, double samples by kind.", database, type, days)
            .Runs(async (context, cancellationToken) =>
            {
                using var store = HealthStore.Open(context.Get(database), SyncEnvironment.System, Durability.Normal);
                if (context.Get(type) is { } name)
                {
                    ShowDays(context.Out, name, await HealthReport.DaysAsync(store, name, context.Get(days), cancellationToken));
                    return ExitCode.Done;
                }

                var report = await HealthReport.OfAsync(store, cancellationToken);
                context.Out.Document(report);
                Show(context.Out, report);
                return report.Rejected.Count > 0 ? ExitCode.NeedsYou : ExitCode.Done;
            });
    }

    private static void Show(Out output, HealthReport report)
    {
        var table = Tables.Of("type", "#samples", "#deleted", "#sent", "#waiting", "#rejected", "first", "last", "#lag median", "#days", "#gaps");
        foreach (var type in report.Types)
        {
            table.Row(type.Type, type.Samples, type.Deleted, type.Sent, type.Waiting, type.Rejected, type.First, type.Last, type.LagMedian, type.Days, type.GapDays);
        }

        output.Write(table);
        output.Line($"Double samples: {report.Duplicates.SameIntervalOtherSource:N0} of one interval from several sources, {report.Duplicates.MirroredWorkouts:N0} workouts by several apps.");
        foreach (var rejected in report.Rejected)
        {
            output.Line($"  rejected: {rejected.Type} {rejected.Id} {rejected.Reason}");
        }
    }

    private static void ShowDays(Out output, string type, IReadOnlyList<DayFigure> days)
    {
        output.Document(new { type, days });
        var most = days.Count == 0 ? 0 : days.Max(d => d.Figure);
        foreach (var day in days)
        {
            output.Line($"{day.Day}  {new string('█', most > 0 ? (int)(day.Figure / most * BarWidth) : 0),-BarWidth}  {day.Figure:N1} ({day.Samples:N0})");
        }
    }
}
