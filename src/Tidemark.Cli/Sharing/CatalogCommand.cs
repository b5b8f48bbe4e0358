using System.CommandLine;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Snapshots;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Sharing;

/// <summary>`tidemark catalog ...`: public rows as files.</summary>
internal static class CatalogCommand
{
    public static Command Create() => Verb.Create(
        "catalog",
        "Catalogs, which everybody reads: export one as a file to ship with an app, seed a database from such a file. `spaces create --catalog NAME` makes one.",
        Export(),
        Seed());

    private static Command Export()
    {
        var name = new Argument<string>("NAME") { Description = "The catalog's name." };
        var file = new Argument<string>("FILE") { Description = "The file to make; it must not exist." };
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        return Verb.Create("export", "Fetch a catalog as a file; its cursor is in it.", name, file, server, token).Runs(async (context, cancellationToken) =>
        {
            var (address, bearer) = (SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token));
            if (File.Exists(context.Get(file)))
            {
                throw VerbException.Failed("EXISTS", $"{context.Get(file)} exists already.");
            }

            using var remote = new TidemarkHttpRemote(address, _ => Task.FromResult(bearer), SyncEnvironment.System);
            var space = SpaceNames.CatalogPrefix + context.Get(name);
            var manifest = await remote.GetSnapshotAsync(space, cancellationToken);
            if (!manifest.Offered)
            {
                throw VerbException.Failed("NOT_OFFERED", "This server makes no files of its catalogs.");
            }

            await CatalogFile.FetchAsync(remote, space, manifest, context.Get(file), cancellationToken);
            context.Out.Line($"{manifest.Rows} rows, {manifest.Bytes} bytes, as of {WireTime.OfPosition(manifest.Mark!.Position)}.");
            context.Out.Document(new { catalog = context.Get(name), rows = manifest.Rows, bytes = manifest.Bytes, position = manifest.Mark.Position, etag = manifest.ETag });
            return ExitCode.Done;
        });
    }

    private static Command Seed()
    {
        var database = SharedOptions.Database();
        var file = new Argument<string>("FILE") { Description = "A file that `catalog export` made." };
        return Verb.Create("seed", "Bring a catalog's file into a database, offline. One that is older than what is there changes nothing.", database, file).Runs(async (context, _) =>
        {
            await using var store = Stores.Open(context.Get(database));
            var rows = store.SeedCatalogs([context.Get(file)]);
            context.Out.Line(rows > 0 ? $"{rows} rows." : "Nothing newer in it.");
            context.Out.Document(new { rows });
            return ExitCode.Done;
        });
    }
}
