using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Push;

/// <summary>
/// Reads commands of a device that knew this space before it was restored. Since then the space may have given an id once more: where the row that
/// has it was made by another command than the one the device means, that one gets an id of its own, the same for all devices.
/// </summary>
internal sealed class LostIds(PushSession session, Dictionary<string, Dictionary<string, Dictionary<string, Guid>>> lost)
{
    private readonly IdAllocator _ids = new(session);
    private readonly Dictionary<(string Type, Guid MadeBy), EntityKey> _fresh = [];
    private bool _noted;

    public async Task<ReceivedCommand> TranslateAsync(ReceivedCommand received, CancellationToken cancellationToken)
    {
        if (received.Command is not { } command || !lost.TryGetValue(command.Id.ToString("D"), out var mentioned))
        {
            return received;
        }

        await NoteMentionedAsync(cancellationToken).ConfigureAwait(false);
        var key = command.EntityId.Parts.ToArray();
        var newKey = command.NewEntityId?.Parts.ToArray();
        var payload = command.Payload;
        foreach (var (ordinal, target) in session.Model.Graph.IdsIn(command.Type))
        {
            var isOwn = ReferenceEquals(target, command.Type) && command.Type.IsKey(ordinal);
            if (!mentioned.TryGetValue(target.Name, out var madeBy) || command.Refs.ContainsKey(command.Type.Fields[ordinal].Name)
                || (isOwn && command is { Operation: Operation.Create, BaseVersion: null or 0 })) // A new row's id is a proposal, and no row's.
            {
                continue;
            }

            if (isOwn && madeBy.TryGetValue(command.EntityId.ToString(), out var own))
            {
                session.MadeBy[command.Id] = own;
            }

            if (isOwn && command is { Operation: Operation.Offer, Payload: not null } && await FormerKeyAsync(command, cancellationToken).ConfigureAwait(false) is { } former)
            {
                session.FormerKeys[command.Id] = former;
                continue;
            }

            for (var part = 0; part < key.Length; part++)
            {
                if (command.Type.KeyOrdinals[part] == ordinal)
                {
                    key[part] = await IdOfAsync(target, key[part], madeBy, cancellationToken).ConfigureAwait(false);
                    newKey?[part] = await IdOfAsync(target, newKey[part], madeBy, cancellationToken).ConfigureAwait(false);
                }
            }

            if (payload is not null && payload[ordinal] is { IsAbsent: false, IsNull: false } value)
            {
                payload = payload.With(ordinal, await IdOfAsync(target, value, madeBy, cancellationToken).ConfigureAwait(false));
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

    /// <summary>Keeps the fresh ids whose rows these commands brought back. One whose command was refused is nobody's: the row that had it before the restore may still come.</summary>
    public async Task KeepAsync(IEnumerable<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            foreach (var ((name, madeBy), key) in _fresh)
            {
                if (session.KeysOf.TryGetValue(command.Id, out var accepted) && accepted.Type.Name == name && accepted.Key == key)
                {
                    await session.Transaction.PutMadeAsync(accepted.Type, madeBy, key, cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    // A fresh id must not be one that the same push brings back.
    private async Task NoteMentionedAsync(CancellationToken cancellationToken)
    {
        if (_noted)
        {
            return;
        }

        _noted = true;
        foreach (var (name, ids) in lost.Values.SelectMany(types => types))
        {
            if (session.Model.Find(name) is { Identity: IdentityModel.ServerAssigned } type)
            {
                var highest = ids.Keys.Select(k => long.TryParse(k, System.Globalization.NumberStyles.Integer, System.Globalization.CultureInfo.InvariantCulture, out var id) ? id : 0).DefaultIfEmpty().Max();
                await _ids.NoteAsync(type, EntityKey.Of(highest), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // The row got this key in a commit that was lost: what is offered changes its key again, unless somebody wrote it since.
    private async Task<EntityKey?> FormerKeyAsync(PushCommand offer, CancellationToken cancellationToken)
    {
        var rows = session.Transaction;
        if (!session.MadeBy.TryGetValue(offer.Id, out var madeBy)
            || await rows.FindRowAsync(offer.Type, offer.EntityId, cancellationToken).ConfigureAwait(false) is not null
            || await rows.FindTombstoneAsync(offer.Type, offer.EntityId, cancellationToken).ConfigureAwait(false) is not null
            || await _ids.FindMadeAsync(offer.Type, madeBy, cancellationToken).ConfigureAwait(false) is not { } there
            || await rows.FindRowAsync(offer.Type, there, cancellationToken).ConfigureAwait(false) is not { } row)
        {
            return null;
        }

        return row.Origin.MadeBy == madeBy && row.Version < offer.BaseVersion && !(row.Origin.Offered >= offer.LostVersion) ? there : null;
    }

    private async Task<Value> IdOfAsync(EntityType type, Value id, Dictionary<string, Guid> mentioned, CancellationToken cancellationToken)
    {
        var key = new EntityKey([id]);
        if (!mentioned.TryGetValue(key.ToString(), out var madeBy))
        {
            return id; // Its key names it.
        }

        var live = await session.Transaction.FindRowAsync(type, key, cancellationToken).ConfigureAwait(false);
        if (live?.Origin.MadeBy == madeBy)
        {
            return id;
        }

        if (await _ids.FindMadeAsync(type, madeBy, cancellationToken).ConfigureAwait(false) is { } there)
        {
            return there[0];
        }

        var origin = live?.Origin ?? (await session.Transaction.FindTombstoneAsync(type, key, cancellationToken).ConfigureAwait(false))?.Origin;
        if (origin is null || origin.Value.MadeBy == madeBy)
        {
            return id; // Free, or its own: the lost row takes it again.
        }

        if (!_fresh.TryGetValue((type.Name, madeBy), out var fresh))
        {
            fresh = _fresh[(type.Name, madeBy)] = await _ids.NextAsync(type, key, cancellationToken).ConfigureAwait(false);
            session.Promised.Add((type.Name, fresh));
        }

        return fresh[0];
    }
}
