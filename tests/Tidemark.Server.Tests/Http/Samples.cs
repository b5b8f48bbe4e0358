using System.Text;

namespace Tidemark.Server.Tests.Http;

/// <summary>Messages as another language would write them: plain text, no help of the Model.</summary>
internal static class Samples
{
    public const string NoteId = "018f0000-0000-7000-8000-000000000001";
    public const string TagId = "018f0000-0000-7000-8000-000000000002";

    /// <summary>Notes with a field of every type, and tags that belong to one.</summary>
    public static byte[] Model { get; } = Encoding.UTF8.GetBytes("""
        { "version": 1, "entities": [
            { "name": "notes", "key": [ "id" ], "fields": [
                { "name": "id", "type": "Uuid", "nullable": false },
                { "name": "title", "type": "Text" },
                { "name": "count", "type": "Integer" },
                { "name": "ratio", "type": "Real" },
                { "name": "price", "type": "Decimal" },
                { "name": "photo", "type": "Blob" },
                { "name": "done", "type": "Boolean" },
                { "name": "at", "type": "Timestamp" },
                { "name": "details", "type": "Json" },
                { "name": "any", "type": "Exact" } ] },
            { "name": "tags", "key": [ "id" ], "fields": [
                { "name": "id", "type": "Uuid", "nullable": false },
                { "name": "note_id", "type": "Uuid", "nullable": false },
                { "name": "word", "type": "Text", "nullable": false } ],
              "relations": [ { "fields": [ "note_id" ], "target": "notes", "required": true, "onDelete": "Cascade" } ] } ] }
        """);

    /// <summary>A command id that is another for every number.</summary>
    public static string Command(int number) => $"018f0000-0000-7000-9000-{number:x12}";

    public static string Push(int pushSeq, string commands, string more = "") =>
        $$"""{"protocol":1,"deviceId":"phone","storeId":"file-1","pushSeq":{{pushSeq}}{{more}},"commands":[{{commands}}]}""";

    public static string CreateNote(int command, string payload, string id = NoteId) =>
        $$"""{"id":"{{Command(command)}}","entityType":"notes","operation":"CREATE","entityId":"{{id}}","payload":{{payload}},"occurredAt":"2026-11-21T05:00:00Z"}""";
}
