using System.Text;
using System.Text.Json;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Fuzzing.Server;
using Tidemark.Model.Entities;

namespace Tidemark.Fuzzing.Device;

/// <summary>
/// Whole runs of a real store with a server that answers anything: pages, verdicts and problems, varied. Trouble is in the
/// report and never thrown; the books add up afterwards, and a run with the true server ends well.
/// </summary>
public sealed class AnswersTarget : IFuzzTarget
{
    private const string Separator = "\n=====\n";
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;
    private readonly string _template;
    private readonly SyncModel _model;
    private string[] _script = [];
    private string[] _commands = [];
    private FuzzServer? _server;
    private int _step;

    public AnswersTarget()
    {
        _template = Path.Combine(_folder, "template.db");
        DeviceFile.Make(_template, Environment());
        var store = LocalStore.Open(_template, new StoreOptions(), Environment());
        _model = store.Model;
        Done(store.DisposeAsync().AsTask());
    }

    public string Name => "answers";

    /// <summary>The answers of one run to push and changes, in turn. $C0 to $C9 are the ids of the commands that were sent.</summary>
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            Verdicts + Separator + Page("""{"entityType":"boxes","operation":"UPDATE","entityId":"a","version":20,"changedAt":"2026-01-31T12:00:00Z","row":{"id":"a","name":"green"}},{"entityType":"things","operation":"DELETE","entityId":2,"version":21,"changedAt":"2026-01-31T12:00:00Z"}""", more: false),
            Verdicts + Separator + Page("""{"entityType":"links","operation":"CREATE","entityId":["c",3],"version":20,"changedAt":"2026-01-31T12:00:00Z","row":{"a":"c","n":3,"note":"new"}}""", more: true)
                + Separator + Page("""{"entityType":"things","operation":"CREATE","entityId":9,"version":30,"changedAt":"2026-01-31T12:00:00Z","row":{"id":9,"box":"b","title":{"t":"b","v":"AA=="}}}""", more: false),
            """410{"status":410,"code":"RESYNC_REQUIRED","reason":"restored","epoch":"e2","commonPosition":0}""" + Separator + Page("", more: false),
            """{"syncOperationId":"s","epoch":"e","mark":{"position":10,"token":"t"},"successful":[],"failed":[{"commandId":"$C0","code":"VALIDATION_FAILED","message":"no","retryable":false,"field":"name"}],"conflicts":[{"commandId":"$C1","entityType":"boxes","entityId":"b","serverVersion":9,"serverRow":{"id":"b","name":"other"},"serverDeleted":false,"reason":"exists"},{"commandId":"$C2","entityType":"boxes","entityId":"c","serverVersion":9,"serverDeleted":true,"reason":"deleted"}]}""" + Separator + Page("", more: false),
        }.Select(FuzzModel.Utf8),
    ];

    private static string Verdicts => $$"""{"syncOperationId":"s","epoch":"e","mark":{"position":10,"token":"t"},"successful":[{{string.Join(',', Enumerable.Range(0, 9).Select(Accepted))}}]}""";

    public byte[]? Make(FuzzDice dice) => null;

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice)
    {
        var parts = Encoding.Latin1.GetString(input).Split(Separator);
        var others = Encoding.Latin1.GetString(other).Split(Separator);
        var at = dice.Next(parts.Length);
        parts[at] = dice.Chance(10) ? dice.Of(others) : Encoding.Latin1.GetString(JsonVariations.Vary(Encoding.Latin1.GetBytes(parts[at]), Encoding.Latin1.GetBytes(dice.Of(others)), dice, FuzzModel.Names));
        return Encoding.Latin1.GetBytes(string.Join(Separator, parts));
    }

    public string Run(byte[] input)
    {
        _script = Encoding.Latin1.GetString(input).Split(Separator);
        _step = 0;
        _server = null;
        _commands = [];
        var path = Path.Combine(_folder, "run.db");
        foreach (var file in Directory.GetFiles(_folder, "run.db*"))
        {
            File.Delete(file);
        }

        File.Copy(_template, path);
        var before = DeviceFile.Dump(path);
        var store = LocalStore.Open(path, new StoreOptions(), Environment());
        try
        {
            using (var server = new FuzzServer(_model))
            {
                return Runs(store, server, before);
            }
        }
        finally
        {
            Done(store.DisposeAsync().AsTask());
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Runs(LocalStore store, FuzzServer server, List<string> before)
    {
        var environment = Environment();
        using var remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1/"), _ => Task.FromResult("ann"), environment);
        using var service = new DataSyncService(store, remote, new SyncOptions { LockWait = TimeSpan.Zero, Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } } }, environment);
        var first = service.SyncAsync(SyncMode.Full, "fuzz").GetAwaiter().GetResult();
        Healthy(store, environment, "after the first run");
        if (first.Error is { Code: SyncErrorCode.InvalidResponse } && first.Push.Accepted == 0 && first.Pull.Applied == 0 && !before.SequenceEqual(DeviceFile.Dump(store.Path)))
        {
            throw new FindingException("Rows changed with an answer that could not be read.");
        }

        // The true server comes back; whatever was said before, runs end and the file stays well.
        _server = server;
        SyncReport? last = null;
        for (var i = 0; i < 4; i++)
        {
            last = service.SyncAsync(SyncMode.Full, "fuzz").GetAwaiter().GetResult();
        }

        Healthy(store, environment, "after the true server came back");
        return first.Error?.Code == SyncErrorCode.InvalidResponse && last!.Error?.Code == SyncErrorCode.InvalidResponse
            ? throw new FindingException("An answer that could not be read is met again when the server answers well: " + last.Error!.Message)
            : $"{first.Outcome} {first.Error?.Code} {Shapes.Text(first.Error?.Message)} a{first.Push.Accepted} c{first.Push.Conflicts} f{first.Push.Failed} d{first.DeadLetters} p{first.Pull.Applied} x{first.Pull.Deleted} {last!.Outcome} {last.Error?.Code}";
    }

    private static void Healthy(LocalStore store, SyncEnvironment environment, string when)
    {
        var report = new StoreDoctor(store, environment).ExamineAsync(repair: false, default).GetAwaiter().GetResult();
        if (!report.Healthy || !report.Ledger.AddsUp)
        {
            throw new FindingException($"The doctor finds a fault {when}: " + string.Join("; ", report.Findings.Where(f => f.Severity == FindingSeverity.Fault).Select(f => f.Code + " " + f.Message)));
        }
    }

    private SyncEnvironment Environment() => DeviceFile.Environment((request, body) =>
    {
        if (_server is { } server)
        {
            return Answers.Ask(server.Sync, "ann", request, body);
        }

        var path = request.RequestUri!.AbsolutePath;
        if (path == "/sync/model")
        {
            return Answers.Json(FuzzModel.Utf8($$"""{"hash":"{{_model.Hash}}","version":1,"limits":{},"user":"ann","dev":true}"""));
        }

        if (path == "/sync/push")
        {
            using var document = JsonDocument.Parse(body);
            _commands = [.. document.RootElement.GetProperty("commands").EnumerateArray().Select(c => c.GetProperty("id").GetString()!)];
        }

        var text = _script[Math.Min(_step++, _script.Length - 1)];
        for (var i = 0; i < 10; i++)
        {
            text = text.Replace("$C" + i, i < _commands.Length ? _commands[i] : "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5" + i, StringComparison.Ordinal);
        }

        return text.StartsWith("410", StringComparison.Ordinal) ? Answers.Json(Encoding.Latin1.GetBytes(text[3..]), 410) : Answers.Json(Encoding.Latin1.GetBytes(text));
    });

    private static string Page(string changes, bool more) =>
        $$$"""{"nextCursor":"c1","cursors":{},"entityCursors":{"boxes":{"lastCreatedAt":20,"lastId":"\"a\""}},"until":40,"hasMore":{{{(more ? "true" : "false")}}},"estimatedRemaining":0,"epoch":"e","mark":{"position":40,"token":"t2"},"changes":[{{{changes}}}]}""";

    private static string Accepted(int i)
    {
        var (type, id) = ((string, string))(i switch { < 3 => ("boxes", "\"" + "abc"[i] + "\""), < 5 => ("links", i == 3 ? "[\"a\",1]" : "[\"b\",2]"), _ => ("things", (i - 4).ToString()) });
        return $$"""{"commandId":"$C{{i}}","entityType":"{{type}}","clientId":{{id}},"serverId":{{id}},"version":10,"changedAt":"2026-01-31T12:00:00Z"}""";
    }

    private static void Done(Task task) => task.GetAwaiter().GetResult();
}
