using System.CommandLine;
using Tidemark.Cli.Administering;
using Tidemark.Cli.Adopting;
using Tidemark.Cli.Checking;
using Tidemark.Cli.Conflicts;
using Tidemark.Cli.DeadLetters;
using Tidemark.Cli.Demonstrating;
using Tidemark.Cli.Duplicates;
using Tidemark.Cli.Health;
using Tidemark.Cli.Inspecting;
using Tidemark.Cli.Models;
using Tidemark.Cli.PutAside;
using Tidemark.Cli.Remotes;
using Tidemark.Cli.Running;
using Tidemark.Cli.Serving;
using Tidemark.Cli.Sharing;
using Tidemark.Cli.Simulating;
using Tidemark.Cli.Syncing;

namespace Tidemark.Cli;

/// <summary>The command tree.</summary>
internal static class TidemarkCommand
{
    public static RootCommand Create()
    {
        var root = new RootCommand("""
            Tidemark keeps an app's SQLite database and its server in step: the app writes as if nothing else existed, every write is
            captured in the same transaction, pushed when there is a network, and what others wrote comes back - merged, checked, atomic.

            Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something needs a person; 4 authentication; 5 no network or server.
            TIDEMARK_SERVER and TIDEMARK_TOKEN stand in for --server and --token.
            """);
        root.Add(SharedOptions.Json);
        root.Add(SharedOptions.NoColor);
        foreach (var command in Commands())
        {
            root.Add(command);
        }

        return root;
    }

    /// <summary>`dead-letters DB show ID` is the same as `dead-letters show DB ID`, and `dead-letters DB` lists; so for outbox, conflicts, duplicates, aside, remotes and keys.</summary>
    public static string[] Normalize(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        IReadOnlyList<string> verbs = args.FirstOrDefault() switch
        {
            OutboxVerb.Name => OutboxVerb.Verbs,
            DeadLettersCommand.Name => DeadLettersCommand.Verbs,
            ConflictsCommand.Name => ConflictsCommand.Verbs,
            DuplicatesCommand.Name => DuplicatesCommand.Verbs,
            AsideCommand.Name => AsideCommand.Verbs,
            RemotesCommand.Name => RemotesCommand.Verbs,
            KeysCommand.Name => KeysCommand.Verbs,
            _ => [],
        };
        if (verbs.Count == 0 || args.Length < 2 || args[1] is "--help" or "-h" or "-?" || verbs.Contains(args[1], StringComparer.Ordinal))
        {
            return args;
        }

        return args.Length > 2 && verbs.Contains(args[2], StringComparer.Ordinal)
            ? [args[0], args[2], args[1], .. args[3..]]
            : [args[0], "list", .. args[1..]];
    }

    private static Command[] Commands() =>
    [
        DemoVerb.Create(),
        ServeVerb.Create(),
        TokenVerb.Create(),
        AdminCommand.Create(),
        AdoptVerb.Create(),
        CloneVerb.Create(),
        SyncVerb.Create(),
        WatchVerb.Create(),
        StatusVerb.Create(),
        HistoryVerb.Create(),
        OutboxVerb.Create(),
        DeadLettersCommand.Create(),
        ConflictsCommand.Create(),
        DuplicatesCommand.Create(),
        AsideCommand.Create(),
        RemotesCommand.Create(),
        KeysCommand.Create(),
        ExplainVerb.Create(),
        CursorsVerb.Create(),
        VerifyVerb.Create(),
        DoctorVerb.Create(),
        SpacesCommand.Create(),
        CatalogCommand.Create(),
        ModelCommand.Create(),
        HealthCommand.Create(),
        SimulateVerb.Create(),
    ];
}
