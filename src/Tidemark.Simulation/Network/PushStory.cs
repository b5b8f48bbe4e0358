using System.Text;
using System.Text.Json;

namespace Tidemark.Simulation.Network;

/// <summary>What a push asked for and what it got, in one line.</summary>
internal static class PushStory
{
    public static string Of(WireRequest request, WireReply reply)
    {
        using var asked = JsonDocument.Parse(request.Body);
        using var got = reply.MediaType.EndsWith("json", StringComparison.Ordinal) ? JsonDocument.Parse(reply.Body) : null;
        var verdicts = got is null || reply.Status != 200 ? [] : VerdictsOf(got.RootElement);
        var text = new StringBuilder("push ").Append(asked.RootElement.GetProperty("pushSeq").GetRawText());
        if (reply.Status != 200)
        {
            text.Append(' ').Append(reply.Status).Append(got is not null && got.RootElement.TryGetProperty("code", out var code) ? " " + code.GetString() : "");
        }

        foreach (var command in asked.RootElement.GetProperty("commands").EnumerateArray())
        {
            text.Append("; ").Append(Text(command, "operation")).Append(' ').Append(Text(command, "entityType")).Append(' ').Append(Text(command, "entityId"));
            if (command.TryGetProperty("newEntityId", out var to))
            {
                text.Append(" to ").Append(to.GetRawText());
            }

            if (command.TryGetProperty("baseVersion", out var version))
            {
                text.Append(" on ").Append(version.GetRawText());
            }

            if (command.TryGetProperty("payload", out var payload))
            {
                text.Append(' ').Append(payload.GetRawText());
            }

            if (verdicts.TryGetValue(Text(command, "id"), out var verdict))
            {
                text.Append(" => ").Append(verdict);
            }
        }

        return text.ToString();
    }

    private static Dictionary<string, string> VerdictsOf(JsonElement reply)
    {
        var verdicts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var accepted in reply.GetProperty("successful").EnumerateArray())
        {
            verdicts[Text(accepted, "commandId")] = $"{Text(accepted, "serverId")} at {Text(accepted, "version")}{(accepted.TryGetProperty("row", out var row) ? " as " + row.GetRawText() : "")}";
        }

        foreach (var failed in reply.GetProperty("failed").EnumerateArray())
        {
            verdicts[Text(failed, "commandId")] = $"{Text(failed, "code")} {Text(failed, "message")}";
        }

        foreach (var conflict in reply.GetProperty("conflicts").EnumerateArray())
        {
            verdicts[Text(conflict, "commandId")] = $"conflict {(conflict.TryGetProperty("serverRow", out var row) ? row.GetRawText() : "deleted")} at {Text(conflict, "serverVersion")}";
        }

        return verdicts;
    }

    private static string Text(JsonElement element, string name) =>
        !element.TryGetProperty(name, out var value) ? "" : value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}
