using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>
/// A push as every Tidemark writes it: members of its commands sorted, nothing wrong with it. Its values are read in one pass, without a document between, and what is canonical
/// as it came is hashed where it stands. Gives up at anything else; the slow way reads that, and says what is wrong.
/// </summary>
internal static class SortedPush
{
    public static (PushEnvelope Envelope, IReadOnlyList<ReceivedCommand> Commands)? TryRead(ReadOnlySpan<byte> utf8, SyncModel model, WireLimits limits)
    {
        if (limits.JsonDepthMax < WireLimits.JsonDepthBound)
        {
            return null;
        }

        try
        {
            return Read(utf8, model, limits);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or WireFormatException or FormatException)
        {
            return null;
        }
    }

    private static (PushEnvelope Envelope, IReadOnlyList<ReceivedCommand> Commands)? Read(ReadOnlySpan<byte> utf8, SyncModel model, WireLimits limits)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = WireLimits.JsonDepthBound });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        using var envelope = new CanonicalJsonWriter();
        envelope.WriteByte((byte)'{');
        List<ReceivedCommand>? commands = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var isCommands = reader.ValueTextEquals("commands"u8);
            reader.Read();
            if (isCommands)
            {
                if (commands is not null || (commands = ReadCommands(utf8, ref reader, model, limits)) is null)
                {
                    return null;
                }

                continue;
            }

            reader.Skip();
            if (envelope.Length > 1)
            {
                envelope.WriteByte((byte)',');
            }

            envelope.WriteRaw(utf8[start..(int)reader.BytesConsumed]);
        }

        if (reader.Read() || commands is null)
        {
            return null;
        }

        envelope.WriteByte((byte)'}');
        using var document = JsonDocument.Parse(envelope.WrittenMemory, PushRequest.Options);
        return PushRequest.ReadEnvelope(document.RootElement) is { } read ? (read, commands) : null;
    }

    private static List<ReceivedCommand>? ReadCommands(ReadOnlySpan<byte> utf8, ref Utf8JsonReader reader, SyncModel model, WireLimits limits)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        using var canonical = new CanonicalJsonWriter();
        var commands = new List<ReceivedCommand>();
        EntityType? lastType = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            if (commands.Count == limits.CommandsMax || reader.TokenType != JsonTokenType.StartObject || ReadCommand(model, ref reader, limits, lastType) is not { } command
                || HashOf(utf8[start..(int)reader.BytesConsumed], canonical) is not { } hash)
            {
                return null;
            }

            lastType = command.Type;
            commands.Add(new ReceivedCommand(command.Id, hash, command, null));
        }

        return commands;
    }

    private static byte[]? HashOf(ReadOnlySpan<byte> command, CanonicalJsonWriter canonical)
    {
        if (CanonicalBytes.Are(command, canonical))
        {
            return SHA256.HashData(command);
        }

        canonical.Clear();
        return SortedJson.TryWrite(canonical, command) ? SHA256.HashData(canonical.Written) : null;
    }

    // Sorted, so the type stands before the payload and before what is made of it.
    private static PushCommand? ReadCommand(SyncModel model, ref Utf8JsonReader reader, WireLimits limits, EntityType? lastType)
    {
        var read = new Members { LastType = lastType };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!read.TryTake(ref reader, model, limits))
            {
                return null;
            }
        }

        return read.ToCommand();
    }

    private ref struct Members
    {
        private EntityType? _type;
        private Operation? _operation;
        private Guid? _id;
        private Guid? _after;
        private long? _baseVersion;
        private long? _contentVersion;
        private Utf8JsonReader _entityId;
        private EntityKey? _newEntityId;
        private Row? _payload;
        private IReadOnlyDictionary<string, Guid>? _refs;
        private string? _group;
        private DateTimeOffset _occurredAt;

        /// <summary>Of the command before: most are of the same.</summary>
        public EntityType? LastType { get; init; }

        /// <summary>Takes the member on whose name the reader stands, which is left at its end.</summary>
        public bool TryTake(ref Utf8JsonReader reader, SyncModel model, WireLimits limits)
        {
            switch (reader.ValueSpan)
            {
                case var name when name.SequenceEqual("entityId"u8):
                    reader.Read();
                    _entityId = reader; // Its type comes behind it.
                    reader.Skip();
                    return true;
                case var name when name.SequenceEqual("entityType"u8):
                    reader.Read();
                    _type = LastType is { } last && reader.ValueTextEquals(last.Index.TypeName) ? last : reader.GetString() is { } type ? model.Find(type) : null;
                    return _type is not null && _type.Fields.Count <= limits.FieldsMax;
                case var name when name.SequenceEqual("payload"u8):
                    reader.Read();
                    _payload = _type is null || reader.TokenType == JsonTokenType.Null ? null : WireRow.Read(_type, ref reader);
                    return _type is not null;
                case var name when name.SequenceEqual("refs"u8):
                    reader.Read();
                    return TryTakeRefs(ref reader);
                case var name when name.SequenceEqual("newEntityId"u8):
                    reader.Read();
                    _newEntityId = _type is null ? null : WireRow.ReadKey(_type, ref reader);
                    return _type is not null;
                default:
                    return TryTakeScalar(ref reader);
            }
        }

        public PushCommand? ToCommand()
        {
            if (_type is null || _operation is null or Operation.Remove || _id is null || _entityId.TokenType == JsonTokenType.None)
            {
                return null;
            }

            return new PushCommand
            {
                Id = _id.Value,
                Type = _type,
                Operation = _operation.Value,
                EntityId = WireRow.ReadKey(_type, ref _entityId),
                NewEntityId = _newEntityId,
                BaseVersion = _baseVersion,
                ContentVersion = _contentVersion,
                After = _after,
                Payload = _payload,
                Refs = _refs ?? PushCommand.NoRefs,
                Group = _group,
                OccurredAt = _occurredAt,
            };
        }

        private bool TryTakeScalar(ref Utf8JsonReader reader)
        {
            switch (reader.ValueSpan)
            {
                case var name when name.SequenceEqual("id"u8):
                    reader.Read();
                    _id = reader.GetGuid();
                    return true;
                case var name when name.SequenceEqual("operation"u8):
                    reader.Read();
                    _operation = reader.ValueTextEquals("CREATE"u8) ? Operation.Create : OperationNames.Find(reader.GetString());
                    return true;
                case var name when name.SequenceEqual("occurredAt"u8):
                    reader.Read();
                    _occurredAt = reader.GetString() is { } at ? WireTime.Parse(at) : default;
                    return true;
                case var name when name.SequenceEqual("group"u8):
                    reader.Read();
                    _group = reader.GetString();
                    return true;
                case var name when name.SequenceEqual("after"u8):
                    reader.Read();
                    _after = reader.GetGuid();
                    return true;
                case var name when name.SequenceEqual("baseVersion"u8):
                    return TryTakeInteger(ref reader, out _baseVersion);
                case var name when name.SequenceEqual("contentVersion"u8):
                    return TryTakeInteger(ref reader, out _contentVersion);
                default:
                    reader.Skip(); // What a newer one says.
                    return true;
            }
        }

        private bool TryTakeRefs(ref Utf8JsonReader reader)
        {
            if (reader.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            var refs = new Dictionary<string, Guid>(StringComparer.Ordinal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var field = reader.GetString()!;
                reader.Read();
                if (_type is null || _type.FindOrdinal(field) < 0)
                {
                    return false;
                }

                refs[field] = reader.GetGuid();
            }

            _refs = refs;
            return reader.TokenType == JsonTokenType.EndObject;
        }

        private static bool TryTakeInteger(ref Utf8JsonReader reader, out long? integer)
        {
            integer = null;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            var isRead = reader.TokenType == JsonTokenType.Number ? reader.TryGetInt64(out var number) : long.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out number);
            integer = number;
            return isRead;
        }
    }
}
