using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>
/// References to rows that were merged into others. The device that merged has moved those it knew; what it did not know moves here. Where that cannot be done
/// soundly the deletion is a conflict: the device takes its row back, sees what it did not know, and may merge again.
/// </summary>
internal sealed class MergedReferences(PushSession session)
{
    private readonly Dictionary<Guid, (StoredRow Row, EntityKey Into)> _merged = [];

    private IStoreTransaction Rows => session.Transaction;

    /// <summary>Of another group.</summary>
    public void Begin() => _merged.Clear();

    /// <exception cref="RefusedException">The row that is to stand for it is not there.</exception>
    public async Task AddAsync(PushCommand command, StoredRow row, EntityKey into, CancellationToken cancellationToken)
    {
        if (into == command.EntityId || await Rows.FindRowAsync(command.Type, into, cancellationToken).ConfigureAwait(false) is null)
        {
            throw Verdicts.Conflict(command, row, ConflictReasons.MergeRefused);
        }

        _merged[command.Id] = (row, into);
    }

    /// <summary>Moves what still refers to the deleted row.</summary>
    public async Task MoveAsync(PushCommand command, Row deleted, RowRules rules, CancellationToken cancellationToken)
    {
        if (!_merged.TryGetValue(command.Id, out var merge) || deleted.Type != command.Type || deleted.Key != merge.Row.Row.Key)
        {
            return; // A row that went along by a delete rule.
        }

        // Merged into a row that was merged in the same group: nobody has said so, but nobody is left either.
        var stays = (await Rows.FindRowAsync(command.Type, merge.Into, cancellationToken).ConfigureAwait(false))?.Row ?? throw Verdicts.Conflict(command, merge.Row, ConflictReasons.MergeRefused);
        foreach (var edge in session.Model.Graph.To(deleted.Type))
        {
            if (RowRules.ValuesOf(deleted, edge.TargetOrdinals) is not { } from || await rules.ExistsAsync(edge, from, cancellationToken).ConfigureAwait(false)
                || RowRules.ValuesOf(stays, edge.TargetOrdinals) is not { } to)
            {
                continue;
            }

            foreach (var key in await Rows.FindKeysAsync(edge.Source, edge.SourceOrdinals, from, int.MaxValue, cancellationToken).ConfigureAwait(false))
            {
                await MoveAsync(command, merge.Row, edge, key, IsItself(edge, key, stays) ? Above(edge, deleted, stays) : to, rules, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static bool IsItself(RelationEdge edge, EntityKey key, Row stays) => edge.Source == stays.Type && key == stays.Key;

    // A row that stood below the merged one does not stand below itself: it takes that one's place.
    private static Value[] Above(RelationEdge edge, Row deleted, Row stays)
    {
        var above = RowRules.ValuesOf(deleted, edge.SourceOrdinals);
        var own = RowRules.ValuesOf(stays, edge.TargetOrdinals)!;
        var merged = RowRules.ValuesOf(deleted, edge.TargetOrdinals);
        if (above is not null && !above.AsSpan().SequenceEqual(own) && !above.AsSpan().SequenceEqual(merged))
        {
            return above;
        }

        return edge.SourceOrdinals.All(o => edge.Source.Fields[o].Nullable) ? [.. own.Select(_ => Value.Null)] : own;
    }

    private async Task MoveAsync(PushCommand command, StoredRow merged, RelationEdge edge, EntityKey key, Value[] to, RowRules rules, CancellationToken cancellationToken)
    {
        if (await Rows.FindRowAsync(edge.Source, key, cancellationToken).ConfigureAwait(false) is not { } child)
        {
            return;
        }

        var moved = child.Row;
        for (var i = 0; i < to.Length; i++)
        {
            moved = moved.With(edge.SourceOrdinals[i], to[i]);
        }

        var isRenamed = moved.Key != child.Row.Key;
        if ((isRenamed && await Rows.FindRowAsync(edge.Source, moved.Key, cancellationToken).ConfigureAwait(false) is not null) || await ClashesAsync(moved, key, cancellationToken).ConfigureAwait(false))
        {
            throw Verdicts.Conflict(command, merged, ConflictReasons.MergeRefused);
        }

        if (isRenamed)
        {
            await Rows.DeleteAsync(edge.Source, key, rules.OriginOf(command), cancellationToken).ConfigureAwait(false);
        }

        await Rows.UpsertAsync(moved, rules.OriginOf(command), cancellationToken).ConfigureAwait(false);
        if (isRenamed)
        {
            await rules.RenamedAsync(command, child.Row, moved, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> ClashesAsync(Row moved, EntityKey former, CancellationToken cancellationToken)
    {
        foreach (var unique in moved.Type.UniqueKeys)
        {
            var ordinals = moved.Type.OrdinalsOf(unique.Fields);
            if (RowRules.ValuesOf(moved, ordinals) is { } values
                && (await Rows.FindKeysAsync(moved.Type, ordinals, values, 2, cancellationToken).ConfigureAwait(false)).Any(k => k != former && k != moved.Key))
            {
                return true;
            }
        }

        return false;
    }
}
