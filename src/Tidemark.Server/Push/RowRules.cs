#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>
/// What must hold at the end of a group: parents are there, deleted rows have no children left (delete rules are carried out here, also for rows
/// the sender never saw), unique values are held once.
/// </summary>
internal sealed class RowRules(PushSession session)
{
    private readonly List<(PushCommand Command, Row Row, Row? Former)> _written = [];
    private readonly List<(PushCommand Command, Row Row)> _deleted = [];
    private readonly Dictionary<Guid, Row> _changed = [];
    private readonly List<(EntityType Type, EntityKey Key)> _followed = [];
    private readonly MergedReferences _merged = new(session);

    private IStoreTransaction Rows => session.Transaction;

    /// <summary>Of another group.</summary>
    public void Begin()
    {
        _written.Clear();
        _deleted.Clear();
        _changed.Clear();
        _followed.Clear();
        _merged.Begin();
    }

    /// <summary>Did the group change anything?</summary>
    public bool HasWritten => _written.Count > 0 || _deleted.Count > 0;

    public void Written(PushCommand command, Row row, Row? former)
    {
        session.Followed.Remove((row.Type, row.Key));
        _written.Add((command, row, former));
    }

    public void Deleted(PushCommand command, Row row) => _deleted.Add((command, row));

    /// <summary>The row is deleted because another one stands for it: what refers to it moves there, whoever made it, instead of the delete rule.</summary>
    public Task MergedAsync(PushCommand command, StoredRow row, EntityKey into, CancellationToken cancellationToken) => _merged.AddAsync(command, row, into, cancellationToken);

    /// <summary>The group was undone: no row has followed a key.</summary>
    public void Undone() => _followed.ForEach(f => session.Followed.Remove(f));

    /// <summary>The row of a command when the checks changed it once more.</summary>
    public Row? ChangedRowOf(Guid command) => _changed.GetValueOrDefault(command);

    /// <param name="current">Told which command is looked at, so that a refusal names the right one.</param>
    /// <param name="cancellationToken">Ends the checks.</param>
    public async ValueTask CheckAsync(Action<Guid> current, CancellationToken cancellationToken)
    {
        for (var i = 0; i < _deleted.Count; i++)
        {
            current(_deleted[i].Command.Id);
            await _merged.MoveAsync(_deleted[i].Command, _deleted[i].Row, this, cancellationToken).ConfigureAwait(false);
            await FollowDeletionAsync(_deleted[i].Command, _deleted[i].Row, cancellationToken).ConfigureAwait(false);
        }

#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ParentUncheckedByServer))
        {
            return;
        }
#endif
        for (var i = 0; i < _written.Count; i++)
        {
            current(_written[i].Command.Id);
            await CheckParentsAsync(_written[i].Command, _written[i].Row, _written[i].Former, cancellationToken).ConfigureAwait(false);
        }

#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.UniqueUncheckedByServer))
        {
            return;
        }
#endif
        for (var i = 0; i < _written.Count; i++)
        {
            current(_written[i].Command.Id);
            await CheckUniqueAsync(_written[i].Command, _written[i].Row, _written[i].Former, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Children follow a renamed key, whoever made them.</summary>
    public async Task RenamedAsync(PushCommand command, Row from, Row to, CancellationToken cancellationToken)
    {
        foreach (var edge in session.Model.Graph.To(from.Type))
        {
            if (ValuesOf(from, edge.TargetOrdinals) is not { } values || ValuesOf(to, edge.TargetOrdinals) is not { } renamed || values.AsSpan().SequenceEqual(renamed))
            {
                continue;
            }

            var children = await Rows.FindKeysAsync(edge.Source, edge.SourceOrdinals, values, int.MaxValue, cancellationToken).ConfigureAwait(false);
            await Expectations.RowsAsync(Rows, edge.Source, children, cancellationToken).ConfigureAwait(false);
            foreach (var key in children)
            {
                var stored = (await Rows.FindRowAsync(edge.Source, key, cancellationToken).ConfigureAwait(false))!;
                var child = stored.Row;
                var moved = child;
                for (var i = 0; i < renamed.Length; i++)
                {
                    moved = moved.With(edge.SourceOrdinals[i], renamed[i]);
                }

                if (moved.Key != child.Key)
                {
                    await Rows.DeleteAsync(edge.Source, child.Key, OriginOf(command), cancellationToken).ConfigureAwait(false);
                    await Rows.UpsertAsync(moved, FollowingOriginOf(command, stored), cancellationToken).ConfigureAwait(false);
                    await RenamedAsync(command, child, moved, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await Rows.UpsertAsync(moved, FollowingOriginOf(command, stored), cancellationToken).ConfigureAwait(false);
                    if (stored.Version != Rows.PendingVersion)
                    {
                        session.Followed[(edge.Source, key)] = stored.Version;
                        _followed.Add((edge.Source, key));
                    }
                }
            }
        }
    }

    private async Task FollowDeletionAsync(PushCommand command, Row row, CancellationToken cancellationToken)
    {
        foreach (var edge in session.Model.Graph.To(row.Type))
        {
            if (ValuesOf(row, edge.TargetOrdinals) is not { } values || await ExistsAsync(edge, values, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            var children = await Rows.FindKeysAsync(edge.Source, edge.SourceOrdinals, values, int.MaxValue, cancellationToken).ConfigureAwait(false);
            await Expectations.RowsAsync(Rows, edge.Source, children, cancellationToken).ConfigureAwait(false);
            foreach (var key in children)
            {
                await FollowAsync(command, row, edge, key, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task FollowAsync(PushCommand command, Row parent, RelationEdge edge, EntityKey key, CancellationToken cancellationToken)
    {
        if (await Rows.FindRowAsync(edge.Source, key, cancellationToken).ConfigureAwait(false) is not { } child)
        {
            return; // Went with another relation.
        }

        switch (edge.Relation.OnDelete)
        {
            case DeleteRule.Cascade:
#if TIDEMARK_MUTANTS
                if (Mutants.Is(Mutant.CascadeUntold))
                {
                    return;
                }
#endif
                await Rows.DeleteAsync(edge.Source, key, OriginOf(command), cancellationToken).ConfigureAwait(false);
                _deleted.Add((command, child.Row));
                break;
            case DeleteRule.SetNull:
                var row = child.Row;
                foreach (var ordinal in edge.SourceOrdinals)
                {
                    row = row.With(ordinal, Value.Null);
                }

                await Rows.UpsertAsync(row, FollowingOriginOf(command, child), cancellationToken).ConfigureAwait(false);
                break;
            default:
                var stored = await Rows.FindRowAsync(parent.Type, parent.Key, cancellationToken).ConfigureAwait(false);
                throw Verdicts.Refuse(command, ErrorCodes.FkRestrict, $"{edge.Source.Name} {key} still refers to {parent.Type.Name} {parent.Key}, and the relation forbids the deletion.", edge.Relation.Fields[0], stored);
        }
    }

    private async ValueTask CheckParentsAsync(PushCommand command, Row row, Row? former, CancellationToken cancellationToken)
    {
        foreach (var edge in session.Model.Graph.From(row.Type))
        {
            if (ValuesOf(row, edge.SourceOrdinals) is not { } values
                || (former is not null && ValuesOf(former, edge.SourceOrdinals) is { } before && before.AsSpan().SequenceEqual(values))
                || edge.Target.Catalog is not null // A public row, perhaps: it is in another space, and its own devices have looked.
                || await ExistsAsync(edge, values, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            if (edge.Relation.Required || edge.SourceOrdinals.Any(o => !row.Type.Fields[o].Nullable || row.Type.IsKey(o)))
            {
                throw Verdicts.Refuse(command, ErrorCodes.ParentMissing, $"{edge}: there is no {edge.Target.Name} {new EntityKey(values)}.", edge.Relation.Fields[0]);
            }

            // A later command of the group may have written the row once more.
            row = (await Rows.FindRowAsync(row.Type, row.Key, cancellationToken).ConfigureAwait(false))?.Row ?? row;
            foreach (var ordinal in edge.SourceOrdinals)
            {
                row = row.With(ordinal, Value.Null);
            }

            await Rows.UpsertAsync(row, OwnOriginOf(command), cancellationToken).ConfigureAwait(false);
            _changed[command.Id] = row;
        }
    }

    internal async ValueTask<bool> ExistsAsync(RelationEdge edge, Value[] values, CancellationToken cancellationToken) => edge.TargetsKey
        ? await Rows.FindRowAsync(edge.Target, new EntityKey(values), cancellationToken).ConfigureAwait(false) is not null
        : (await Rows.FindKeysAsync(edge.Target, edge.TargetOrdinals, values, 1, cancellationToken).ConfigureAwait(false)).Count > 0;

    private async ValueTask CheckUniqueAsync(PushCommand command, Row row, Row? former, CancellationToken cancellationToken)
    {
        foreach (var unique in row.Type.UniqueKeys)
        {
            var ordinals = row.Type.OrdinalsOf(unique.Fields);
            if (ValuesOf(row, ordinals) is not { } values
                || (former is not null && former.Key == row.Key && ValuesOf(former, ordinals) is { } before && before.AsSpan().SequenceEqual(values)))
            {
                continue;
            }

            var holders = await Rows.FindKeysAsync(row.Type, ordinals, values, 2, cancellationToken).ConfigureAwait(false);
            if (!holders.Any(k => k != row.Key))
            {
                continue;
            }

            if (unique.Rule == UniqueRule.Rename && values[^1].Kind == ValueKind.Text)
            {
                row = (await Rows.FindRowAsync(row.Type, row.Key, cancellationToken).ConfigureAwait(false))?.Row ?? row;
                row = await RenameValueAsync(command, row, ordinals, values, cancellationToken).ConfigureAwait(false);
                continue;
            }

            var holder = await Rows.FindRowAsync(row.Type, holders.First(k => k != row.Key), cancellationToken).ConfigureAwait(false);
            throw Verdicts.Refuse(command, ErrorCodes.Unique, $"{row.Type.Name} {holder!.Row.Key} has the same {string.Join(", ", unique.Fields)}.", unique.Fields[0]);
        }
    }

    // The later of two equal values gets a number behind it, the least that is free.
    private async Task<Row> RenameValueAsync(PushCommand command, Row row, int[] ordinals, Value[] values, CancellationToken cancellationToken)
    {
        var text = values[^1].AsText;
        for (var number = 2; ; number++)
        {
            values[^1] = Value.Text(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{text} ({number})"));
            if ((await Rows.FindKeysAsync(row.Type, ordinals, values, 1, cancellationToken).ConfigureAwait(false)).Count == 0)
            {
                row = row.With(ordinals[^1], values[^1]);
                await Rows.UpsertAsync(row, OwnOriginOf(command), cancellationToken).ConfigureAwait(false);
                _changed[command.Id] = row;
                return row;
            }
        }
    }

    internal RowOrigin OriginOf(PushCommand command) => new(session.DeviceId, command.Id);

    // Of the command's own row: that it was an OFFER, and of which version, must not be lost by a correction.
    private RowOrigin OwnOriginOf(PushCommand command) => OriginOf(command) with { Offered = command.Operation == Operation.Offer ? command.LostVersion : null };

    // A reference that follows an OFFER is nobody's edit: the row's content is as old as it was, and a newer one that was lost still wins.
    private RowOrigin FollowingOriginOf(PushCommand command, StoredRow row) => OriginOf(command) with
    {
        Offered = command.Operation != Operation.Offer ? null : row.Origin.Offered ?? (row.Version == Rows.PendingVersion ? null : row.Version),
    };

    internal static Value[]? ValuesOf(Row row, IReadOnlyList<int> ordinals)
    {
        var values = new Value[ordinals.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = row[ordinals[i]];
            if (values[i].IsNull || values[i].IsAbsent)
            {
                return null;
            }
        }

        return values;
    }
}
