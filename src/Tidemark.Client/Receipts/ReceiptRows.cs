using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Receipts;

/// <summary>The lines of receipts as they are stored.</summary>
internal static class ReceiptRows
{
    /// <summary>Of lines that may still change.</summary>
    public const string OpenStates = "'WAITING', 'CONFLICT', 'DEAD'";

    public static IEqualityComparer<ReceiptOutcome> Same { get; } = new SameOutcome();

    public static string NameOf(ReceiptState state) => state switch
    {
        ReceiptState.NothingToSend => "NOTHING",
        ReceiptState.DeadLetter => "DEAD",
        _ => state.ToString().ToUpperInvariant(),
    };

    public static ReceiptState StateOf(string name) => name switch
    {
        "ACCEPTED" => ReceiptState.Accepted,
        "MERGED" => ReceiptState.Merged,
        "NOTHING" => ReceiptState.NothingToSend,
        "CONFLICT" => ReceiptState.Conflict,
        "DEAD" => ReceiptState.DeadLetter,
        "DISCARDED" => ReceiptState.Discarded,
        _ => ReceiptState.Waiting,
    };

    public static ReceiptOutcome Read(LocalStore store, SqliteConnection connection, OutboxEventId? id)
    {
        var rows = new List<RowReceipt>();
        if (id is { } write)
        {
            foreach (var row in connection.Query("SELECT event, type, key, state, version, conflict, code, reason FROM _tm_receipt WHERE write = ?1 ORDER BY event", Value.Integer(write.Value)))
            {
                if (store.EngineSession.FindTable((int)row[1].AsInteger) is { } table)
                {
                    rows.Add(new RowReceipt
                    {
                        Event = new OutboxEventId(row[0].AsInteger),
                        Type = table.Type.Name,
                        Key = StoreSession.KeyFrom(table.Type, row[2].AsText),
                        State = StateOf(row[3].AsText),
                        Version = row[4].Kind == ValueKind.Integer ? row[4].AsInteger : null,
                        Conflict = row[5].Kind == ValueKind.Integer ? row[5].AsInteger : null,
                        Code = row[6].Kind == ValueKind.Text ? row[6].AsText : null,
                        Reason = row[7].Kind == ValueKind.Text ? row[7].AsText : null,
                    });
                }
            }
        }

        return new ReceiptOutcome(StateOf(rows), rows);
    }

    private static ReceiptState StateOf(List<RowReceipt> rows) =>
        rows.Count == 0 ? ReceiptState.NothingToSend
        : rows.Exists(r => r.State == ReceiptState.Waiting) ? ReceiptState.Waiting
        : rows.Max(r => r.State);

    private sealed class SameOutcome : IEqualityComparer<ReceiptOutcome>
    {
        public bool Equals(ReceiptOutcome? x, ReceiptOutcome? y) => x is not null && y is not null && x.Rows.SequenceEqual(y.Rows);

        public int GetHashCode([DisallowNull] ReceiptOutcome obj) => obj.Rows.Count;
    }
}
