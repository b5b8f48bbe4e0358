using System.Text.Json;
using System.Text.Json.Nodes;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

/// <summary>A dead letter as JSON.</summary>
internal static class DeadLetterText
{
    public static object DocumentOf(DeadLetter letter) => new
    {
        id = letter.Id,
        type = letter.Type,
        key = letter.Key,
        operation = letter.Operation,
        code = letter.Code,
        reason = letter.Reason,
        field = letter.Field,
        attempts = letter.Attempts,
        dependents = letter.Dependents,
        command = NodeOf(letter.Command),
        serverRow = NodeOf(letter.ServerRow),
    };

    // A payload that is damaged is a reason to be a dead letter: it is shown as the text it is.
    private static JsonNode? NodeOf(string? json)
    {
        try
        {
            return json is null ? null : JsonNode.Parse(json);
        }
        catch (JsonException)
        {
            return JsonValue.Create(json);
        }
    }
}
