using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Cli.Syncing;
using Tidemark.Client.Coordination;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Demonstrating;

/// <summary>The steps of the demo, told as they happen. Whatever is claimed is checked.</summary>
internal sealed class DemoStory(Out output, DemoServer server, string folder, string? source)
{
    // What the design promises: equal within so many rounds.
    private const int RoundsMax = 20;

    private readonly List<(string What, bool Well)> _checks = [];
    private int _step;

    public DemoDevice Phone { get; } = new("phone", Path.Combine(folder, "phone.db"), server.LinkOf("ada"));

    public DemoDevice Laptop { get; } = new("laptop", Path.Combine(folder, "laptop.db"), server.LinkOf("ada"));

    public DemoServer Server => server;

    public string Folder => folder;

    public IReadOnlyList<(string What, bool Well)> Checks => _checks;

    public bool AllWell => _checks.Count > 0 && _checks.All(c => c.Well);

    public async Task TellAsync(CancellationToken cancellationToken)
    {
        Step("A server");
        Say($"listening on {server.Url}, data in {server.Data}");
        var model = Adopt();
        var edits = EditsOf(model);
        await FirstSyncAsync(cancellationToken);
        await SecondDeviceAsync(cancellationToken);
        if (edits is not null)
        {
            await OfflineAsync(edits, cancellationToken);
            await KillAsync(edits.Burst, cancellationToken);
        }
        else
        {
            Say("this file has no column that could be changed without knowing what it means: nothing to edit");
        }

        await ConvergeAsync(cancellationToken);
        await DemoSummary.ShowAsync(output, this, cancellationToken);
    }

    public void Check(string what, bool well)
    {
        _checks.Add((what, well));
        output.Markup($"   {(well ? "[green]ok[/] " : "[red]NO[/] ")} {what.EscapeMarkup()}");
    }

    private void Step(string title)
    {
        _step++;
        output.Line();
        output.Markup($"[bold]{_step}. {title.EscapeMarkup()}[/]");
    }

    private void Say(string text) => output.Line("   " + text);

    private SyncModel Adopt()
    {
        Step("An app's database on the phone");
        if (source is null)
        {
            using var connection = SqliteFile.Open(Phone.Path, new OpenOptions { CreateIfMissing = true });
            JournalData.Create(connection);
            Say("a health journal: devices, products, sessions, consumptions, journal entries; made by plain SQL");
        }
        else
        {
            DemoFiles.Copy(source, Phone.Path);
            Say($"a copy of {source}");
        }

        var report = Client.Adoption.Adopter.Adopt(Phone.Path, new Client.Adoption.AdoptionOptions(), Client.Environment.SyncEnvironment.System);
        Say($"adopted: {Tables.Count(report.Model.Entities.Count, "table")}, {Tables.Count(report.Rows.Sum(r => r.Rows), "row")}; the app's tables are as they were");
        foreach (var (name, reason) in report.LeftOut)
        {
            Say($"left out: {name} - {reason}");
        }

        return report.Model;
    }

    private DemoEdits? EditsOf(SyncModel model)
    {
        if (source is null)
        {
            return JournalEdits.Create();
        }

        using var connection = Phone.Open();
        return new AnyEdits(connection, model).Create();
    }

    private async Task FirstSyncAsync(CancellationToken cancellationToken)
    {
        Step("First sync");
        var report = await Work.RunAsync(output, async steps =>
        {
            await using var device = OpenDevice.Open(Phone.Path, Phone.Link);
            return await device.Sync.SyncAsync(SyncMode.Full, "demo", SyncText.ProgressTo(steps), cancellationToken);
        });
        Report(Phone, report);
    }

    private async Task SecondDeviceAsync(CancellationToken cancellationToken)
    {
        Step("A second device");
        var report = await Work.RunAsync(output, async steps =>
        {
            await Adopting.CloneVerb.MakeFileAsync(Laptop.Path, Laptop.Link, cancellationToken);
            await using var device = OpenDevice.Open(Laptop.Path, Laptop.Link);
            return await device.Sync.SyncAsync(SyncMode.Full, "demo", SyncText.ProgressTo(steps), cancellationToken);
        });
        Say("the laptop gets a new file with the app's own tables, made from the server alone");
        Report(Laptop, report);
    }

    private async Task OfflineAsync(DemoEdits edits, CancellationToken cancellationToken)
    {
        Step("Both offline: the apps write on");
        WriteAll(Phone, edits.Phone);
        WriteAll(Laptop, edits.Laptop);
        if (edits.Conflict is { } conflict)
        {
            Step($"A conflict: {conflict.Place}");
            WriteAll(Phone, [conflict.Phone]);
            WriteAll(Laptop, [conflict.Laptop]);
        }

        Step("Online again");
        await RoundsAsync(tell: true, cancellationToken);
        if (edits.Conflict is { } met)
        {
            var (phone, laptop) = (Phone.Read(met.Query), Laptop.Read(met.Query));
            Say($"phone:  {phone}");
            Say($"laptop: {laptop}");
            Say("different fields both survive; of the same field the edit that reached the server last");
            Check("the conflict ends the same on both", string.Equals(phone, laptop, StringComparison.Ordinal));
        }
    }

    private async Task KillAsync(DemoEdit burst, CancellationToken cancellationToken)
    {
        Step("A process killed in the middle of a push");
        WriteAll(Phone, [burst]);
        var before = (await Phone.VerifyAsync(cancellationToken)).Types.Sum(t => t.ServerRows);
        var (taken, release) = server.HoldNextAnswer();
        using (var child = DemoFiles.StartSelf(["sync", Phone.Path], Phone.Link))
        {
            Say($"`tidemark sync` runs as process {child.Id}");
            var ended = child.WaitForExitAsync(cancellationToken);
            await Task.WhenAny(taken, ended);
            Check("the server took the push and has committed it; its answer is still on the way", taken.IsCompleted && !ended.IsCompleted);
            child.Kill();
            await ended;
            Say($"kill -9 {child.Id}");
        }

        release();
        var status = await Phone.StatusAsync();
        Say($"the phone cannot know what became of it: {Tables.TextOf(status.Types.Sum(t => t.Pending))} edits still wait there");
        Report(Phone, await Phone.SyncAsync(cancellationToken));
        var after = await Phone.VerifyAsync(cancellationToken);
        Say($"the same commands were sent again, byte for byte; the server knew them. Its rows: {Tables.TextOf(before)} before, {Tables.TextOf(after.Types.Sum(t => t.ServerRows))} now");
        Check("nothing lost, nothing doubled: phone and server are equal", after.Equal && after.Pending == 0);
    }

    private async Task ConvergeAsync(CancellationToken cancellationToken)
    {
        Step("Convergence");
        await RoundsAsync(tell: true, cancellationToken);
    }

    // Until a whole round moved nothing.
    private async Task RoundsAsync(bool tell, CancellationToken cancellationToken)
    {
        for (var round = 1; round <= RoundsMax; round++)
        {
            var moved = 0;
            foreach (var device in new[] { Phone, Laptop })
            {
                var report = await device.SyncAsync(cancellationToken);
                moved += report.Push.Accepted + SyncText.PulledOf(report) + report.Push.Conflicts;
                if (tell && report.Outcome != SyncOutcome.Idle)
                {
                    Report(device, report);
                }
            }

            if (moved == 0)
            {
                Say($"quiet after {Tables.Count(round, "round")}");
                return;
            }
        }

        Check($"quiet within {RoundsMax} rounds", well: false);
    }

    private void WriteAll(DemoDevice device, IReadOnlyList<DemoEdit> edits)
    {
        foreach (var edit in edits)
        {
            device.Write(edit);
            Say($"{device.Name,-6} {edit.Text}");
        }
    }

    private void Report(DemoDevice device, SyncReport report)
    {
        Say($"{device.Name,-6} {SyncText.LineOf(report)} ({Tables.DurationOf(report.Duration)})");
        if (report.Error is { } error)
        {
            Check($"{device.Name}: {error.Message}", well: false);
        }
    }
}
