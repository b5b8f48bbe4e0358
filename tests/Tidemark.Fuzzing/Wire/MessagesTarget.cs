using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;

namespace Tidemark.Fuzzing.Wire;

/// <summary>The plain messages of the wire: refused as JSON, or the same bytes when they are written, read and written again.</summary>
public sealed class MessagesTarget : JsonTarget
{
    private static readonly (string Name, Func<byte[], byte[]> Again)[] Messages =
    [
        Of("PushResponse", WireJson.Default.PushResponse),
        Of("VerdictsRequest", WireJson.Default.VerdictsRequest),
        Of("VerdictsResponse", WireJson.Default.VerdictsResponse),
        Of("RowsRequest", WireJson.Default.RowsRequest),
        Of("RowsResponse", WireJson.Default.RowsResponse),
        Of("ChangesRequest", WireJson.Default.ChangesRequest),
        Of("ChecksumsRequest", WireJson.Default.ChecksumsRequest),
        Of("ChecksumsResponse", WireJson.Default.ChecksumsResponse),
        Of("ModelInfo", WireJson.Default.ModelInfo),
        Of("Problem", WireJson.Default.Problem),
    ];

    public override string Name => "messages";

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            """{"syncOperationId":"s","epoch":"e","mark":{"position":1,"token":"t"},"successful":[{"commandId":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a","entityType":"boxes","clientId":"a","serverId":"a","version":5,"changedAt":"2026-01-31T12:00:00Z","row":{"id":"a"}}],"failed":[{"commandId":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5b","code":"ROW_GONE","message":"m","retryable":false,"field":"f","serverVersion":4}],"conflicts":[{"commandId":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5c","entityType":"boxes","entityId":"a","serverVersion":3,"serverDeleted":true,"reason":"r"}]}""",
            """{"commandIds":["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a"],"space":"s"}""",
            """{"entityType":"links","entityIds":[["a",1],["b",2]]}""",
            """{"mark":{"position":1,"token":"t"},"rows":[{"entityType":"boxes","operation":"UPDATE","entityId":"a","version":1,"changedAt":"x","origin":{"deviceId":"d"},"row":{"id":"a"}}]}""",
            """{"cursor":"c","deviceId":"d","limit":10,"entityTypes":["boxes"],"cursors":{"boxes":"c"},"marks":[{"position":1,"token":"t"}]}""",
            """{"epoch":"e","mark":{"position":1,"token":"t"},"types":{"boxes":{"rows":1,"digest":"d"}}}""",
            """{"hash":"h","version":1,"limits":{"commandsMax":5},"user":"ann","dev":true,"model":{"entities":[]}}""",
            """{"type":"t","title":"t","status":429,"detail":"d","code":"RATE_LIMITED","retryable":true,"retryAfterMs":5000,"reason":"restored","epoch":"e","commonPosition":7}""",
        }.Select(FuzzModel.Utf8),
    ];

    public override string Run(byte[] input)
    {
        var shapes = new List<string>();
        foreach (var (name, again) in Messages)
        {
            byte[] once;
            try
            {
                once = again(input);
            }
            catch (JsonException)
            {
                continue; // Refused: its place says nothing that another message's refusal does not.
            }

            Hold(once.Length == 0 || again(once).AsSpan().SequenceEqual(once), $"{name} is written in another way when it is read again.");
            shapes.Add(name);
        }

        return shapes.Count == 0 ? "refused" : string.Join(' ', shapes);
    }

    private static (string, Func<byte[], byte[]>) Of<T>(string name, JsonTypeInfo<T> type) =>
        (name, bytes => JsonSerializer.Deserialize(bytes, type) is { } message ? JsonSerializer.SerializeToUtf8Bytes(message, type) : []);
}
