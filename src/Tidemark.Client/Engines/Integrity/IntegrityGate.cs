#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Engines.Integrity;

/// <summary>What the gate does with an orphan on a required relation.</summary>
public enum GateMode
{
    FailFast,
    WarnOnly,
}

/// <summary>The state of one relation, or of the whole.</summary>
public enum IntegrityStatus
{
    Ok,
    Violations,
    Failed,
    Partial,
}

/// <summary>A row that refers to a parent which is not there.</summary>
public sealed record IntegrityViolation(string Relation, string Key, string MissingParent, bool Required);

/// <summary>What the gate found; warnings are orphans on optional relations and those that something else explains.</summary>
public sealed record IntegrityReport(IntegrityStatus Status, IReadOnlyDictionary<string, IntegrityStatus> Relations, IReadOnlyList<IntegrityViolation> Violations, IReadOnlyList<IntegrityViolation> Warnings)
{
    public static IntegrityReport Empty { get; } = new(IntegrityStatus.Ok, new Dictionary<string, IntegrityStatus>(StringComparer.Ordinal), [], []);
}

/// <summary>Checks every relation of the graph that a batch touched, before its transaction commits.</summary>
public sealed class IntegrityGate(StoreSession session, GateMode mode)
{
    private const int ReportedMax = 100;

    /// <exception cref="IntegrityViolationException">An orphan on a required relation, in fail-fast mode.</exception>
    /// <exception cref="IntegrityCheckExecutionException">A check could not run.</exception>
    public IntegrityReport Check(SyncBatchContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.GateOpen) || Mutants.Is(Mutant.ParentUnchecked))
        {
            return IntegrityReport.Empty;
        }
#endif
        var relations = new Dictionary<string, IntegrityStatus>(StringComparer.Ordinal);
        var violations = new List<IntegrityViolation>();
        var warnings = new List<IntegrityViolation>();
        FillTouched(context);
        foreach (var edge in session.Model.Graph.Edges)
        {
            var found = Find(edge, context);
            if (found is null)
            {
                continue;
            }

            var before = violations.Count;
            foreach (var (child, parent) in found)
            {
                var violation = new IntegrityViolation(edge.ToString(), child.ToString(), parent.ToString(), edge.Relation.Required);
                (edge.Relation.Required && !IsExplained(edge, parent) ? violations : warnings).Add(violation);
            }

            relations[edge.ToString()] = violations.Count > before ? IntegrityStatus.Violations : IntegrityStatus.Ok;
        }

        if (violations.Count > 0 && mode == GateMode.FailFast)
        {
            throw new IntegrityViolationException([.. violations.Take(ReportedMax).Select(v => $"{v.Relation}: {v.Key} refers to {v.MissingParent}")]);
        }

        return new IntegrityReport(violations.Count > 0 ? IntegrityStatus.Violations : IntegrityStatus.Ok, relations, violations, warnings);
    }

    /// <summary>Touched children whose parent is not there. Reads the touched keys from a temporary table; every step goes by a key.</summary>
    public static string BuildOrphanDetectionQuery(RelationEdge edge, EntityTable child, EntityTable parent)
    {
        var join = string.Join(" AND ", child.KeyColumns.Select((k, i) => $"c.{k} = t.k{i}"));
        return $"{Select(edge, child)} FROM {TouchedTables.Name(child, "source")} t CROSS JOIN {child.Name} c ON {join} WHERE {Orphaned(edge, child, parent)}";
    }

    /// <summary>Children that refer to a touched key under which there is no parent any more.</summary>
    public static string BuildTargetSideOrphanQuery(RelationEdge edge, EntityTable child, EntityTable parent)
    {
        if (!edge.TargetsKey)
        {
            return $"{Select(edge, child)} FROM {child.Name} c WHERE {Orphaned(edge, child, parent)}";
        }

        var join = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"c.{child.ColumnOf(o)} = t.k{i}"));
        return $"{Select(edge, child)} FROM {TouchedTables.Name(parent, "target")} t JOIN {child.Name} c ON {join} WHERE {Orphaned(edge, child, parent)}";
    }

    private static string Select(RelationEdge edge, EntityTable child) =>
        $"SELECT {string.Join(", ", child.KeyColumns.Select(k => "c." + k))}, {string.Join(", ", edge.SourceOrdinals.Select(o => "c." + child.ColumnOf(o)))}";

    private static string Orphaned(RelationEdge edge, EntityTable child, EntityTable parent)
    {
        var set = string.Join(" AND ", edge.SourceOrdinals.Select(o => $"c.{child.ColumnOf(o)} IS NOT NULL"));
        var match = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"p.{parent.ColumnOf(edge.TargetOrdinals[i])} = c.{child.ColumnOf(o)}"));
        return $"{set} AND NOT EXISTS (SELECT 1 FROM {parent.Name} p WHERE {match})";
    }

    private void FillTouched(SyncBatchContext context)
    {
        foreach (var table in session.Tables)
        {
            if (context.TouchedSourceIds.TryGetValue(table.Number, out var sources) && table.Type.Relations.Count > 0)
            {
                TouchedTables.Fill(session, table, "source", sources);
            }

            if (context.TouchedTargetIds.TryGetValue(table.Number, out var targets) && session.Model.Graph.To(table.Type).Count > 0)
            {
                TouchedTables.Fill(session, table, "target", targets);
            }
        }
    }

    private List<(EntityKey Child, EntityKey Parent)>? Find(RelationEdge edge, SyncBatchContext context)
    {
        var child = session.Table(edge.Source);
        var parent = session.Table(edge.Target);
        var bySource = context.TouchedSourceIds.ContainsKey(child.Number);
        var byTarget = context.TouchedTargetIds.ContainsKey(parent.Number);
        if (!bySource && !byTarget)
        {
            return null;
        }

        try
        {
            var found = new List<(EntityKey, EntityKey)>();
            if (bySource)
            {
                found.AddRange(Run(BuildOrphanDetectionQuery(edge, child, parent), edge, child));
            }

            if (byTarget)
            {
                found.AddRange(Run(BuildTargetSideOrphanQuery(edge, child, parent), edge, child));
            }

            return [.. found.Distinct()];
        }
        catch (StoreException e)
        {
            throw new IntegrityCheckExecutionException(edge.ToString(), e);
        }
    }

    private List<(EntityKey Child, EntityKey Parent)> Run(string sql, RelationEdge edge, EntityTable child) =>
        session.Db.Query(sql, s =>
        {
            var parts = new Value[edge.SourceOrdinals.Length];
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i] = s.Column(child.KeyColumns.Count + i);
            }

            return (child.KeyAt(s, 0), new EntityKey(parts));
        });

    // The parent stands aside, or was deleted here and the deletion is still on its way: not the batch's doing.
    private bool IsExplained(RelationEdge edge, EntityKey parent) =>
        edge.TargetsKey
        && (session.Aside.Contains(edge.Target.Name, parent.ToString()) || session.Table(edge.Target).ReadEntry(session.Db, parent, session.Remote) is not null);
}
