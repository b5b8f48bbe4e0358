using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>Verdicts in their wire form.</summary>
internal static class Verdicts
{
    public static FailedVerdict Failed(Guid id, string code, string message, string? field = null) => new()
    {
        CommandId = id,
        Code = code,
        Message = message,
        Retryable = ErrorCodes.Find(code)?.Retryable ?? false,
        Field = field,
    };

    public static AcceptedVerdict Of(RecordedVerdict recorded) => new()
    {
        CommandId = recorded.CommandId,
        EntityType = recorded.EntityType,
        ClientId = new RawJson(recorded.ClientId),
        ServerId = new RawJson(recorded.ServerId),
        Version = recorded.Version,
        ChangedAt = WireTime.OfPosition(recorded.Version),
        Row = recorded.Row is { } row ? new RawJson(row) : null,
    };

    public static RefusedException Refuse(PushCommand command, string code, string message, string? field = null, StoredRow? row = null) =>
        new(Failed(command.Id, code, message, field) with
        {
            ServerRow = row is null ? null : RowOf(row.Row),
            ServerVersion = row?.Version,
        }, null);

    public static RefusedException Conflict(PushCommand command, StoredRow row, string reason) => new(null, new ConflictVerdict
    {
        CommandId = command.Id,
        EntityType = command.Type.Name,
        EntityId = KeyOf(command.Type, row.Row.Key),
        ServerVersion = row.Version,
        ServerRow = RowOf(row.Row),
        MadeBy = row.Origin.MadeBy,
        ContentVersion = row.Origin.Offered,
        Reason = reason,
    });

    public static RefusedException Gone(PushCommand command, Tombstone tombstone) => new(null, new ConflictVerdict
    {
        CommandId = command.Id,
        EntityType = command.Type.Name,
        EntityId = KeyOf(command.Type, tombstone.Key),
        ServerVersion = tombstone.Version,
        ServerDeleted = true,
        MadeBy = tombstone.Origin.MadeBy,
        ContentVersion = tombstone.Origin.Offered,
        Reason = "deleted",
    });

    public static RawJson KeyOf(EntityType type, EntityKey key)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteKey(type, key);
        return new RawJson(writer.ToArray());
    }

    public static RawJson RowOf(Row row)
    {
        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, WireRow.Sendable(row));
        return new RawJson(writer.ToArray());
    }
}
