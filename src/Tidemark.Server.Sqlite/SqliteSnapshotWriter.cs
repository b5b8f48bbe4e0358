using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Snapshots;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Files for first fetches, whatever store the rows are in.</summary>
/// <param name="watch">Sees every statement that writes a file. Default: nobody.</param>
public sealed class SqliteSnapshotWriter(IStatementWatch? watch = null) : ISnapshotWriter
{
    public async Task<long> WriteAsync(string path, IStoreSnapshot snapshot, SyncModel model, string? cursor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(model);
        try
        {
            return await WriteRowsAsync(path, snapshot, model, cursor, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            throw new IOException($"The snapshot cannot be written: {e.Message}", e); // Troubles of the store itself come as the server's own.
        }
    }

    private async Task<long> WriteRowsAsync(string path, IStoreSnapshot snapshot, SyncModel model, string? cursor, CancellationToken cancellationToken)
    {
        using var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false, Durability = Durability.Off, ForeignKeys = false, Watch = watch });
        db.Run("BEGIN");
        using var sink = new RowSink(db, model);
        var starts = model.Entities.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => (t, default(ChangePlace))).ToList();
        await snapshot.ReadChangesAsync(new ChangesRange(starts, snapshot.State!.Head.Position), sink, cancellationToken).ConfigureAwait(false);
        db.Run($"CREATE TABLE {SnapshotFormat.About}(key TEXT PRIMARY KEY, value) WITHOUT ROWID");
        Put(db, SnapshotFormat.Format, Value.Integer(SnapshotFormat.Version));
        Put(db, SnapshotFormat.Space, Value.Text(snapshot.Space.Value));
        Put(db, SnapshotFormat.Epoch, Value.Text(snapshot.State.Epoch));
        Put(db, SnapshotFormat.Position, Value.Integer(snapshot.State.Head.Position));
        Put(db, SnapshotFormat.Token, Value.Text(snapshot.State.Head.Token));
        Put(db, SnapshotFormat.ModelHash, Value.Text(model.Hash));
        if (cursor is not null)
        {
            Put(db, SnapshotFormat.Cursor, Value.Text(cursor));
        }

        db.Run("COMMIT");
        return sink.Rows;
    }

    private static void Put(Microsoft.Data.Sqlite.SqliteConnection db, string key, Value value) =>
        db.Run($"INSERT INTO {SnapshotFormat.About}(key, value) VALUES(?1, ?2)", Value.Text(key), value);

    /// <summary>Rows of all types as they are read; tombstones are of no use to a first fetch.</summary>
    private sealed class RowSink : IChangeSink, IDisposable
    {
        private readonly Dictionary<string, RawStatement> _inserts = new(StringComparer.Ordinal);
        private readonly CanonicalJsonWriter _writer = new();

        public RowSink(Microsoft.Data.Sqlite.SqliteConnection db, SyncModel model)
        {
            foreach (var type in model.Entities)
            {
                // Without types: values keep their storage class.
                var columns = string.Join(", ", type.Fields.Select(f => SqlName.Quote(f.Name)));
                var all = $"{columns}, {SnapshotFormat.RowVersion}, {SnapshotFormat.Digest}, {SnapshotFormat.MadeBy}";
                db.Run($"CREATE TABLE {SqlName.Quote(type.Name)}({all})");
                _inserts[type.Name] = new RawStatement(db, $"INSERT INTO {SqlName.Quote(type.Name)}({all}) VALUES({string.Join(", ", Enumerable.Range(1, type.Fields.Count + 3).Select(i => $"?{i}"))})");
            }
        }

        public long Rows { get; private set; }

        public bool TryAdd(in StoredChange change)
        {
            if (change.Row is not { } stored)
            {
                return true;
            }

            var row = WireRow.Sendable(stored);
            var insert = _inserts[change.Type.Name];
            var n = row.Type.Fields.Count;
            for (var i = 0; i < n; i++)
            {
                insert.Bind(i + 1, row[i].IsAbsent ? Value.Null : row[i]);
            }

            insert.Bind(n + 1, change.Version);
            insert.Bind(n + 2, RowDigest.Of(row, _writer));
            insert.Bind(n + 3, change.Origin.MadeBy?.ToString("D"));
            insert.Execute();
            Rows++;
            return true;
        }

        public void Dispose()
        {
            foreach (var insert in _inserts.Values)
            {
                insert.Dispose();
            }

            _writer.Dispose();
        }
    }
}
