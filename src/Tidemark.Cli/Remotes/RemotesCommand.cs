using System.CommandLine;
using System.Text.RegularExpressions;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Remotes.Several;

namespace Tidemark.Cli.Remotes;

/// <summary>`tidemark remotes ...`: a file with several remotes.</summary>
internal static class RemotesCommand
{
    public const string Name = "remotes";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "add", "remove", "reset", "quarantine", "waiting", "discard"];

    public static Command Create() => Verb.Create(
        Name, "Several remotes for one file: list, add, remove, reset, quarantine, waiting, discard. `remotes DB` lists them and what is owed to each; `sync DB` goes over all.",
        List(), Add(), Remove(), Reset(), Quarantine(), Waiting(), Discard());

    private static Command List()
    {
        var database = SharedOptions.Database();
        return Verb.Create("list", "The remotes of a file, what each lacks, what waits in quarantine.", database)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new SeveralRemotes(store).Read())));
    }

    private static Command Add()
    {
        var (database, name) = (SharedOptions.Database(), NameArgument());
        var address = new Argument<string>("URL") { Description = "The Tidemark server's address." };
        return Verb.Create("add", "Name a remote, or give one another address. The first one takes the file the way for several; it must not have been synced before.", database, name, address).Runs(async (context, cancellationToken) =>
        {
            if (!Regex.IsMatch(context.Get(name), "^[a-z][a-z0-9-]{0,30}$", RegexOptions.None, TimeSpan.FromSeconds(1)))
            {
                throw VerbException.Usage("A remote's name has small letters, digits and hyphens: home, office-2.");
            }

            await using var store = Stores.Open(context.Get(database));
            var several = new SeveralRemotes(store);
            await several.AddAsync(context.Get(name), SharedOptions.AddressOf(context.Get(address)).AbsoluteUri, cancellationToken);
            context.Out.Line($"{context.Get(name)} is a remote of {store.Path}. `tidemark sync` takes its token from {SharedOptions.TokenVariableOf(context.Get(name))}, else from --token.");
            foreach (var rule in several.RulesOfAll)
            {
                context.Out.Line($"{rule} decides when all remotes are there: until then an edit that it concerns stays in this file.");
            }

            foreach (var rule in several.RulesLeftOut)
            {
                context.Out.Line($"{rule} needs one server that decides: with remotes of its own the later edit stands in this file.");
            }

            context.Out.Document(new { added = context.Get(name), rulesOfAll = several.RulesOfAll, rulesLeftOut = several.RulesLeftOut });
            return ExitCode.Done;
        });
    }

    private static Command Remove() => Named(
        "remove", "Forget a remote. No row goes, here or there.", (several, name, token) => several.RemoveAsync(name, token), "is no remote of this file any more");

    private static Command Reset() => Named(
        "reset", "Forget what a remote has shown and who was signed in: it is listed anew and gets what it lacks. After another account, or an emptied server.", (several, name, token) => several.ResetAsync(name, token),
        "is listed anew by the next sync");

    private static Command Quarantine()
    {
        var database = SharedOptions.Database();
        return Verb.Create("quarantine", "Rows that a remote shows and that cannot be merged yet, and merged rows that cannot be shown, with their causes.", database).Runs((context, _) => Stores.LookAsync(context.Get(database), store =>
        {
            var items = new SeveralRemotes(store).ReadQuarantine();
            var table = Tables.Of("remote", "type", "key", "cause", "since", "#tries", "detail");
            foreach (var item in items)
            {
                table.Row(item.Remote ?? "(here)", item.Type, Tables.Short(item.Key, 40), item.Cause, item.Since is { } since ? Tables.TimeOf(since) : "", item.Tries, Tables.Short(item.Detail ?? "", 80));
            }

            if (items.Count == 0)
            {
                context.Out.Line("Nothing is in quarantine.");
            }
            else
            {
                context.Out.Write(table);
            }

            context.Out.Document(new { quarantine = items });
            return ExitCode.Done;
        }));
    }

    private static Command Waiting()
    {
        var database = SharedOptions.Database();
        return Verb.Create("waiting", "Edits that no remote has yet, because their rule decides only when all remotes are there, or by a person.", database).Runs((context, _) => Stores.LookAsync(context.Get(database), store =>
        {
            var waiting = new SeveralRemotes(store).ReadWaiting();
            var table = Tables.Of("type", "key", "rule");
            foreach (var (type, key, rule) in waiting)
            {
                table.Row(type, Tables.Short(key, 40), rule);
            }

            if (waiting.Count == 0)
            {
                context.Out.Line("No edit waits for other remotes.");
            }
            else
            {
                context.Out.Write(table);
            }

            context.Out.Document(new { waiting = waiting.Select(w => new { type = w.Type, key = w.Key, rule = w.Rule }) });
            return ExitCode.Done;
        }));
    }

    private static Command Discard()
    {
        var (database, name) = (SharedOptions.Database(), NameArgument());
        var type = new Argument<string>("TYPE") { Description = "The entity type." };
        var key = new Argument<string>("ID") { Description = "The row's key." };
        return Verb.Create("discard", "Give up a row in quarantine: what is known here is sent over it. A record is kept (`conflicts DB`).", database, name, type, key).Runs(async (context, cancellationToken) =>
        {
            await using var store = Stores.Open(context.Get(database));
            var several = new SeveralRemotes(store);
            var (remote, entity, id) = (context.Get(name), context.Get(type), context.Get(key));
            if (!await several.DiscardAsync(remote, entity, System.Text.Json.JsonSerializer.Serialize(id), cancellationToken) && !await several.DiscardAsync(remote, entity, id, cancellationToken))
            {
                throw VerbException.Failed("NOT_FOUND", $"No {entity} {id} of {remote} is in quarantine.");
            }

            context.Out.Line($"{entity} {id} of {remote} is given up.");
            context.Out.Document(new { discarded = new { remote, type = entity, key = id } });
            return ExitCode.Done;
        });
    }

    private static Command Named(string verb, string description, Func<SeveralRemotes, string, CancellationToken, Task<bool>> work, string said)
    {
        var (database, name) = (SharedOptions.Database(), NameArgument());
        return Verb.Create(verb, description, database, name).Runs(async (context, cancellationToken) =>
        {
            await using var store = Stores.Open(context.Get(database));
            if (!await work(new SeveralRemotes(store), context.Get(name), cancellationToken))
            {
                throw VerbException.Failed("NOT_FOUND", $"This file has no remote {context.Get(name)}.");
            }

            context.Out.Line($"{context.Get(name)} {said}.");
            context.Out.Document(new { remote = context.Get(name), done = verb });
            return ExitCode.Done;
        });
    }

    private static Argument<string> NameArgument() => new("NAME") { Description = "The remote's name in this file." };

    private static ExitCode Show(Out output, IReadOnlyList<RemoteStanding> remotes)
    {
        var table = Tables.Of("remote", "address", "user", "#waiting", "#refused", "#quarantine", "last there", "trouble");
        foreach (var r in remotes)
        {
            table.Row(r.Name, r.Address, r.User ?? "", r.Owed, r.Refused, r.Quarantined, r.SyncedAt is { } at ? Tables.TimeOf(at) : "never", Tables.Short(r.Question ?? r.Trouble ?? "", 100));
        }

        if (remotes.Count == 0)
        {
            output.Line("This file has no remotes of its own: it is synced with the server that `sync` names.");
        }
        else
        {
            output.Write(table);
        }

        output.Document(new { remotes });
        return remotes.Any(r => r.Refused > 0 || r.Question is not null) ? ExitCode.NeedsYou : ExitCode.Done;
    }
}
