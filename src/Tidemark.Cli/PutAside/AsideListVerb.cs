using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.PutAside;

internal static class AsideListVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        return Verb.Create("list", "Rows put aside, the oldest version first, with their causes.", database)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).Aside())));
    }

    private static ExitCode Show(Out output, IReadOnlyList<AsideItem> items)
    {
        var table = Tables.Of("type", "key", "#version", "cause", "since", "#tries", "detail");
        foreach (var item in items)
        {
            table.Row(item.Type, Tables.Short(item.Key, 40), item.Version, item.Cause, item.Since, item.Tries, Tables.Short(item.Detail ?? "", 80));
        }

        if (items.Count == 0)
        {
            output.Line("Nothing is put aside.");
        }
        else
        {
            output.Write(table);
        }

        output.Document(new { aside = items });
        return ExitCode.Done;
    }
}
