using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Push;

/// <summary>
/// Reads commands of a device that knew this space before it was restored. Since then the space may have given an id once more: where the row
/// that has it began behind the first commit that was lost, the device means another one, and that one gets an id of its own, the same for all devices.
/// </summary>
internal sealed class LostIds(PushSession session, long lostFrom)
{
    private readonly IdAllocator _ids = new(session);

    public async Task<ReceivedCommand> TranslateAsync(ReceivedCommand received, CancellationToken cancellationToken)
    {
        if (received.Command is not { } command)
        {
            return received;
        }

        var key = command.EntityId.Parts.ToArray();
        var newKey = command.NewEntityId?.Parts.ToArray();
        var payload = command.Payload;
        foreach (var (ordinal, target) in session.Model.Graph.IdsIn(command.Type))
        {
            var at = command.Type.KeyOrdinals.ToList().IndexOf(ordinal);
            if (IsProposed(command, target) || command.Refs.ContainsKey(command.Type.Fields[ordinal].Name))
            {
                continue;
            }

            var written = command.Operation == Operation.Offer ? command.BaseVersion ?? 0 : 0;
            if (at >= 0)
            {
                key[at] = await IdOfAsync(target, key[at], ReferenceEquals(target, command.Type) ? written : 0, cancellationToken).ConfigureAwait(false);
            }

            if (at >= 0 && newKey is not null)
            {
                newKey[at] = await IdOfAsync(target, newKey[at], 0, cancellationToken).ConfigureAwait(false);
            }

            if (payload is not null && payload[ordinal] is { IsAbsent: false, IsNull: false } value)
            {
                payload = payload.With(ordinal, await IdOfAsync(target, value, at >= 0 && ReferenceEquals(target, command.Type) ? written : 0, cancellationToken).ConfigureAwait(false));
            }
        }

        var translated = command with { EntityId = new EntityKey(key), NewEntityId = newKey is null ? null : new EntityKey(newKey), Payload = payload };
        if (translated.EntityId == command.EntityId && (payload is null || payload.SameAs(command.Payload!)) && translated.NewEntityId == command.NewEntityId)
        {
            return received;
        }

        session.SentKeys[command.Id] = command.EntityId;
        return received with { Command = translated };
    }

    // A new row's id is a proposal, and no row's.
    private static bool IsProposed(PushCommand command, EntityType target) =>
        command.Operation == Operation.Create && ReferenceEquals(target, command.Type) && command.BaseVersion is null or 0;

    private async Task<Value> IdOfAsync(EntityType type, Value id, long written, CancellationToken cancellationToken)
    {
        var key = new EntityKey([id]);
        var began = await session.Transaction.FindRowAsync(type, key, cancellationToken).ConfigureAwait(false) is { } row ? row.Began
            : (await session.Transaction.FindTombstoneAsync(type, key, cancellationToken).ConfigureAwait(false))?.Began;
        if (began is { } position && position < lostFrom && (written == 0 || position <= written))
        {
            return id;
        }

        if (await session.Transaction.FindMovedAsync(type, key, cancellationToken).ConfigureAwait(false) is { } moved)
        {
            return moved[0];
        }

        if (began is null)
        {
            return id;
        }

        var fresh = await _ids.NextAsync(type, key, cancellationToken).ConfigureAwait(false);
        await session.Transaction.PutMovedAsync(type, key, fresh, cancellationToken).ConfigureAwait(false);
        return fresh[0];
    }
}
