using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>What a push will ask the store for, told beforehand: two looks instead of one for every command. A guess that is wrong costs a look, nothing else.</summary>
internal static class Expectations
{
    /// <summary>What the commands say themselves.</summary>
    public static StoreExpectation Of(SyncModel model, UserId user, PushEnvelope envelope, IReadOnlyList<ReceivedCommand> commands)
    {
        var first = new StoreExpectation { User = user, Commands = [.. commands.Select(c => c.Id)], StoreId = envelope.StoreId, Floor = envelope.Floor };
        foreach (var command in commands)
        {
            if (command.Command is { } known && ReferenceEquals(model.Find(known.Type.Name), known.Type))
            {
                AddOwn(first, known);
                AddReferences(first, model, known, known.Payload);
            }
        }

        return first;
    }

    /// <summary>What follows from the rows that they change.</summary>
    public static async Task TellAsync(IStoreTransaction transaction, SyncModel model, IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        var second = new StoreExpectation();
        foreach (var command in commands)
        {
            if (command.Command is { Operation: not Operation.Create } known && ReferenceEquals(model.Find(known.Type.Name), known.Type) && IsKeyKnown(known)
                && NeedsRow(model, known) && await transaction.FindRowAsync(known.Type, known.EntityId, cancellationToken).ConfigureAwait(false) is { } stored)
            {
                AddReferences(second, model, known, known.Payload is { } payload ? stored.Row.Patched(payload) : stored.Row);
                AddChildren(second, model, known, stored.Row);
            }
        }

        if (!second.IsEmpty)
        {
            await transaction.ExpectAsync(second, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Rows that are about to be asked for, one after the other.</summary>
    public static ValueTask RowsAsync(IStoreTransaction transaction, EntityType type, IReadOnlyList<EntityKey> keys, CancellationToken cancellationToken)
    {
        if (keys.Count < 2)
        {
            return ValueTask.CompletedTask;
        }

        var expected = new StoreExpectation();
        expected.Met.Add(type);
        foreach (var key in keys)
        {
            expected.Rows.Add((type, key));
        }

        return transaction.ExpectAsync(expected, cancellationToken);
    }

    /// <summary>No part of its key is the id that another command's row gets.</summary>
    public static bool IsKeyKnown(PushCommand command) => command.Refs.Count == 0 || !command.Type.Key.Any(command.Refs.ContainsKey);

    private static void AddOwn(StoreExpectation expected, PushCommand command)
    {
        if (IsKeyKnown(command))
        {
            expected.Rows.Add((command.Type, command.EntityId));
            if (command.Operation != Operation.Create)
            {
                expected.Met.Add(command.Type);
            }

            if (command.NewEntityId is { } renamed)
            {
                expected.Rows.Add((command.Type, renamed));
            }
        }

        if (command.Type.Identity == IdentityModel.ServerAssigned && command.Operation is Operation.Create or Operation.Offer)
        {
            expected.Counters.Add(command.Type);
            if (command is { Operation: Operation.Create, BaseVersion: null })
            {
                expected.Made.Add((command.Type, command.Id));
            }
        }
    }

    // Parents and holders of unique values, as far as the values are known.
    private static void AddReferences(StoreExpectation expected, SyncModel model, PushCommand command, Row? row)
    {
        if (row is null || command.Operation == Operation.Delete)
        {
            return;
        }

        foreach (var edge in model.Graph.From(command.Type))
        {
            if (ValuesOf(command, row, edge.SourceOrdinals) is not { } values)
            {
                continue;
            }

            if (edge.TargetsKey)
            {
                expected.Rows.Add((edge.Target, new EntityKey(values)));
                expected.Met.Add(edge.Target);
            }
            else
            {
                expected.Holder(edge.Target, edge.TargetOrdinals, values);
            }
        }

        foreach (var unique in command.Type.UniqueKeys)
        {
            var ordinals = command.Type.OrdinalsOf(unique.Fields);
            if (ValuesOf(command, row, ordinals) is { } values)
            {
                expected.Holder(command.Type, ordinals, values);
            }
        }
    }

    private static void AddChildren(StoreExpectation expected, SyncModel model, PushCommand command, Row row)
    {
        if (command.Operation is Operation.Delete or Operation.Rekey || (command.Operation == Operation.Offer && command.Payload is null))
        {
            foreach (var edge in model.Graph.To(command.Type))
            {
                if (ValuesOf(command, row, edge.TargetOrdinals) is { } values)
                {
                    expected.Holder(edge.Source, edge.SourceOrdinals, values);
                }
            }
        }
    }

    private static bool NeedsRow(SyncModel model, PushCommand command) =>
        command.Operation != Operation.Update
            ? model.Graph.To(command.Type).Count > 0
            : command.Type.UniqueKeys.Any(u => u.Fields.Count > 1) || command.Type.Relations.Any(r => r.Fields.Count > 1);

    private static Value[]? ValuesOf(PushCommand command, Row row, int[] ordinals)
    {
        var values = new Value[ordinals.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = row[ordinals[i]];
            if (values[i].IsNull || values[i].IsAbsent || command.Refs.ContainsKey(command.Type.Fields[ordinals[i]].Name))
            {
                return null;
            }
        }

        return values;
    }
}
