using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>Which key a new row gets. Where the server assigns ids, a proposed one is kept when it is free and was never used.</summary>
internal sealed class IdAllocator(PushSession session)
{
    public async ValueTask<EntityKey> KeyOfAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var type = command.Type;
        var key = command.EntityId;
        if (type.Identity != IdentityModel.ServerAssigned)
        {
            return key;
        }

        // Its row was lost by a restore, and a device that had seen it has brought it back already.
        if (command.BaseVersion is null && await session.Transaction.FindMadeAsync(type, command.Id, cancellationToken).ConfigureAwait(false) is { } made)
        {
            return made;
        }

        if (await IsKeptAsync(command, cancellationToken).ConfigureAwait(false))
        {
            await NoteAsync(type, key, cancellationToken).ConfigureAwait(false);
            return key;
        }

        return await NextAsync(type, key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The id that the row of a CREATE has, if it is here at all.</summary>
    public async ValueTask<EntityKey?> FindMadeAsync(EntityType type, Guid madeBy, CancellationToken cancellationToken)
    {
        if (await session.Transaction.FindMadeAsync(type, madeBy, cancellationToken).ConfigureAwait(false) is { } made)
        {
            return made;
        }

        // Sent again to the restored server by the device that made it.
        if (await session.Transaction.FindVerdictAsync(session.User, madeBy, cancellationToken).ConfigureAwait(false) is not { } recorded || recorded.EntityType != type.Name)
        {
            return null;
        }

        var reader = new System.Text.Json.Utf8JsonReader(recorded.ServerId);
        reader.Read();
        return WireRow.ReadKey(type, ref reader);
    }

    /// <summary>An id that no row of the space has or had.</summary>
    /// <param name="type">The type.</param>
    /// <param name="like">An id of the same kind.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    public async ValueTask<EntityKey> NextAsync(EntityType type, EntityKey like, CancellationToken cancellationToken)
    {
        if (like[0].Kind != ValueKind.Integer)
        {
            return EntityKey.Of(session.Environment.NewId().ToString("D"));
        }

        var counter = await session.Transaction.GetIdCounterAsync(type, cancellationToken).ConfigureAwait(false);
        var next = EntityKey.Of(Math.Max(counter.Last, 0) + 1);
        while (await session.Transaction.FindRowAsync(type, next, cancellationToken).ConfigureAwait(false) is not null)
        {
            next = EntityKey.Of(next[0].AsInteger + 1); // Written by another program, which asked nobody for its id.
        }

        await NoteAsync(type, next, cancellationToken).ConfigureAwait(false);
        return next;
    }

    /// <summary>The id is used now, and never again for another row.</summary>
    public async ValueTask NoteAsync(EntityType type, EntityKey key, CancellationToken cancellationToken)
    {
        if (type.Identity == IdentityModel.ServerAssigned && key[0].Kind == ValueKind.Integer
            && key[0].AsInteger > (await session.Transaction.GetIdCounterAsync(type, cancellationToken).ConfigureAwait(false)).Last)
        {
            await session.Transaction.SetLastIdAsync(type, key[0].AsInteger, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A restored server got the deletion back under a new version: the row is brought back from the one it had before.</summary>
    public static bool IsBroughtBackFrom(PushCommand command, Tombstone tombstone) =>
        command.BaseVersion > 0 && (command.BaseVersion == tombstone.Version || command.BaseVersion == tombstone.Origin.Offered);

    // Brought back and deleted once more since. An id is given to another row only by a server that was restored, and to it the older deletion is no commit of its history.
    private async ValueTask<bool> IsOfItsRowAsync(long older, Tombstone tombstone, CancellationToken cancellationToken) =>
        older > 0 && older < tombstone.Version && await session.Transaction.HasCommitAsync(older, cancellationToken).ConfigureAwait(false);

    private async ValueTask<bool> IsKeptAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var (type, key) = (command.Type, command.EntityId);
        if ((key[0].Kind == ValueKind.Integer && key[0].AsInteger <= 0) || session.Promised.Contains((type.Name, key)))
        {
            return false;
        }

        if (await session.Transaction.FindRowAsync(type, key, cancellationToken).ConfigureAwait(false) is { } live)
        {
            // The same row again, an adopted one, or one that somebody else has brought back already: met as it is, equal or in conflict.
            return command.BaseVersion is >= 0 || (command.Payload is { } payload && command.Refs.Count == 0 && live.Row.SameAs(payload));
        }

        if (await session.Transaction.FindTombstoneAsync(type, key, cancellationToken).ConfigureAwait(false) is { } tombstone)
        {
            return command.BaseVersion == 0 || tombstone.Origin.MadeBy == command.Id || IsBroughtBackFrom(command, tombstone)
                || (command.BaseVersion is { } older && await IsOfItsRowAsync(older, tombstone, cancellationToken).ConfigureAwait(false));
        }

        var counter = await session.Transaction.GetIdCounterAsync(type, cancellationToken).ConfigureAwait(false);
        return command.BaseVersion is 0 or > 0 || key[0].Kind != ValueKind.Integer || key[0].AsInteger > counter.Forgotten;
    }
}
