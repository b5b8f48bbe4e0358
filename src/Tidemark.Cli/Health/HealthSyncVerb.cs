using System.CommandLine;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Health;

internal static class HealthSyncVerb
{
    public static Command Create()
    {
        var database = ImportVerb.DatabaseOption();
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        var retry = new Option<bool>("--retry") { Description = "Send once more what the server rejected, and do not wait for the pauses of what failed." };
        var check = new Option<bool>("--check") { Description = "Then compare every day with the server's digests, and send the days again that differ." };
        return Verb.Create("sync", "Send what was imported and is not on the server yet.", database, server, token, retry, check)
            .Runs(async (context, cancellationToken) =>
            {
                var link = new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token));
                var clock = Stopwatch.StartNew();
                using var store = HealthStore.Open(context.Get(database), SyncEnvironment.System, Durability.Normal);
                using var remote = new TidemarkHttpRemote(link.Server, _ => Task.FromResult(link.Token), SyncEnvironment.System);
                var uploader = new TidemarkHealthUploader(remote);
                var sync = new HealthSync(store, new StoredHealthSource(store), uploader, DeviceOf(store.Path), new HealthSyncOptions(), SyncEnvironment.System);
                if (context.Get(retry))
                {
                    await sync.RetryAsync(null, cancellationToken);
                }

                var report = await Work.RunAsync(context.Out, steps => sync.RunAsync(Steps.Of(steps, "samples", null), cancellationToken));
                var integrity = context.Get(check) && report.Outcome == HealthOutcome.Done ? await new HealthIntegrity(store, sync, uploader).CheckAsync(null, cancellationToken) : null;
                Show(context.Out, report, integrity, clock.Elapsed);
                return (integrity?.Outcome ?? report.Outcome) switch
                {
                    HealthOutcome.Done => report.Rejected > 0 ? ExitCode.NeedsYou : ExitCode.Done,
                    HealthOutcome.Queued => ExitCode.Unreachable,
                    _ => ExitCode.Failed,
                };
            });
    }

    // The same file is the same device; nothing is decided by it.
    private static string DeviceOf(string path) => "cli-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..16];

    private static void Show(Out output, HealthSyncReport report, IntegrityReport? integrity, TimeSpan took)
    {
        output.Document(new
        {
            outcome = report.Outcome,
            captured = report.Captured,
            applied = report.Applied,
            duplicates = report.Duplicates,
            rejected = report.Rejected,
            waiting = report.Waiting,
            reason = report.Reason,
            check = integrity,
            durationMs = (long)took.TotalMilliseconds,
        });
        output.Line($"{Tables.Count(report.Captured, "sample")} in {Tables.DurationOf(took)}: {report.Applied:N0} stored, {report.Duplicates:N0} there already, {report.Rejected:N0} rejected, {report.Waiting:N0} waiting.");
        if (integrity is not null)
        {
            output.Line($"{Tables.Count(integrity.Days, "day")} compared, {integrity.Differences.Count:N0} differed; {integrity.Sent:N0} samples sent again, {integrity.Mended:N0} of them the server had not.");
        }

        if (report.Outcome != HealthOutcome.Done)
        {
            output.Warn($"Not everything could be sent ({report.Outcome}): {report.Reason ?? "run it again to go on."}");
        }
    }
}
