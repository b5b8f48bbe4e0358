using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Tidemark.Model.Entities;

namespace Tidemark.Model.Protocol;

/// <summary>One command as it came: readable, or with the verdict it gets for not being so.</summary>
/// <param name="Id">The command's id.</param>
/// <param name="Hash">SHA-256 over the canonical command; the same bytes for the same id, always.</param>
/// <param name="Command">The command; null when it could not be read.</param>
/// <param name="Fault">Why it could not be read.</param>
public sealed record ReceivedCommand(Guid Id, byte[] Hash, PushCommand? Command, WireFormatException? Fault);

/// <summary>The body of POST /sync/push.</summary>
public static class PushRequest
{
    // What the body wraps a command in: the envelope and its list.
    private const int CommandDepth = 2;
    internal static readonly JsonDocumentOptions Options = new() { MaxDepth = WireLimits.JsonDepthBound, AllowDuplicateProperties = false };

    /// <summary>The envelope with frozen commands put in byte for byte.</summary>
    public static byte[] Write(PushEnvelope envelope, IReadOnlyList<byte[]> frozenCommands)
    {
        var head = JsonSerializer.SerializeToUtf8Bytes(envelope, WireJson.Default.PushEnvelope);
        using var writer = new Values.CanonicalJsonWriter();
        writer.WriteRaw(head.AsSpan(0, head.Length - 1));
        writer.WriteRaw(",\"commands\":["u8);
        for (var i = 0; i < frozenCommands.Count; i++)
        {
            if (i > 0)
            {
                writer.WriteByte((byte)',');
            }

            writer.WriteRaw(frozenCommands[i]);
        }

        writer.WriteRaw("]}"u8);
        return writer.ToArray();
    }

    /// <exception cref="WireFormatException">The body is not a push; single commands that cannot be read are not an error of the whole.</exception>
    public static (PushEnvelope Envelope, IReadOnlyList<ReceivedCommand> Commands) Read(ReadOnlyMemory<byte> utf8, SyncModel model, WireLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return SortedPush.TryRead(utf8.Span, model, limits) ?? ReadAny(utf8, model, limits);
    }

    /// <summary>However its members are sorted, and whatever is wrong with it.</summary>
    internal static (PushEnvelope Envelope, IReadOnlyList<ReceivedCommand> Commands) ReadAny(ReadOnlyMemory<byte> utf8, SyncModel model, WireLimits limits)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, Options);
            var envelope = ReadEnvelope(document.RootElement)
                ?? throw new WireFormatException(ErrorCodes.BadRequest, "The body is null.");
            if (!document.RootElement.TryGetProperty("commands", out var commands) || commands.ValueKind != JsonValueKind.Array)
            {
                throw new WireFormatException(ErrorCodes.BadRequest, "commands must be an array.");
            }

            if (commands.GetArrayLength() > limits.CommandsMax)
            {
                throw new WireFormatException(ErrorCodes.TooLarge, $"A push has at most {limits.CommandsMax} commands, {commands.GetArrayLength()} came.");
            }

            using var canonical = new Values.CanonicalJsonWriter();
            return (envelope, [.. commands.EnumerateArray().Select(c => ReadCommand(model, c, limits, canonical))]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WireFormatException(ErrorCodes.BadRequest, "The body is not a push: " + e.Message);
        }
    }

    // Everything but the commands, which are most of the bytes and no part of it.
    internal static PushEnvelope? ReadEnvelope(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            return body.Deserialize(WireJson.Default.PushEnvelope);
        }

        using var writer = new Values.CanonicalJsonWriter();
        writer.WriteByte((byte)'{');
        foreach (var member in body.EnumerateObject().Where(m => !m.NameEquals("commands"u8)))
        {
            if (writer.Length > 1)
            {
                writer.WriteByte((byte)',');
            }

            writer.WriteByte((byte)'"');
            writer.WriteRaw(JsonMarshal.GetRawUtf8PropertyName(member));
            writer.WriteRaw("\":"u8);
            writer.WriteRaw(JsonMarshal.GetRawUtf8Value(member.Value));
        }

        writer.WriteByte((byte)'}');
        return JsonSerializer.Deserialize(writer.Written, WireJson.Default.PushEnvelope);
    }

    private static ReceivedCommand ReadCommand(SyncModel model, JsonElement element, WireLimits limits, Values.CanonicalJsonWriter canonical)
    {
        var members = PushMembers.Of(element);
        var id = PushCommand.ParseId(members);
        var hash = Array.Empty<byte>();
        WireFormatException? fault = null;
        try
        {
            canonical.Clear();
            CanonicalPayload.Write(canonical, element);
            hash = SHA256.HashData(canonical.Written);
        }
        catch (Exception e) when (e is WireFormatException or InvalidOperationException)
        {
            fault = Unreadable(e);
        }

        if (WidthFault(members.Payload, limits) is { } tooWide)
        {
            return new ReceivedCommand(id, hash, null, tooWide);
        }

        try
        {
            var command = PushCommand.Parse(model, members);
            return new ReceivedCommand(id, hash, fault is null ? command : null, fault);
        }
        catch (Exception e) when (e is WireFormatException or InvalidOperationException)
        {
            // What has no canonical form is met again here, with the name of its field.
            return new ReceivedCommand(id, hash, null, Unreadable(e));
        }
    }

    private static WireFormatException? WidthFault(JsonElement payload, WireLimits limits)
    {
        if (payload.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (payload.GetPropertyCount() > limits.FieldsMax)
        {
            return new WireFormatException(ErrorCodes.RowTooWide, $"The row has {payload.GetPropertyCount()} fields; the server takes at most {limits.FieldsMax} (fieldsMax).");
        }

        return limits.JsonDepthMax < WireLimits.JsonDepthBound && DepthOf(payload) + CommandDepth + 1 > limits.JsonDepthMax
            ? new WireFormatException(ErrorCodes.RowTooWide, $"A JSON value of the row is nested too deeply: the server takes {limits.JsonDepthMax} levels in all (jsonDepthMax).")
            : null;
    }

    // The document itself has bounded the depth.
    private static int DepthOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => 1 + element.EnumerateObject().Select(p => DepthOf(p.Value)).DefaultIfEmpty().Max(),
        JsonValueKind.Array => 1 + element.EnumerateArray().Select(DepthOf).DefaultIfEmpty().Max(),
        _ => 0,
    };

    private static WireFormatException Unreadable(Exception e) =>
        e as WireFormatException ?? new WireFormatException(ErrorCodes.ValidationFailed, "The command cannot be read: " + e.Message);
}
