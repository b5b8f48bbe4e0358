using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>
/// Rows that refer to nothing. A repair clears references that may be empty, as an edit with a record, and puts rows that are as the server showed them aside until
/// their parent is there. A row with edits of its own is a person's to decide.
/// </summary>
internal sealed class OrphanChecks(Examination visit)
{
    private StoreSession Session => visit.Session;

    public void Run()
    {
        foreach (var edge in Session.Model.Graph.Edges)
        {
            try
            {
                Check(edge);
            }
            catch (StoreException e) when (e.Trouble == StoreTrouble.Other)
            {
                visit.Add(FindingCodes.Orphans, FindingSeverity.Note, $"{edge}: its references cannot be checked: {e.Message}", "They lead to what is neither a key nor unique; SQLite itself refuses to follow them.");
            }
        }

        CheckOthers();
    }

    private void Check(RelationEdge edge)
    {
        var keys = Find(edge);
        if (keys.Count == 0)
        {
            return;
        }

        var child = Session.Table(edge.Source);
        var waiting = keys.Where(k => IsAside(edge, child, k)).ToList();
        if (waiting.Count > 0)
        {
            visit.Add(FindingCodes.Orphans, FindingSeverity.Note, $"{child.Type.TableName}: {waiting.Count} rows refer to rows of {edge.Target.TableName} that are put aside: {Examination.Named(waiting.Select(k => k.ToString()))}.", "They are whole again when those rows come.");
            keys = [.. keys.Except(waiting)];
        }

        var isOptional = edge.SourceOrdinals.All(o => edge.Source.Fields[o].Nullable && !edge.Source.IsKey(o));
        var mendable = isOptional ? keys : [.. keys.Where(k => IsClean(child, k))];
        if (mendable.Count > 0)
        {
            visit.AddRepairable(
                FindingCodes.Orphans, FindingSeverity.Fault, Text(edge, mendable),
                isOptional ? "`tidemark doctor --repair` clears the references and records what they were." : "`tidemark doctor --repair` puts the rows aside until their parents are there.",
                s => mendable.ForEach(k => Mend(s, edge, child, k, isOptional)),
                isOptional ? EngineTransactionKind.None : EngineTransactionKind.Guarded);
        }

        if (mendable.Count < keys.Count)
        {
            visit.Add(FindingCodes.Orphans, FindingSeverity.Fault, Text(edge, [.. keys.Except(mendable)]) + " They have edits that were not sent.",
                "Where the parents vanished here, `tidemark sync --pull-only` after a repair brings them back. Else add them, or clear or delete the children.");
        }
    }

    private static string Text(RelationEdge edge, List<EntityKey> keys) =>
        $"{edge.Source.TableName}: {keys.Count} rows refer to rows of {edge.Target.TableName} that do not exist: {Examination.Named(keys.Select(k => k.ToString()))}.";

    private List<EntityKey> Find(RelationEdge edge)
    {
        var child = Session.Table(edge.Source);
        var parent = Session.Table(edge.Target);
        var columns = edge.SourceOrdinals.Select(o => "c." + child.ColumnOf(o)).ToArray();
        var match = string.Join(" AND ", edge.TargetOrdinals.Select((o, i) => $"p.{parent.ColumnOf(o)} = {columns[i]}"));
        return Session.Db.Query(
            $"SELECT {string.Join(", ", child.KeyColumns.Select(k => "c." + k))} FROM {child.Name} c WHERE {string.Join(" AND ", columns.Select(c => c + " IS NOT NULL"))} AND NOT EXISTS (SELECT 1 FROM {parent.Name} p WHERE {match})",
            s => child.KeyAt(s, 0));
    }

    private bool IsAside(RelationEdge edge, EntityTable child, EntityKey key) =>
        edge.TargetsKey && child.ReadLive(Session.Db, key) is { } row && PushPlanner.KeyIn(row, edge) is { } parent && Session.Aside.Contains(edge.Target.Name, parent.ToString());

    private bool IsClean(EntityTable table, EntityKey key) =>
        table.ReadEntry(Session.Db, key, Session.Remote) is not null && table.ReadBase(Session.Db, key, Session.Remote) is null
        && !Session.Outbox.ReadRows().Exists(c => c.Type == table.Number && c.Key == key.ToString());

    private void Mend(StoreSession session, RelationEdge edge, EntityTable child, EntityKey key, bool isOptional)
    {
        if (child.ReadLive(session.Db, key) is not { } live)
        {
            return; // Went with its parent a moment ago.
        }

        if (!isOptional)
        {
            var entry = child.ReadEntry(session.Db, key, session.Remote)!;
            child.Delete(session.Db, key);
            child.DropEntry(session.Db, key, session.Remote);
            new RowApplier(session, visit.Environment, new SyncBatchContext(visit.Environment.NewId()))
                .PutAside(new IncomingRow(child, key, entry.Version, live, null, default) { MadeBy = entry.MadeBy }, AsideCause.ParentMissing, $"{edge}: found by the doctor.");
            return;
        }

        var cleared = edge.SourceOrdinals.Aggregate(live, (row, o) => row.With(o, Value.Null));
        child.Update(session.Db, cleared);
        session.Conflicts.Add(new ConflictRecord
        {
            At = DateTimeOffset.FromUnixTimeMilliseconds(visit.Environment.NowMs),
            Type = child.Type.Name,
            Key = key.ToString(),
            Outcome = ConflictOutcomes.NameOf(ConflictOutcome.Skipped),
            Local = live,
            Merged = cleared,
            Reason = $"The doctor cleared {string.Join(", ", edge.Relation.Fields)}: it referred to a row of {edge.Target.Name} that does not exist.",
        });
    }

    // Tables that are not synced: theirs to mend.
    private void CheckOthers()
    {
        var synced = Session.Tables.Select(t => t.Type.TableName).ToHashSet(SqlName.Comparer);
        foreach (var table in Session.Db.Query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name", s => s.Text(0)))
        {
            try
            {
                var all = Session.Db.Query("SELECT parent, count(*) FROM pragma_foreign_key_check(?1) GROUP BY 1", s => (Parent: s.Text(0), Count: s.ColumnInt64(1)), Value.Text(table));
                foreach (var (parent, count) in all.Where(f => !synced.Contains(table) || !synced.Contains(f.Parent)))
                {
                    visit.Add(FindingCodes.Orphans, FindingSeverity.Fault, $"{table}: {count} rows refer to rows of {parent} that do not exist.", "They were written with foreign keys off. Add the parents, or clear or delete the children.");
                }
            }
            catch (StoreException e) when (e.Trouble == StoreTrouble.Other)
            {
                visit.Add(FindingCodes.Orphans, FindingSeverity.Note, $"{table}: its references cannot be checked: {e.Message}", "They lead to what is neither a key nor unique; SQLite itself refuses to follow them.");
            }
        }
    }
}
