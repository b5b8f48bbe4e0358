using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Receipts;

/// <summary>Writes whose fate can be awaited.</summary>
public static class WriteReceipts
{
    private const int DoneMax = 10_000;

    /// <summary>As <see cref="LocalStore.WriteAsync"/>, with a receipt for the rows the work changed. The receipt is durable with the write.</summary>
    public static async Task<WriteReceipt<T>> WriteWithReceiptAsync<T>(this LocalStore store, Func<SqliteConnection, T> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(work);
        var (result, id) = await store.WriteAsync(
            connection =>
            {
                var before = LastEvent(connection);
                var made = work(connection);
                return (made, Keep(store, connection, before));
            },
            cancellationToken).ConfigureAwait(false);
        return new WriteReceipt<T>(result, new Receipt(store, id));
    }

    /// <summary>The receipt of an earlier write, also of an earlier run of the app.</summary>
    public static Receipt OpenReceipt(this LocalStore store, OutboxEventId id)
    {
        ArgumentNullException.ThrowIfNull(store);
        return new Receipt(store, id);
    }

    private static long LastEvent(SqliteConnection connection) =>
        connection.Scalar("SELECT max(seq) FROM _tm_touch") is { Kind: ValueKind.Integer } last ? last.AsInteger : 0;

    // One line for each row, at its last note. The former key of a renamed row is no row of its own.
    private static OutboxEventId? Keep(LocalStore store, SqliteConnection connection, long before)
    {
        var rows = new Dictionary<RowId, long>();
        foreach (var note in connection.Query("SELECT seq, type, k0, k1, k2, k3, k4, k5, k6, k7 FROM _tm_touch WHERE seq > ?1 AND type <> 0 AND op <> 'K' ORDER BY seq", Value.Integer(before)))
        {
            if (store.EngineSession.FindTable((int)note[1].AsInteger) is { } table)
            {
                var key = new EntityKey([.. Enumerable.Range(0, table.KeyColumns.Count).Select(i => table.KeyPart(i, note[2 + i]))]);
                rows.Remove(new RowId(table.Number, key));
                rows[new RowId(table.Number, key)] = note[0].AsInteger;
            }
        }

        if (rows.Count == 0)
        {
            return null;
        }

        var first = rows.Values.Min();
        using var insert = new RawStatement(connection, "INSERT INTO _tm_receipt(event, write, seq, type, key, state, at) VALUES(?1, ?2, ?1, ?3, ?4, 'WAITING', (SELECT at FROM _tm_touch WHERE seq = ?1))");
        foreach (var (row, seq) in rows)
        {
            insert.BindAll(Value.Integer(seq), Value.Integer(first), Value.Integer(row.Type), Value.Text(row.Key.ToString())).Execute();
        }

        connection.Run($"DELETE FROM _tm_receipt WHERE state NOT IN ({ReceiptRows.OpenStates}) AND event < (SELECT event FROM _tm_receipt ORDER BY event DESC LIMIT 1 OFFSET {DoneMax})");
        return new OutboxEventId(first);
    }
}
