using System.CommandLine;
using System.Globalization;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Health.Reports;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
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
        if (report.Types.Count == 0)
        {
            output.Line("No health data yet. Bring an export in with tidemark health import EXPORT --db DB.");
            return;
        }

        var table = Tables.Of("type", "#samples", "#deleted", "#sent", "#to send", "#rejected", "first", "last (UTC)", "#lag", "#days", "#gaps");
        foreach (var type in report.Types)
        {
            table.Row(type.Type, type.Samples, type.Deleted, type.Sent, type.ToSend, type.Rejected, Text(type.First, "yyyy-MM-dd"), Text(type.Last, "yyyy-MM-dd HH:mm"), type.LagMedian, type.Days, type.GapDays);
        }

        output.Write(table);
        var (left, rejected) = (report.Types.Sum(t => t.ToSend), report.Types.Sum(t => t.Rejected));
        output.Line($"{Tables.Count(report.Types.Sum(t => t.Samples), "sample")} of {Tables.Count(report.Types.Count, "type")}, {report.Types.Sum(t => t.Deleted):N0} deleted. "
            + (left == 0 && rejected == 0 ? "All of it is on the server." : $"{left:N0} to send, {rejected:N0} rejected." + (left > 0 ? " tidemark health sync sends them." : "")));
        output.Line("Lag: the median of the time from a sample's start until it was written. Gaps: days without a sample between the first and the last.");
        output.Line($"Double samples: {report.Duplicates.SameIntervalOtherSource:N0} of one interval from several sources, {report.Duplicates.MirroredWorkouts:N0} workouts by several apps.");
        foreach (var item in report.Rejected)
        {
            output.Line($"  rejected: {item.Type} {item.Id} {item.Reason}");
        }
    }

    private static string? Text(DateTimeOffset? time, string format) => time?.ToString(format, CultureInfo.InvariantCulture);

    private static void ShowDays(Out output, string type, IReadOnlyList<DayFigure> days)
    {
        output.Document(new { type, days });
        if (days.Count == 0)
        {
            output.Line($"There are no samples of {type}. tidemark health report --db DB lists the types.");
            return;
        }

        var known = HealthTypes.Find(type);
        var figure = known?.Aggregation switch
        {
            HealthAggregation.Sum => $"sum of the UTC day in {known.Unit}, all sources together",
            HealthAggregation.Duration => "seconds of the UTC day",
            HealthAggregation.Count => "how many on the UTC day",
            _ => known?.Unit is { } unit ? $"mean of the UTC day in {unit}" : "mean of the UTC day, or how many",
        };
        output.Line($"{type}: {figure} (and of how many samples)");
        var most = days.Count == 0 ? 0 : days.Max(d => d.Figure);
        foreach (var day in days)
        {
            output.Line($"{day.Day}  {new string('█', most > 0 ? (int)(day.Figure / most * BarWidth) : 0),-BarWidth}  {day.Figure:N1} ({day.Samples:N0})");
        }
    }
}
