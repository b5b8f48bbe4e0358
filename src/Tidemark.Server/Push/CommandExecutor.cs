#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>What each operation does to the tables. References and unique values are checked by <see cref="RowRules"/> at the group's end.</summary>
internal sealed class CommandExecutor(PushSession session, RowRules rules)
{
    private readonly IdAllocator _ids = new(session);
    private readonly UniqueMerges _merges = new(session);
    private readonly HashSet<Guid> _held = []; // What they wrote is not what the device sent.

    private IStoreTransaction Rows => session.Transaction;

    /// <summary>Of another group.</summary>
    public void Begin()
    {
        rules.Begin();
        _merges.Begin();
        _held.Clear();
    }

    /// <summary>Ids of new rows and new keys first, so that members of a cycle can refer to each other.</summary>
    public async ValueTask AssignIdsAsync(IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        for (var i = 0; i < commands.Count; i++)
        {
            if (commands[i].Command is { Operation: Operation.Rekey, NewEntityId: { } renamed } command)
            {
                session.KeysOf[command.Id] = (command.Type, renamed);
            }
        }

        for (var i = 0; i < commands.Count; i++)
        {
            if (commands[i].Command is not { Operation: Operation.Create } command || !Expectations.IsKeyKnown(command))
            {
                continue;
            }

            var key = await _merges.FindAsync(command, commands, cancellationToken).ConfigureAwait(false)
                ?? await _ids.KeyOfAsync(command, cancellationToken).ConfigureAwait(false);
            session.KeysOf[command.Id] = (command.Type, key);
        }
    }

    public async ValueTask<RecordedVerdict> ExecuteAsync(PushCommand received, byte[] hash, CancellationToken cancellationToken)
    {
        var command = Resolve(received);
        var (version, key, row) = command.Operation switch
        {
            Operation.Create => await CreateAsync(command, cancellationToken).ConfigureAwait(false),
            Operation.Update => await UpdateAsync(command, cancellationToken).ConfigureAwait(false),
            Operation.Delete => await DeleteAsync(command, cancellationToken).ConfigureAwait(false),
            Operation.Rekey => await RekeyAsync(command, cancellationToken).ConfigureAwait(false),
            _ => await OfferAsync(command, cancellationToken).ConfigureAwait(false),
        };
        session.KeysOf[command.Id] = (command.Type, key);
        var sent = session.SentKeys.TryGetValue(received.Id, out var known) ? known : received.EntityId;
        var isMet = command.Operation == Operation.Create && version != Rows.PendingVersion; // By a row that another CREATE may have made.
        var told = row is not null && (key != received.EntityId || isMet || MayDiffer(received, row)) ? Verdicts.RowOf(row).Utf8.ToArray() : null;
        var clientId = Verdicts.KeyOf(command.Type, sent).Utf8.ToArray();
        return new RecordedVerdict(command.Id, hash, command.Type.Name, clientId, sent == key ? clientId : Verdicts.KeyOf(command.Type, key).Utf8.ToArray(), version, told);
    }

    // Is the row, as it stands, perhaps another than the device has sent? An offer may find the version of another device, which knew a parent by another id.
    private bool MayDiffer(PushCommand received, Row row) =>
        received.Refs.Count > 0 || session.SentKeys.ContainsKey(received.Id) || _merges.Has(received.Id) || _held.Contains(received.Id) || session.Replaced.Contains(received.Id)
        || (received is { Operation: Operation.Offer, Payload: { } offered } && !row.SameAs(offered));

    // Values that come from other commands' rows are put in; what they stood for on the device is forgotten.
    private PushCommand Resolve(PushCommand command)
    {
        if (command.Refs.Count == 0)
        {
            return command;
        }

        var payload = command.Payload;
        var parts = command.EntityId.Parts.ToArray();
        foreach (var (field, id) in command.Refs)
        {
            if (!session.KeysOf.TryGetValue(id, out var target))
            {
                throw Verdicts.Refuse(command, ErrorCodes.ParentMissing, $"{field} refers to command {id}, which was not accepted.", field);
            }

            var value = ValueOf(command.Type, field, target.Type, target.Key);
            var ordinal = command.Type.OrdinalOf(field);
            payload = payload?.With(ordinal, value);
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i] = command.Type.KeyOrdinals[i] == ordinal ? value : parts[i];
            }
        }

        return command with { Payload = payload, EntityId = new EntityKey(parts) };
    }

    internal static Value ValueOf(EntityType type, string field, EntityType targetType, EntityKey key)
    {
        foreach (var relation in type.Relations.Where(r => r.Target == targetType.Name && r.TargetFields.Count == 0))
        {
            for (var i = 0; i < relation.Fields.Count; i++)
            {
                if (relation.Fields[i] == field)
                {
                    return key[i];
                }
            }
        }

        return key[0];
    }

    private async ValueTask<(long, EntityKey, Row?)> CreateAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var payload = Completed(command, Underived(command, command.Payload ?? throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, "A CREATE carries its row.")));
        var key = session.KeysOf.TryGetValue(command.Id, out var assigned) ? assigned.Key : command.EntityId;
        var row = Keyed(payload, key);
        if (await Rows.FindRowAsync(command.Type, key, cancellationToken).ConfigureAwait(false) is { } live)
        {
            if (_held.Contains(command.Id))
            {
                row = WithDerived(row, live.Row); // The same row made twice is the same, whatever the server has derived since.
            }

            if (command.BaseVersion is null && live.Origin.MadeBy == command.Id && !live.Row.SameAs(row))
            {
                _held.Add(command.Id);
                return (live.Version, key, live.Row); // It was carried out before a restore; others have brought its row back and edited it since.
            }

            return live.Row.SameAs(row) ? (live.Version, key, row)
                : _merges.Has(command.Id) ? await MergeAsync(command, live, row, cancellationToken).ConfigureAwait(false)
                : throw Verdicts.Conflict(command, live, "exists");
        }

        if (command is { BaseVersion: null or > 0, Type.Identity: IdentityModel.ServerAssigned }
            && await Rows.FindTombstoneAsync(command.Type, key, cancellationToken).ConfigureAwait(false) is { } former)
        {
            if (former.Origin.MadeBy == command.Id || (command.BaseVersion is not null && !IdAllocator.IsBroughtBackFrom(command, former)))
            {
                throw Verdicts.Gone(command, former); // Deleted since: carried out before a restore, or brought back from an older deletion.
            }

            if (command.BaseVersion is not null && former.Origin.MadeBy is { } made)
            {
                session.MadeBy[command.Id] = made;
            }
        }

        await WriteAsync(command, row, null, cancellationToken).ConfigureAwait(false);
        return (Rows.PendingVersion, key, row);
    }

    // Adopted rows are named by their key. A row that is offered or brought back is the one it was.
    private Guid? MadeBy(PushCommand command) => command switch
    {
        { Type.Identity: not IdentityModel.ServerAssigned } => null,
        { Operation: Operation.Create, BaseVersion: null } => command.Id,
        _ => session.MadeBy.TryGetValue(command.Id, out var made) ? made : null,
    };

    private async ValueTask<(long, EntityKey, Row?)> MergeAsync(PushCommand command, StoredRow live, Row row, CancellationToken cancellationToken)
    {
        var merged = UniqueMerges.Merge(live.Row, row, new MergeContext { Now = session.Environment.Time.GetUtcNow(), Merges = session.Options.Merges });
        if (merged.SameAs(live.Row))
        {
            return (live.Version, merged.Key, merged);
        }

        CheckNulls(command, merged);
        await WriteAsync(command, merged, live.Row, cancellationToken).ConfigureAwait(false);
        return (Rows.PendingVersion, merged.Key, merged);
    }

    private async ValueTask<(long, EntityKey, Row?)> UpdateAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var live = await FindBaseAsync(command, cancellationToken).ConfigureAwait(false)
            ?? throw Verdicts.Refuse(command, ErrorCodes.RowGone, "The row does not exist here, and its deletion is not remembered.");
        var payload = WithoutDerived(command.Payload ?? throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, "An UPDATE carries the changed fields."));
        var row = Held(command, live.Row, live.Row.Patched(payload));
        if (row.Key != live.Row.Key)
        {
            throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, "An UPDATE may not change the key; send a REKEY.", command.Type.Key[0]);
        }

        CheckNulls(command, row);
        if (row.SameAs(live.Row))
        {
            return (live.Version, row.Key, row);
        }

        await WriteAsync(command, row, live.Row, cancellationToken).ConfigureAwait(false);
        return (Rows.PendingVersion, row.Key, row);
    }

    private async ValueTask<(long, EntityKey, Row?)> DeleteAsync(PushCommand command, CancellationToken cancellationToken)
    {
        if (await Rows.FindRowAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) is null)
        {
            var tombstone = await Rows.FindTombstoneAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false);
            return (tombstone?.Version ?? Rows.State!.Head.Position, command.EntityId, null);
        }

        var live = (await FindBaseAsync(command, cancellationToken).ConfigureAwait(false))!;
#if TIDEMARK_MUTANTS
        if (command.NewEntityId is { } into && !Mutants.Is(Mutant.MergedChildrenUntold))
#else
        if (command.NewEntityId is { } into)
#endif
        {
            await rules.MergedAsync(command, live, into, cancellationToken).ConfigureAwait(false);
        }

        await Rows.DeleteAsync(command.Type, command.EntityId, OriginOf(command), cancellationToken).ConfigureAwait(false);
        rules.Deleted(command, live.Row);
        return (Rows.PendingVersion, command.EntityId, null);
    }

    private async ValueTask<(long, EntityKey, Row?)> RekeyAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var to = command.NewEntityId ?? throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, "A REKEY carries newEntityId.");
        var live = await FindBaseAsync(command, cancellationToken).ConfigureAwait(false)
            ?? throw Verdicts.Refuse(command, ErrorCodes.RowGone, "The row does not exist here, and its deletion is not remembered.");
        if (await Rows.FindRowAsync(command.Type, to, cancellationToken).ConfigureAwait(false) is { } taken)
        {
            throw Verdicts.Refuse(command, ErrorCodes.Unique, $"Another row has the key {to}.", command.Type.Key[0], taken);
        }

        var row = Keyed(command.Payload is { } payload ? Held(command, live.Row, live.Row.Patched(WithoutDerived(payload))) : live.Row, to);
        CheckNulls(command, row);
        await MoveAsync(command, live, row, cancellationToken).ConfigureAwait(false);
        return (Rows.PendingVersion, to, row);
    }

    // The row is the one it was, under another key; its children follow.
    private async Task MoveAsync(PushCommand command, StoredRow live, Row row, CancellationToken cancellationToken)
    {
        await _ids.NoteAsync(command.Type, row.Key, cancellationToken).ConfigureAwait(false);
        if (live.Origin.MadeBy is { } made)
        {
            session.MadeBy[command.Id] = made;
            await Rows.PutMadeAsync(command.Type, made, row.Key, cancellationToken).ConfigureAwait(false);
        }

        await Rows.DeleteAsync(command.Type, live.Row.Key, OriginOf(command) with { Moved = true }, cancellationToken).ConfigureAwait(false);
        await WriteAsync(command, row, live.Row, cancellationToken).ConfigureAwait(false);
        await rules.RenamedAsync(command, live.Row, row, cancellationToken).ConfigureAwait(false);
    }

    // A row that a restored server may have lost: the newest lost version wins, unless somebody wrote the row since.
    private async ValueTask<(long, EntityKey, Row?)> OfferAsync(PushCommand command, CancellationToken cancellationToken)
    {
        if (command.BaseVersion is not > 0 || command.LostVersion is not > 0)
        {
            throw Verdicts.Refuse(command, ErrorCodes.BaseRequired, "An OFFER carries the lost version, above 0, as baseVersion; contentVersion, where it has one, is above 0 too.");
        }

        var lost = command.LostVersion.Value;
        var live = await Rows.FindRowAsync(command.Type, session.FormerKeys.GetValueOrDefault(command.Id, command.EntityId), cancellationToken).ConfigureAwait(false);
        var tombstone = live is null ? await Rows.FindTombstoneAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) : null;
        var origin = live?.Origin ?? tombstone?.Origin ?? default;
        var version = live?.Version ?? tombstone?.Version ?? 0;
        if (origin.Offered >= lost || version == lost || version == command.BaseVersion)
        {
            ThrowIfNewerDiffers(command, live, tombstone, origin.Offered > lost);
            return (version, command.EntityId, live?.Row);
        }

        if (version > lost && origin.Offered is null)
        {
            throw live is not null ? Verdicts.Conflict(command, live, "written since the restore") : Verdicts.Gone(command, tombstone!);
        }

        if (command.Payload is not { } payload)
        {
            await Rows.DeleteAsync(command.Type, command.EntityId, OriginOf(command), cancellationToken).ConfigureAwait(false);
            if (live is not null)
            {
                rules.Deleted(command, live.Row);
            }

            return (Rows.PendingVersion, command.EntityId, null);
        }

        var row = Keyed(Completed(command, payload), command.EntityId);
        await _ids.NoteAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false);
        if (live is not null && live.Row.Key != row.Key)
        {
            await MoveAsync(command, live, row, cancellationToken).ConfigureAwait(false);
            return (Rows.PendingVersion, command.EntityId, row);
        }

        if (live is null && MadeBy(command) is { } made)
        {
            await Rows.PutMadeAsync(command.Type, made, command.EntityId, cancellationToken).ConfigureAwait(false);
        }

        await WriteAsync(command, row, live?.Row, cancellationToken).ConfigureAwait(false);
        return (Rows.PendingVersion, command.EntityId, row);
    }

    // Accepted without a word, the device would take what it offered for what stands here under that version.
    private void ThrowIfNewerDiffers(PushCommand command, StoredRow? live, Tombstone? tombstone, bool isNewer)
    {
        if (!isNewer)
        {
            return;
        }

        if (live is not null && (command.Payload is not { } payload || !Keyed(Completed(command, payload), command.EntityId).SameAs(live.Row)))
        {
            throw Verdicts.Conflict(command, live, "a newer version was offered");
        }

        if (live is null && command.Payload is not null && tombstone is not null)
        {
            throw Verdicts.Gone(command, tombstone);
        }
    }

    // The row an edit was made on; null when neither row nor tombstone is known.
    private async ValueTask<StoredRow?> FindBaseAsync(PushCommand command, CancellationToken cancellationToken)
    {
        var wanted = command.After is { } after && session.VersionsOf.TryGetValue(after, out var version) ? version : command.BaseVersion;
        if (wanted is null)
        {
            throw Verdicts.Refuse(command, ErrorCodes.BaseRequired, "An UPDATE, DELETE or REKEY needs baseVersion, or after with the id of an accepted command of the same batch.");
        }

        if (await Rows.FindRowAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) is { } row)
        {
            return
#if TIDEMARK_MUTANTS
                Mutants.Is(Mutant.BaseVersionUnchecked) ||
#endif
                row.Version == wanted || (row.Version == Rows.PendingVersion && session.Followed.TryGetValue((command.Type, command.EntityId), out var before) && before == wanted) ? row : throw Verdicts.Conflict(command, row, "version");
        }

        return await Rows.FindTombstoneAsync(command.Type, command.EntityId, cancellationToken).ConfigureAwait(false) is { } tombstone
            ? throw Verdicts.Gone(command, tombstone)
            : null;
    }

    private async ValueTask WriteAsync(PushCommand command, Row row, Row? former, CancellationToken cancellationToken)
    {
        if (RowSize.Exceeds(row, session.Options.Limits.RowBytesMax))
        {
            throw Verdicts.Refuse(command, ErrorCodes.TooLarge, $"The row is larger than rowBytesMax, {session.Options.Limits.RowBytesMax} bytes of JSON.");
        }

        await Rows.UpsertAsync(row, OriginOf(command), cancellationToken).ConfigureAwait(false);
        rules.Written(command, row, former);
    }

    private RowOrigin OriginOf(PushCommand command) =>
        new(session.DeviceId, command.Id, command.Operation == Operation.Offer ? command.LostVersion : null, MadeBy(command));

    private Row Completed(PushCommand command, Row payload)
    {
        for (var i = 0; i < payload.Values.Length; i++)
        {
            if (payload.Values[i].IsAbsent)
            {
                payload = payload.With(i, Value.Null);
            }
        }

        CheckNulls(command, Keyed(payload, command.EntityId));
        return payload;
    }

    private static Row Keyed(Row row, EntityKey key)
    {
        for (var i = 0; i < key.Count; i++)
        {
            var ordinal = row.Type.KeyOrdinals[i];
            row = row[ordinal] == key[i] ? row : row.With(ordinal, key[i]);
        }

        return row;
    }

    // A field that never goes back, and what only the server writes: the device is told what stands.
    private Row Held(PushCommand command, Row stored, Row written)
    {
        var held = EntityMerger.Held(stored, written);
        if (!ReferenceEquals(held, written) || command.Payload is { } payload && !ReferenceEquals(WithoutDerived(payload), payload))
        {
            _held.Add(command.Id);
        }

        return held;
    }

    // What only the server writes is not there yet. A field that may not be null keeps what its row was made with.
    private Row Underived(PushCommand command, Row payload)
    {
        for (var i = 0; i < payload.Type.Fields.Count; i++)
        {
            if (payload.Type.Fields[i] is { ServerDerived: true, Nullable: true } && !payload[i].IsAbsent && !payload[i].IsNull)
            {
                payload = payload.With(i, Value.Null);
                _held.Add(command.Id);
            }
        }

        return payload;
    }

    private static Row WithDerived(Row row, Row from)
    {
        for (var i = 0; i < row.Type.Fields.Count; i++)
        {
            row = row.Type.Fields[i] is { ServerDerived: true, Nullable: true } ? row.With(i, from[i]) : row;
        }

        return row;
    }

    private static Row WithoutDerived(Row payload)
    {
        for (var i = 0; i < payload.Type.Fields.Count; i++)
        {
            if (payload.Type.Fields[i].ServerDerived && !payload[i].IsAbsent)
            {
                payload = payload.With(i, Value.Absent);
            }
        }

        return payload;
    }

    private void CheckNulls(PushCommand command, Row row)
    {
        CheckSpace(command, row);
        for (var i = 0; i < row.Values.Length; i++)
        {
            if (row.Values[i].IsNull && !row.Type.Fields[i].Nullable)
            {
                throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, $"{row.Type.Name}.{row.Type.Fields[i].Name} may not be null.", row.Type.Fields[i].Name);
            }
        }
    }

    // A row that says which space it is in says the truth: it is what a device goes by.
    private void CheckSpace(PushCommand command, Row row)
    {
        if (row.Type.Space is { } field && !session.Model.Graph.From(row.Type).Any(e => e.Relation.Fields is [var only] && only == field))
        {
            var (named, space) = (row[field], session.Transaction.Space);
            var isOwn = !Spaces.IsShared(space);
            if (!(named.IsNull && isOwn) && !(named.Kind == ValueKind.Text && named.AsText == space.Value) && !named.IsAbsent)
            {
                throw Verdicts.Refuse(command, ErrorCodes.ValidationFailed, $"{row.Type.Name}.{field} says another space than the one the row is in. A row does not change its space: make it anew in the other one.", field);
            }
        }
    }
}
