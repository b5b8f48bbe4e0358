using System.Text.Json;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Fuzzing.Server;

/// <summary>
/// A push carried out whole on a real file, each in a space of its own: a refusal with a code of the catalogue, or one verdict
/// for every command, the same one when it is sent again, and pages that can be read behind it.
/// </summary>
public sealed class PushServerTarget : JsonTarget
{
    private const int SpacesMax = 3000;
    private FuzzServer _server = new();
    private int _spaces;

    public override string Name => "push-server";

    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Enumerable.Range(0, 12).Select(i => FuzzModel.Utf8(FuzzModel.Push(new FuzzDice(100 + i))))];

    public override byte[]? Make(FuzzDice dice) => FuzzModel.Utf8(FuzzModel.Push(dice));

    public override string Run(byte[] input)
    {
        if (++_spaces % SpacesMax == 0)
        {
            _server.Dispose();
            _server = new FuzzServer();
        }

        var caller = FuzzServer.CallerOf("user" + _spaces);
        PushResponse answer;
        try
        {
            answer = FuzzServer.Done(_server.Sync.PushAsync(caller, input, default));
        }
        catch (ServerException e)
        {
            Hold(ErrorCodes.Find(e.Problem.Code) is not null, "A refusal without a code of the catalogue: " + e.Problem.Code);
            return "refused " + e.Problem.Code;
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(answer, WireJson.Default.PushResponse);
        answer = JsonSerializer.Deserialize(bytes, WireJson.Default.PushResponse)!;
        var ids = IdsOf(input);
        Hold(Verdicts(answer).ToHashSet().SetEquals(ids), "There is not one verdict for every command.");
        Hold(Verdicts(answer).Count() == ids.Count, "A command has more than one verdict.");
        Again(caller, input, answer);
        Pages(caller);
        return string.Join(' ', answer.Successful.Select(_ => "ok").Concat(answer.Conflicts.Select(c => "conflict")).Concat(answer.Failed.Select(f => f.Code + " " + Shapes.Text(f.Message))).Distinct().Order(StringComparer.Ordinal).Take(4));
    }

    protected override void Dispose(bool disposing)
    {
        _server.Dispose();
        base.Dispose(disposing);
    }

    private static IEnumerable<Guid> Verdicts(PushResponse answer) =>
        answer.Successful.Select(v => v.CommandId).Concat(answer.Conflicts.Select(v => v.CommandId)).Concat(answer.Failed.Select(v => v.CommandId));

    private static HashSet<Guid> IdsOf(byte[] input)
    {
        using var document = JsonDocument.Parse(input);
        return [.. document.RootElement.GetProperty("commands").EnumerateArray().Select(c => c.GetProperty("id").GetGuid())];
    }

    // What was accepted is accepted as the same row and version when the answer was lost.
    private void Again(Caller caller, byte[] input, PushResponse first)
    {
        PushResponse second;
        try
        {
            second = FuzzServer.Done(_server.Sync.PushAsync(caller, input, default));
        }
        catch (ServerException e) when (e.Problem.Code == ErrorCodes.StoreForked)
        {
            return;
        }

        var versions = second.Successful.ToDictionary(v => v.CommandId, v => v.Version);
        Hold(first.Successful.All(v => versions.TryGetValue(v.CommandId, out var version) && version == v.Version), "What was accepted is not accepted as the same when it is sent again.");
    }

    private void Pages(Caller caller)
    {
        var body = FuzzServer.Done(_server.Sync.GetChangesAsync(caller, new ChangesRequest(), default));
        var page = ChangesPage.Read(body, FuzzModel.Model);
        Hold(page.Changes.All(c => c.Fault is null), "A change of the server cannot be read: " + page.Changes.FirstOrDefault(c => c.Fault is not null)?.Fault?.Message);
        Hold(ChangesPage.CountChanges(body) == page.Changes.Count, "The changes of the server's page are counted wrongly.");
        _ = FuzzServer.Done(_server.Sync.GetChecksumsAsync(caller, new ChecksumsRequest(), default));
    }
}
