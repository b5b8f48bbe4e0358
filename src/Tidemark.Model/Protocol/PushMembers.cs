using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Tidemark.Model.Protocol;

/// <summary>The members of a command, found in one pass over it. One that is not there has the kind Undefined.</summary>
internal struct PushMembers
{
    public JsonElement Id { get; private set; }

    public JsonElement EntityType { get; private set; }

    public JsonElement Operation { get; private set; }

    public JsonElement EntityId { get; private set; }

    public JsonElement NewEntityId { get; private set; }

    public JsonElement BaseVersion { get; private set; }

    public JsonElement ContentVersion { get; private set; }

    public JsonElement After { get; private set; }

    public JsonElement Payload { get; private set; }

    public JsonElement Refs { get; private set; }

    public JsonElement Group { get; private set; }

    public JsonElement OccurredAt { get; private set; }

    public static PushMembers Of(JsonElement command)
    {
        var members = default(PushMembers);
        if (command.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in command.EnumerateObject())
            {
                members.Take(NameOf(property), property.Value);
            }
        }

        return members;
    }

    private static ReadOnlySpan<byte> NameOf(JsonProperty property)
    {
        var raw = JsonMarshal.GetRawUtf8PropertyName(property);
        return raw.Contains((byte)'\\') ? Encoding.UTF8.GetBytes(property.Name) : raw;
    }

    private void Take(ReadOnlySpan<byte> name, JsonElement value)
    {
        switch (name.Length)
        {
            case 2 when name.SequenceEqual("id"u8):
                Id = value;
                break;
            case 4 when name.SequenceEqual("refs"u8):
                Refs = value;
                break;
            case 5 when name.SequenceEqual("group"u8):
                Group = value;
                break;
            case 5 when name.SequenceEqual("after"u8):
                After = value;
                break;
            case 7 when name.SequenceEqual("payload"u8):
                Payload = value;
                break;
            case 8 when name.SequenceEqual("entityId"u8):
                EntityId = value;
                break;
            case 9 when name.SequenceEqual("operation"u8):
                Operation = value;
                break;
            case 10 when name.SequenceEqual("entityType"u8):
                EntityType = value;
                break;
            case 10 when name.SequenceEqual("occurredAt"u8):
                OccurredAt = value;
                break;
            case 11 when name.SequenceEqual("baseVersion"u8):
                BaseVersion = value;
                break;
            case 11 when name.SequenceEqual("newEntityId"u8):
                NewEntityId = value;
                break;
            case 14 when name.SequenceEqual("contentVersion"u8):
                ContentVersion = value;
                break;
        }
    }
}
