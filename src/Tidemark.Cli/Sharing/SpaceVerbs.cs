using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Remotes;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Sharing;

internal static class SpaceVerbs
{
    public static Command List() => SpaceVerb.Of("list", "The spaces you may use.", async (context, spaces, cancellationToken) =>
    {
        var all = await spaces.GetSpacesAsync(withLeft: false, cancellationToken);
        var table = Tables.Of("space", "name", "role", "");
        foreach (var space in all)
        {
            table.Row(space.Space, space.Name ?? "", space.Role, space.Default ? "your own" : "shared");
        }

        context.Out.Write(table);
        context.Out.Document(new { spaces = all.Select(DocumentOf) });
    });

    public static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "What people call it.", Arity = ArgumentArity.ZeroOrOne };
        var catalog = new Option<string?>("--catalog") { Description = "Make a catalog of that name instead: everybody reads it, you and those you invite write. For administrators.", HelpName = "NAME" };
        return SpaceVerb.Of(
            "create",
            "Make a shared space; you are its owner.",
            async (context, spaces, cancellationToken) =>
            {
                var request = new SpaceRequest { Name = context.Get(name), Space = context.Get(catalog) is { } asked ? SpaceNames.CatalogPrefix + asked : null };
                Show(context, await spaces.MakeSpaceAsync(request, cancellationToken), "Made");
            },
            name, catalog);
    }

    public static void Show(VerbContext context, SpaceInfo space, string done)
    {
        context.Out.Line($"{done}: {space.Space}{(space.Name is { } name ? $" ({name})" : "")}, you are {space.Role}.");
        context.Out.Document(DocumentOf(space));
    }

    private static object DocumentOf(SpaceInfo space) => new { space = space.Space, name = space.Name, role = space.Role, @default = space.Default, head = space.Head, epoch = space.Epoch };
}
