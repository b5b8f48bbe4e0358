using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Fuzzing.Server;

/// <summary>One endpoint's body, read as the host reads it and carried out on a server with rows: JSON refused, a code of the catalogue, or an answer.</summary>
public sealed class RequestTarget : JsonTarget
{
    private const string User = "ann";
    private readonly FuzzServer _server = new();
    private readonly Func<byte[], string> _ask;

    private RequestTarget(string name, Func<SyncServer, byte[], string> ask, params string[] seeds)
    {
        Name = name;
        _server.Fill(User);
        _ask = body => ask(_server.Sync, body);
        var cursor = CursorOf(_server.Sync);
        Seeds = [.. seeds.Select(s => FuzzModel.Utf8(s.Replace("$CURSOR", cursor, StringComparison.Ordinal)))];
    }

    public override string Name { get; }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public static RequestTarget Changes() => new(
        "changes-request",
        (server, body) => PageShape(FuzzServer.Done(server.GetChangesAsync(FuzzServer.CallerOf(User), Of(body, WireJson.Default.ChangesRequest), default))),
        """{"cursor":"$CURSOR","deviceId":"d","limit":2,"entityTypes":["boxes","things"],"cursors":{"boxes":"$CURSOR"},"marks":[{"position":1,"token":"t"}]}""",
        """{"space":"u:ann","limit":5000}""",
        """{"marks":[{"position":1769860800000000,"token":"t"},{"position":1,"token":"u"}]}""",
        "{}");

    public static RequestTarget Verdicts() => new(
        "verdicts-request",
        (server, body) => "verdicts " + FuzzServer.Done(server.GetVerdictsAsync(FuzzServer.CallerOf(User), Of(body, WireJson.Default.VerdictsRequest), default)).Successful.Count,
        """{"space":"u:ann","commandIds":["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b01","0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b02"]}""");

    public static RequestTarget Rows() => new(
        "rows-request",
        (server, body) =>
        {
            var answer = FuzzServer.Done(server.GetRowsAsync(FuzzServer.CallerOf(User), Of(body, WireJson.Default.RowsRequest), default));
            _ = JsonSerializer.SerializeToUtf8Bytes(answer, WireJson.Default.RowsResponse);
            return "rows " + answer.Rows.Count;
        },
        """{"entityType":"boxes","entityIds":["a","b","zz"]}""",
        """{"entityType":"links","entityIds":[["a",1],["b",2]]}""",
        """{"entityType":"forms","entityIds":[1,"k",{"t":"b","v":"AA=="}]}""");

    public static RequestTarget Checksums() => new(
        "checksums-request",
        (server, body) => "checksums " + FuzzServer.Done(server.GetChecksumsAsync(FuzzServer.CallerOf(User), Of(body, WireJson.Default.ChecksumsRequest), default)).Types.Count,
        """{"space":"u:ann","entityTypes":["boxes","forms"]}""");

    public override string Run(byte[] input)
    {
        try
        {
            return _ask(input);
        }
        catch (JsonException e)
        {
            return "json @" + Shapes.FrameOf(e);
        }
        catch (ServerException e)
        {
            Hold(ErrorCodes.Find(e.Problem.Code) is not null, "A refusal without a code of the catalogue: " + e.Problem.Code);
            return "refused " + e.Problem.Code + " " + Shapes.Text(e.Problem.Detail);
        }
    }

    internal static string CursorOf(SyncServer server) => ChangesPage.ReadTail(FuzzServer.Done(server.GetChangesAsync(FuzzServer.CallerOf(User), new ChangesRequest { Limit = 2 }, default))).NextCursor;

    protected override void Dispose(bool disposing)
    {
        _server.Dispose();
        base.Dispose(disposing);
    }

    private static T Of<T>(byte[] body, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");

    private static string PageShape(ReadOnlyMemory<byte> body)
    {
        var page = ChangesPage.Read(body, FuzzModel.Model);
        Hold(page.Changes.All(c => c.Fault is null), "A change of the server cannot be read.");
        return $"page {page.Changes.Count} {page.Tail.HasMore}";
    }
}
