#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Snapshots;

/// <summary>What a snapshot file says of itself.</summary>
internal sealed record SnapshotHead(string Space, string Epoch, Mark Mark, string? Cursor);

/// <summary>
/// Brings all rows of a snapshot file into the tables, with its cursor, in one transaction. Tables that are empty are filled by SQLite itself; in others each row comes in
/// as a pulled one, and rows of the space that the file does not have go.
/// </summary>
internal sealed class SnapshotSeeder(StoreSession session, SyncEnvironment environment, long lockToken, GateMode gate)
{
    private const string Schema = "tm_snapshot";
    private readonly SyncBatchContext _context = new(environment.NewId());

    /// <summary>What the file says of itself; null: it is none, or not of this format.</summary>
    public static SnapshotHead? Read(string path)
    {
        try
        {
            using var db = SqliteFile.Open(path, new OpenOptions { ReadOnly = true });
            var about = db.Query($"SELECT key, value FROM {SnapshotFormat.About}").ToDictionary(r => r[0].AsText, r => r[1], StringComparer.Ordinal);
            return about[SnapshotFormat.Format].AsInteger != SnapshotFormat.Version ? null : new SnapshotHead(
                about[SnapshotFormat.Space].AsText,
                about[SnapshotFormat.Epoch].AsText,
                new Mark(about[SnapshotFormat.Position].AsInteger, about[SnapshotFormat.Token].AsText),
                about.TryGetValue(SnapshotFormat.Cursor, out var cursor) ? cursor.AsText : null);
        }
        catch (Exception e) when (e is StoreException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <returns>How many rows; null: the file does not fit this model, or does not stand here. Nothing was changed then.</returns>
    public long? TrySeed(string path, SnapshotHead head, string cursor)
    {
        session.Db.Execute($"ATTACH ?1 AS {Schema}", Value.Text(path));
        try
        {
            return Fits() ? new EngineTransaction(session, environment, lockToken).Run(EngineTransactionKind.Guarded | EngineTransactionKind.Cheap, s => Apply(s, head, cursor)) : null;
        }
        catch (Exception e) when (e is DoesNotStandException or StoreException { IsConstraint: true } or StoreException { Trouble: StoreTrouble.Damaged or StoreTrouble.NotADatabase } or IntegrityViolationException)
        {
            return null; // Pages put aside what cannot stand; a file cannot. A damaged one would come damaged again.
        }
        finally
        {
            session.Db.Execute("DETACH " + Schema);
        }
    }

    private bool Fits() => session.Tables.All(t =>
    {
        var columns = session.Db.Query($"SELECT name FROM pragma_table_info(?1, '{Schema}')", s => s.Text(0), Value.Text(t.Type.Name)).ToHashSet(StringComparer.Ordinal);
        return t.Type.Fields.All(f => columns.Contains(f.Name));
    });

    private long Apply(StoreSession s, SnapshotHead head, string cursor)
    {
        var rows = 0L;
        var copied = new List<EntityTable>();
        var applier = new RowApplier(s, environment, _context);
        var clashes = new List<IncomingRow>();
        var gone = new List<IncomingRow>();
        foreach (var table in s.Tables)
        {
            if (IsEmpty(s, table) && IsAsStored(s, table))
            {
                rows += Copy(s, table);
                copied.Add(table);
                continue;
            }

            rows += Upsert(s, applier, table, clashes);
            gone.AddRange(Unlisted(s, table, head.Mark.Position));
        }

        new ClashApplier(s, applier, _context, environment.NowMs, gone.ToDictionary(g => g.Id, g => g.Version)).Apply(clashes, static (_, _) => { });
        new DeletionApplier(s, environment, _context, applier).Apply(gone);
        new IntegrityGate(s, gate).Check(_context);
        CheckCopied(s, copied);
        s.Remotes.Note(head.Epoch, head.Mark);
        s.Remotes.SetCursor(cursor);
        s.Remotes.SetResync(null);
        return rows;
    }

    private static bool IsEmpty(StoreSession s, EntityTable table) =>
        s.Db.ScalarInt64($"SELECT EXISTS(SELECT 1 FROM {table.Name}) OR EXISTS(SELECT 1 FROM {table.RowTable}) OR EXISTS(SELECT 1 FROM _tm_touch WHERE type = ?1)", Value.Integer(table.Number)) == 0;

    // What the server holds is what the file is to hold.
    private static bool IsAsStored(StoreSession s, EntityTable table) =>
        s.Handlers.For(table.Type.Name).GetType() == typeof(GenericSyncHandler) && table.Type.Fields.All(f => f.Type == FieldType.Exact || f.Form == StorageForm.Default);

    private static long Copy(StoreSession s, EntityTable table)
    {
        var from = $"{Schema}.{SqlName.Quote(table.Type.Name)}";
        var fields = string.Join(", ", table.Type.Fields.Select(f => SqlName.Quote(f.Name)));
        s.Db.Execute($"INSERT INTO main.{table.Name}({table.ColumnList}) SELECT {fields} FROM {from}");
        long rows = s.Db.Changes;
        s.Db.Execute(
            $"INSERT INTO main.{table.RowTable}({table.MetaKeys}, remote, version, digest, made_by) SELECT {string.Join(", ", table.Type.Key.Select(SqlName.Quote))}, ?1, {SnapshotFormat.RowVersion}, {SnapshotFormat.Digest}, {SnapshotFormat.MadeBy} FROM {from}",
            Value.Integer(s.Remote));
        if (rows > 0)
        {
            s.Db.ChangedTypes.Add(table.Number);
        }

        return rows;
    }

    private static long Upsert(StoreSession s, RowApplier applier, EntityTable table, List<IncomingRow> clashes)
    {
        var rows = 0L;
        var fields = table.Type.Fields.Count;
        var values = s.Db.Query(
            $"SELECT {string.Join(", ", table.Type.Fields.Select(f => SqlName.Quote(f.Name)))}, {SnapshotFormat.RowVersion}, {SnapshotFormat.MadeBy} FROM {Schema}.{SqlName.Quote(table.Type.Name)}",
            st => (Row: new Row(table.Type, [.. Enumerable.Range(0, fields).Select(st.Column)]), Version: st.ColumnInt64(fields), MadeBy: st.TextOrNull(fields + 1)));
        foreach (var (row, version, madeBy) in values)
        {
            var incoming = new IncomingRow(table, row.Key, version, row, null, default) { MadeBy = madeBy is null ? null : Guid.Parse(madeBy) };
            if (applier.Upsert(incoming) == ApplyOutcome.Clash)
            {
                clashes.Add(incoming);
            }

            rows++;
        }

        return rows;
    }

    // Shown before, and not in the file: deleted between the two.
    private static List<IncomingRow> Unlisted(StoreSession s, EntityTable table, long position)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.CatalogGoneRowsStay))
        {
            return [];
        }
#endif
        var match = string.Join(" AND ", table.Type.Key.Select((k, i) => $"f.{SqlName.Quote(k)} = r.k{i}"));
        return s.Db.Query(
            $"SELECT {string.Join(", ", Enumerable.Range(0, table.KeyColumns.Count).Select(i => "r.k" + i))} FROM main.{table.RowTable} AS r WHERE r.remote = ?1 AND r.version <= ?2 AND NOT EXISTS (SELECT 1 FROM {Schema}.{SqlName.Quote(table.Type.Name)} AS f WHERE {match})",
            st => new IncomingRow(table, table.KeyAt(st, 0), position, null, null, default),
            Value.Integer(s.Remote), Value.Integer(position));
    }

    // Of copied rows nobody has looked at the references one by one.
    private static void CheckCopied(StoreSession s, List<EntityTable> copied)
    {
        foreach (var edge in copied.SelectMany(t => s.Model.Graph.From(t.Type)))
        {
            var (child, parent) = (s.Table(edge.Source), s.Table(edge.Target));
            var isNone = string.Join(" OR ", edge.SourceOrdinals.Select(o => $"c.{child.ColumnOf(o)} IS NULL"));
            var match = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"p.{parent.ColumnOf(edge.TargetOrdinals[i])} = c.{child.ColumnOf(o)}"));
            if (s.Db.ScalarInt64($"SELECT EXISTS(SELECT 1 FROM {child.Name} AS c WHERE NOT ({isNone}) AND NOT EXISTS (SELECT 1 FROM {parent.Name} AS p WHERE {match}))") != 0)
            {
                throw new DoesNotStandException();
            }
        }
    }

    private sealed class DoesNotStandException : Exception;
}
