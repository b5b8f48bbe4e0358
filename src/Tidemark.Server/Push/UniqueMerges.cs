using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>
/// New rows that are rows the space has already, under another key: the unique rule `merge`. The key is looked up before anything of the group is
/// written, so that references of the new row's children lead to the row that stays.
/// </summary>
internal sealed class UniqueMerges(PushSession session)
{
    private readonly HashSet<Guid> _merged = [];

    /// <summary>Of another group.</summary>
    public void Begin() => _merged.Clear();

    /// <summary>Was the command's row found to be another one?</summary>
    public bool Has(Guid command) => _merged.Contains(command);

    /// <summary>The key of the live row that holds a unique value of the new one; null when the new row stands for itself.</summary>
    /// <param name="command">A CREATE.</param>
    /// <param name="group">The commands it is executed with.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    public async ValueTask<EntityKey?> FindAsync(PushCommand command, IReadOnlyList<ReceivedCommand> group, CancellationToken cancellationToken)
    {
        var type = command.Type;
        if (command.Payload is not { } payload || type.Key.Count != 1 || !type.UniqueKeys.Any(u => u.Rule == UniqueRule.Merge))
        {
            return null;
        }

        var keepsKey = type.Identity == IdentityModel.ClientAssigned || command.BaseVersion == 0;
        if (keepsKey && await session.Transaction.FindRowAsync(type, command.EntityId, cancellationToken).ConfigureAwait(false) is not null)
        {
            return null; // A row of that key: equal or in conflict, whatever else it holds.
        }

        foreach (var unique in type.UniqueKeys.Where(u => u.Rule == UniqueRule.Merge))
        {
            var ordinals = type.OrdinalsOf(unique.Fields);
            if (ValuesOf(command, payload, ordinals) is not { } values)
            {
                continue;
            }

            var holders = await session.Transaction.FindKeysAsync(type, ordinals, values, 1, cancellationToken).ConfigureAwait(false);
            if (holders.Count > 0 && !group.Select(c => c.Command!).Any(c => c.Type == type && c.Operation != Operation.Create && c.EntityId == holders[0]))
            {
                _merged.Add(command.Id);
                return holders[0];
            }
        }

        return null;
    }

    /// <summary>
    /// A value that only one of the two rows has survives; where both have one, the field's policy or the type's custom merge decides. What
    /// would need a person stays as it is here: nobody can be asked in the middle of a push.
    /// </summary>
    public static Row Merge(Row stored, Row created, MergeContext context)
    {
        var nothing = new Value[stored.Type.Fields.Count];
        Array.Fill(nothing, Value.Null);
        var result = EntityMerger.Merge(stored.Type, new Row(stored.Type, nothing), created, stored, context);
        return result.ManualReason is null ? result.Merged : stored;
    }

    // A value that another command of this push stands for is that row's key; null while that one is not known.
    private Value[]? ValuesOf(PushCommand command, Row payload, int[] ordinals)
    {
        var values = new Value[ordinals.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var field = command.Type.Fields[ordinals[i]].Name;
            values[i] = !command.Refs.TryGetValue(field, out var target) ? payload[ordinals[i]]
                : session.KeysOf.TryGetValue(target, out var parent) ? CommandExecutor.ValueOf(command.Type, field, parent.Type, parent.Key)
                : Value.Null;
            if (values[i].IsNull || values[i].IsAbsent)
            {
                return null;
            }
        }

        return values;
    }
}
