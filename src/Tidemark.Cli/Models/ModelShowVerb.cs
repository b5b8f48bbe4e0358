using System.CommandLine;
using System.Text.Json.Nodes;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Models;

internal static class ModelShowVerb
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A model file (JSON)." };
        return Verb.Create("show", "Show a model: types in sync order, keys, identities, relations.", file)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(file), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, CancellationToken cancellationToken)
    {
        var model = await ModelFile.ReadAsync(path, cancellationToken);
        Show(context.Out, model);
        context.Out.Document(new
        {
            version = model.Version,
            hash = model.Hash,
            syncOrder = model.Graph.SyncOrder.Select(t => t.Name),
            model = JsonNode.Parse(SyncModelJson.ToUtf8(model)),
        });
        return ExitCode.Done;
    }

    public static void Show(Out output, SyncModel model)
    {
        output.Write(Tables.Facts(("version", model.Version), ("hash", model.Hash), ("types", model.Entities.Count)));
        var types = Tables.Of("type", "key", "identity", "#fields", "refers to");
        foreach (var type in model.Graph.SyncOrder)
        {
            var references = model.Graph.From(type).Select(e => e.Target.Name + (e.Relation.Required ? "" : "?"));
            types.Row(type.Name, string.Join(", ", type.Key), IdentityOf(type), type.Fields.Count, string.Join(", ", references));
        }

        output.Write(types);
        output.Line("In sync order, parents first; '?' marks an optional reference.");
    }

    private static string IdentityOf(EntityType type) => type.Identity == IdentityModel.ServerAssigned ? "server" : "client";
}
