using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Client.Coordination;

namespace Tidemark.Cli.Demonstrating;

/// <summary>The end of the demo: every table with its checksums, every claim with its proof.</summary>
internal static class DemoSummary
{
    public static async Task ShowAsync(Out output, DemoStory story, CancellationToken cancellationToken)
    {
        var (phone, laptop) = (await story.Phone.VerifyAsync(cancellationToken), await story.Laptop.VerifyAsync(cancellationToken));
        output.Line();
        output.Write(TableOf(phone, laptop));
        story.Check("phone and server have equal checksums", phone.Equal);
        story.Check("laptop and server have equal checksums", laptop.Equal);
        foreach (var device in new[] { story.Phone, story.Laptop })
        {
            var status = await device.StatusAsync();
            var ledger = status.Ledger;
            story.Check(
                $"{device.Name}: every captured edit has its end: {ledger.Captured:N0} = {ledger.Accepted:N0} accepted + {ledger.Folded:N0} folded + {ledger.Absorbed:N0} absorbed + {ledger.Discarded:N0} discarded + {ledger.Dead:N0} dead + {ledger.Waiting:N0} waiting",
                ledger.AddsUp && ledger is { Waiting: 0, Dead: 0 });
            story.Check($"{device.Name}: no orphan", device.Orphans() == 0);
        }

        output.Line();
        output.Markup(story.AllWell ? "[bold green]Everything converged.[/]" : "[bold red]Not everything converged.[/]");
        output.Document(new
        {
            converged = story.AllWell,
            server = story.Server.Url,
            folder = story.Folder,
            checks = story.Checks.Select(c => new { what = c.What, well = c.Well }),
            types = phone.Types.Zip(laptop.Types, (p, l) => new { type = p.Type, phone = p.LocalRows, laptop = l.LocalRows, server = p.ServerRows, equal = p.Equal && l.Equal, digest = p.ServerDigest }),
        });
    }

    public static async Task ServeOnAsync(Out output, DemoStory story, CancellationToken cancellationToken)
    {
        output.Line();
        output.Line("The server goes on; Ctrl-C stops it and removes the demo's folder. Meanwhile, in another terminal:");
        output.Line($"   export TIDEMARK_SERVER={story.Server.Url}");
        output.Line($"   export TIDEMARK_TOKEN=$(tidemark token --data {story.Server.Data} --user ada)");
        output.Line($"   sqlite3 {story.Phone.Path}");
        output.Line($"   tidemark sync {story.Phone.Path} && tidemark sync {story.Laptop.Path}");
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(() => stopped.TrySetResult());
        await stopped.Task;
    }

    private static Table TableOf(VerifyReport phone, VerifyReport laptop)
    {
        var table = Tables.Of("type", "#phone", "#laptop", "#server", "checksum", "");
        foreach (var (here, there) in phone.Types.Zip(laptop.Types))
        {
            table.Row(here.Type, here.LocalRows, there.LocalRows, here.ServerRows, here.ServerDigest[..16], here.Equal && there.Equal ? "equal" : "DIFFERS");
        }

        return table;
    }
}
