using System.CommandLine;
using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Several;

namespace Tidemark.Cli.Inspecting;

internal static class StatusVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        return Verb.Create("status", "What is synced, what waits, what needs a person. Exit code 3 when something does.", database)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).Status(), new SeveralRemotes(store))));
    }

    private static ExitCode Show(Out output, StoreStatus status, SeveralRemotes several)
    {
        var (remotes, quarantine, held) = (several.Read(), several.ReadQuarantine(), several.ReadWaiting());
        var (pending, dead, aside) = (status.Types.Sum(t => t.Pending), status.Types.Sum(t => t.DeadLetters), status.Types.Sum(t => t.Aside));
        output.Write(Tables.Facts(
            ("file", status.Path),
            ("user", status.User.Length == 0 ? "not synced yet" : status.User),
            ("device", status.DeviceId),
            ("last run", LastRunOf(status)),
            ("waiting", pending),
            ("dead letters", dead),
            ("put aside", aside)));
        var types = Tables.Of("type", "#rows", "#synced", "#waiting", "#dead letters", "#put aside");
        foreach (var type in status.Types)
        {
            types.Row(type.Type, type.Rows, type.Synced, type.Pending, type.DeadLetters, type.Aside);
        }

        output.Write(types);
        foreach (var remote in remotes)
        {
            output.Line($"{remote.Name}: {remote.Owed:N0} waiting, {remote.Refused:N0} refused, {remote.Quarantined:N0} in quarantine{((remote.Question ?? remote.Trouble) is { } trouble ? ": " + trouble : "")}");
        }

        foreach (var (type, key, rule) in held)
        {
            output.Line($"{type} {Tables.Short(key, 40)} stays here until all remotes are there, or a person has decided: {rule}");
        }

        foreach (var row in status.Diverged)
        {
            output.Markup($"[yellow]diverged:[/] {row.EscapeMarkup()}");
        }

        foreach (var warning in status.Warnings)
        {
            output.Warn(warning);
        }

        output.Document(new
        {
            database = status.Path,
            user = status.User,
            deviceId = status.DeviceId,
            storeId = status.StoreId,
            modelHash = status.ModelHash,
            pending,
            deadLetters = dead,
            putAside = aside,
            diverged = status.Diverged,
            resync = status.Remote.Resync,
            types = status.Types,
            lastRun = status.LastRun,
            warnings = status.Warnings,
            remotes,
            quarantine = quarantine.Count,
            held = held.Select(h => new { type = h.Type, key = h.Key, rule = h.Rule }),
        });
        return dead > 0 || quarantine.Any(q => q.Cause == "PersonNeeded") || remotes.Any(r => r.Refused > 0 || r.Question is not null) ? ExitCode.NeedsYou : ExitCode.Done;
    }

    private static string LastRunOf(StoreStatus status) => status.LastRun is { } run
        ? $"{Tables.TimeOf(run.StartedAt)}, {run.Outcome.ToLowerInvariant()}{(run.Error is { } error ? ": " + Tables.Short(error, 100) : "")}"
        : "never";
}
