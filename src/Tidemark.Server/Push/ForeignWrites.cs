using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>Rows that other programs wrote with SQL get a position with the next commit of their space.</summary>
internal static class ForeignWrites
{
    public static async Task TakeUpAsync(IStoreTransaction transaction, CancellationToken cancellationToken)
    {
        if (!transaction.HasForeignWrites)
        {
            return;
        }

        foreach (var write in await transaction.ReadForeignWritesAsync(cancellationToken).ConfigureAwait(false))
        {
            var row = await transaction.FindRowAsync(write.Type, write.Key, cancellationToken).ConfigureAwait(false);
            if (row is not null)
            {
                if (!TryCanonical(row.Row, out var canonical, out var fault))
                {
                    await transaction.SettleForeignWriteAsync(write, fault, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                await transaction.UpsertAsync(canonical, default, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await transaction.DeleteAsync(write.Type, write.Key, default, cancellationToken).ConfigureAwait(false);
            }

            await transaction.SettleForeignWriteAsync(write, null, cancellationToken).ConfigureAwait(false);
        }
    }

    // Other spellings of a value are taken in its canonical form; what cannot travel stays where it is, named.
    private static bool TryCanonical(Row row, out Row canonical, out string? fault)
    {
        var values = new Value[row.Values.Length];
        canonical = row;
        for (var i = 0; i < values.Length; i++)
        {
            var field = row.Type.Fields[i];
            var here = field.Form == StorageForm.Default ? field : field with { Form = StorageForm.Default };
            if (!StorageForms.TryToCanonical(here, row[i], out values[i], out fault))
            {
                return false;
            }

            if (row[i].IsNull && !field.Nullable)
            {
                fault = $"{field.Name} may not be null.";
                return false;
            }

            if (row.Type.IsKey(i) && values[i] != row[i])
            {
                fault = $"{field.Name}: the key {row[i]} must be written as {values[i]}.";
                return false;
            }
        }

        canonical = new Row(row.Type, values);
        fault = null;
        return true;
    }
}
