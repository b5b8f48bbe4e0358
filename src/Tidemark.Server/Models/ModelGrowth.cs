using Tidemark.Model.Entities;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Models;

/// <summary>What a new model may change while rows are there: it may grow; what it leaves out stays.</summary>
internal static class ModelGrowth
{
    public static async Task<IReadOnlyList<string>> FaultsAsync(IServerStore store, SyncModel from, SyncModel to, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var type in from.Entities)
        {
            if (to.Find(type.Name) is not { } next)
            {
                continue;
            }

            if (!type.Key.SequenceEqual(next.Key, StringComparer.Ordinal) || type.Identity != next.Identity)
            {
                faults.Add($"{type.Name}: the key and its identity cannot change once the type is registered; make a new type and move the rows.");
            }

            foreach (var field in type.Fields)
            {
                if (next.FindOrdinal(field.Name) is var ordinal && ordinal >= 0 && next.Fields[ordinal].Type != field.Type)
                {
                    faults.Add($"{type.Name}.{field.Name}: {field.Type} cannot become {next.Fields[ordinal].Type}; add a new field.");
                }
                else if (ordinal >= 0 && field.Encrypted && !next.Fields[ordinal].Encrypted)
                {
                    faults.Add($"{type.Name}.{field.Name} is encrypted on the devices that registered it, and cannot become plain: `adopt --encrypt {type.Name}.{field.Name}`.");
                }
            }

            var added = next.Fields.Where(f => type.FindOrdinal(f.Name) < 0 && !f.Nullable).Select(f => f.Name).ToArray();
            if (added.Length > 0 && await store.CountRowsAsync(type, cancellationToken).ConfigureAwait(false) > 0)
            {
                faults.Add($"{type.Name}: new fields must be nullable while there are rows: {string.Join(", ", added)}.");
            }
        }

        return faults;
    }

    /// <summary>Types and fields that only the former model has are kept, so that older devices go on.</summary>
    public static SyncModel Merge(SyncModel from, SyncModel to)
    {
        var kept = from.Entities.Where(e => to.Find(e.Name) is null).ToList();
        var merged = to.Entities.Select(e => from.Find(e.Name) is { } former
            ? e with { Fields = [.. e.Fields, .. former.Fields.Where(f => e.FindOrdinal(f.Name) < 0).Select(f => f with { Nullable = true })] }
            : e);
        return kept.Count == 0 && to.Entities.All(e => from.Find(e.Name)?.Fields.All(f => e.FindOrdinal(f.Name) >= 0) ?? true)
            ? to
            : to with { Entities = [.. merged, .. kept] };
    }
}
