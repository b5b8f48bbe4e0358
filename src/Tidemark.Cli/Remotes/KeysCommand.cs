using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Several;

namespace Tidemark.Cli.Remotes;

/// <summary>`tidemark keys ...`: the keys of encrypted fields.</summary>
internal static class KeysCommand
{
    public const string Name = "keys";
    public const string PassphraseVariable = "TIDEMARK_PASSPHRASE";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "create", "unlock", "rotate"];

    public static Command Create() => Verb.Create(
        Name, $"Keys of encrypted fields: list, create, unlock, rotate. The passphrase comes from {PassphraseVariable}; without it nobody can read the fields, no server either.",
        List(), Make(), Unlock(), Rotate());

    private static Command List()
    {
        var database = SharedOptions.Database();
        return Verb.Create("list", "The keys this file can read with, the newest last, and those that came wrapped.", database).Runs((context, _) => Stores.LookAsync(context.Get(database), store =>
        {
            var several = new SeveralRemotes(store);
            var ring = several.ReadKeys();
            var wrapped = several.ReadWrapped().SelectMany(WrappedKeys.List).ToList();
            var table = Tables.Of("key", "#epoch", "here", "wrapped");
            foreach (var (id, epoch) in ring.Keys.Select(k => (k.Id, k.Epoch)).Concat(wrapped).Distinct().OrderBy(k => k.Epoch))
            {
                table.Row(id.ToString("D"), epoch, ring.Find(id) is null ? "no: `keys unlock`" : ring.Current!.Id == id ? "current" : "yes", wrapped.Any(w => w.Id == id) ? "yes" : "no");
            }

            context.Out.Write(table);
            context.Out.Document(new { keys = ring.Keys.Select(k => new { id = k.Id, epoch = k.Epoch }), wrapped = wrapped.Select(w => new { id = w.Id, epoch = w.Epoch }) });
            return ExitCode.Done;
        }));
    }

    private static Command Make() => OfKeys("create", "Make the first key; it goes to all remotes, wrapped by the passphrase.", async (several, passphrase, cancellationToken) =>
    {
        if (several.ReadKeys().Current is not null || several.ReadWrapped().Count > 0)
        {
            throw VerbException.Failed("NOT_ALLOWED", "There is a key already: `keys unlock` makes one that came with the rows readable, `keys rotate` makes another.");
        }

        return await several.RotateAsync(passphrase, SyncEnvironment.System, cancellationToken);
    });

    private static Command Unlock() => OfKeys("unlock", "Open the wrapped keys that came with a sync; the next one merges what waited for them.", async (several, passphrase, cancellationToken) =>
    {
        if (several.ReadWrapped().Count == 0)
        {
            throw VerbException.Failed("NOT_FOUND", "No wrapped key has come yet: sync first.");
        }

        var before = several.ReadKeys().Keys.Count;
        var (ring, closed) = await several.UnlockAsync(passphrase, SyncEnvironment.System, cancellationToken);
        return closed.Count == 0
            ? ring
            : throw VerbException.Failed("NOT_ALLOWED", $"{ring.Keys.Count - before} keys were opened; the passphrase is not the one of {string.Join(", ", closed.Select(id => id.ToString("D")))}. Run it again with that one.");
    });

    private static Command Rotate() => OfKeys("rotate", "Make another key: new values are encrypted under it, older ones again by the next syncs. Former keys are kept for what still names them.", async (several, passphrase, cancellationToken) =>
    {
        if (several.ReadKeys().Current is null)
        {
            throw VerbException.Failed("NOT_FOUND", "There is no key yet: `keys create`, or `keys unlock` where another device has made one.");
        }

        try
        {
            return await several.RotateAsync(passphrase, SyncEnvironment.System, cancellationToken);
        }
        catch (FieldCipherException e)
        {
            throw VerbException.Failed("NOT_ALLOWED", e.Message);
        }
    });

    private static Command OfKeys(string verb, string description, Func<SeveralRemotes, string, CancellationToken, Task<KeyRing>> work)
    {
        var database = SharedOptions.Database();
        return Verb.Create(verb, description, database).Runs(async (context, cancellationToken) =>
        {
            var passphrase = Environment.GetEnvironmentVariable(PassphraseVariable);
            if (string.IsNullOrEmpty(passphrase))
            {
                throw VerbException.Usage($"Set {PassphraseVariable}: whoever has it can read the encrypted fields, and nobody else.");
            }

            await using var store = Stores.Open(context.Get(database));
            var several = new SeveralRemotes(store);
            if (!several.IsInUse)
            {
                throw VerbException.Failed("NOT_ALLOWED", "Keys lie with the remotes of a file: `tidemark remotes add` first.");
            }

            var ring = await work(several, passphrase, cancellationToken);
            context.Out.Line($"{ring.Keys.Count} keys; the current one is {ring.Current!.Id:D} (epoch {ring.Current.Epoch}). `tidemark sync` goes on.");
            context.Out.Document(new { keys = ring.Keys.Select(k => new { id = k.Id, epoch = k.Epoch }), current = ring.Current.Id });
            return ExitCode.Done;
        });
    }
}
