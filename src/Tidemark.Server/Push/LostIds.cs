using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Push;

/// <summary>
/// Reads commands of a device that knew this space before it was restored. Since then the space may have given an id once more: where the row that
/// has it began elsewhere than the one the device means, that one gets an id of its own, the same for all devices.
/// </summary>
internal sealed class LostIds(PushSession session, Dictionary<string, Dictionary<string, Dictionary<string, long>>> lost)
{
    private readonly IdAllocator _ids = new(session);

    public async Task<ReceivedCommand> TranslateAsync(ReceivedCommand received, CancellationToken cancellationToken)
    {
        if (received.Command is not { } command || !lost.TryGetValue(command.Id.ToString("D"), out var mentioned))
        {
            return received;
        }

        var key = command.EntityId.Parts.ToArray();
        var newKey = command.NewEntityId?.Parts.ToArray();
        var payload = command.Payload;
        foreach (var (ordinal, target) in session.Model.Graph.IdsIn(command.Type))
        {
            var isOwn = ReferenceEquals(target, command.Type) && command.Type.IsKey(ordinal);
            if (!mentioned.TryGetValue(target.Name, out var began) || command.Refs.ContainsKey(command.Type.Fields[ordinal].Name)
                || (isOwn && command is { Operation: Operation.Create, BaseVersion: null or 0 })) // A new row's id is a proposal, and no row's.
            {
                continue;
            }

            if (isOwn && began.TryGetValue(command.EntityId.ToString(), out var own))
            {
                session.BeganOf[command.Id] = own;
            }

            for (var part = 0; part < key.Length; part++)
            {
                if (command.Type.KeyOrdinals[part] == ordinal)
                {
                    key[part] = await IdOfAsync(target, key[part], began, cancellationToken).ConfigureAwait(false);
                    newKey?[part] = await IdOfAsync(target, newKey[part], began, cancellationToken).ConfigureAwait(false);
                }
            }

            if (payload is not null && payload[ordinal] is { IsAbsent: false, IsNull: false } value)
            {
                payload = payload.With(ordinal, await IdOfAsync(target, value, began, cancellationToken).ConfigureAwait(false));
            }
        }

        var translated = command with { EntityId = new EntityKey(key), NewEntityId = newKey is null ? null : new EntityKey(newKey), Payload = payload };
        if (translated.EntityId == command.EntityId && translated.NewEntityId == command.NewEntityId && (payload is null || payload.SameAs(command.Payload!)))
        {
            return received;
        }

        session.SentKeys[command.Id] = command.EntityId;
        return received with { Command = translated };
    }

    private async Task<Value> IdOfAsync(EntityType type, Value id, Dictionary<string, long> mentioned, CancellationToken cancellationToken)
    {
        var key = new EntityKey([id]);
        if (!mentioned.TryGetValue(key.ToString(), out var began))
        {
            return id; // From before what was lost.
        }

        var origin = (await session.Transaction.FindRowAsync(type, key, cancellationToken).ConfigureAwait(false))?.Origin
            ?? (await session.Transaction.FindTombstoneAsync(type, key, cancellationToken).ConfigureAwait(false))?.Origin;
        if (origin?.Began == began)
        {
            return id;
        }

        if (await session.Transaction.FindMovedAsync(type, key, began, cancellationToken).ConfigureAwait(false) is { } moved)
        {
            return moved[0];
        }

        if (origin is null)
        {
            return id; // Free: the lost row takes it again.
        }

        var fresh = await _ids.NextAsync(type, key, cancellationToken).ConfigureAwait(false);
        await session.Transaction.PutMovedAsync(type, key, began, fresh, cancellationToken).ConfigureAwait(false);
        return fresh[0];
    }
}
