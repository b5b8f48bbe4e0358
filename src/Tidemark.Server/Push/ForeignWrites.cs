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
            if (row is not null && Fault(row.Row) is { } fault)
            {
                await transaction.SettleForeignWriteAsync(write, fault, cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (row is not null)
            {
                await transaction.UpsertAsync(row.Row, default, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await transaction.DeleteAsync(write.Type, write.Key, default, cancellationToken).ConfigureAwait(false);
            }

            await transaction.SettleForeignWriteAsync(write, null, cancellationToken).ConfigureAwait(false);
        }
    }

    // What cannot travel stays where it is, named.
    private static string? Fault(Tidemark.Model.Values.Row row)
    {
        for (var i = 0; i < row.Type.Fields.Count; i++)
        {
            var field = row.Type.Fields[i];
            if (row[i].IsNull && !field.Nullable)
            {
                return $"{field.Name} may not be null.";
            }

            if (row[i].Kind == Tidemark.Model.Values.ValueKind.MalformedText || (row[i].Kind == Tidemark.Model.Values.ValueKind.Text && row[i].AsText.Contains('\0', StringComparison.Ordinal)))
            {
                return $"{field.Name} holds NUL or invalid UTF-8.";
            }
        }

        return null;
    }
}
