namespace Tidemark.Model.Entities;

/// <summary>One reference of the graph with both ends resolved.</summary>
public sealed record RelationEdge(EntityType Source, EntityType Target, Relation Relation, int[] SourceOrdinals, int[] TargetOrdinals)
{
    /// <summary>The reference points at the key of the target, in key order.</summary>
    public bool TargetsKey => TargetOrdinals.AsSpan().SequenceEqual(Target.KeyOrdinals.ToArray());

    public override string ToString() => $"{Source.Name}({string.Join(", ", Relation.Fields)}) -> {Target.Name}";
}

/// <summary>A column that holds ids of a type: its key, or a reference to it, however many steps away.</summary>
public sealed record IdColumn(EntityType Type, int Ordinal);

/// <summary>
/// The only source of truth for foreign keys. Types are ordered parents first; types of a cycle stand together, required
/// parents first, then by name, and are resolved inside a batch. The order depends on nothing but the model.
/// </summary>
public sealed class RelationGraph
{
    private readonly Dictionary<string, int> _rank = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<RelationEdge>> _from = new(StringComparer.Ordinal);
    private readonly ILookup<string, (int Ordinal, EntityType Target)> _idsIn;
    private readonly Dictionary<string, IReadOnlyList<RelationEdge>> _to = new(StringComparer.Ordinal);

    internal RelationGraph(SyncModel model)
    {
        Edges = [.. model.Entities.SelectMany(source => source.Relations.Select(relation => Resolve(model, source, relation)))];
        SyncOrder = Order(model, Edges);
        for (var i = 0; i < SyncOrder.Count; i++)
        {
            var name = SyncOrder[i].Name;
            _rank[name] = i;
            _from[name] = [.. Edges.Where(e => string.Equals(e.Source.Name, name, StringComparison.Ordinal))];
            _to[name] = [.. Edges.Where(e => string.Equals(e.Target.Name, name, StringComparison.Ordinal))];
        }

        _idsIn = SyncOrder.Where(t => t.Identity == IdentityModel.ServerAssigned)
            .SelectMany(t => IdColumnsOf(t).Select(c => (Column: c, Target: t)))
            .ToLookup(c => c.Column.Type.Name, c => (c.Column.Ordinal, c.Target), StringComparer.Ordinal);
    }

    public IReadOnlyList<RelationEdge> Edges { get; }

    /// <summary>Parents before children; deterministic.</summary>
    public IReadOnlyList<EntityType> SyncOrder { get; }

    /// <summary>The place of a type in <see cref="SyncOrder"/>.</summary>
    public int RankOf(EntityType type) => _rank[type.Name];

    /// <summary>The references that leave a type.</summary>
    public IReadOnlyList<RelationEdge> From(EntityType type) => _from[type.Name];

    /// <summary>The references that arrive at a type.</summary>
    public IReadOnlyList<RelationEdge> To(EntityType type) => _to[type.Name];

    /// <summary>Every column that an id of a type may stand in, its key first.</summary>
    public IReadOnlyList<IdColumn> IdColumnsOf(EntityType type)
    {
        ArgumentNullException.ThrowIfNull(type);
        var columns = new List<IdColumn> { new(type, type.KeyOrdinals[0]) };
        for (var i = 0; i < columns.Count; i++)
        {
            var column = columns[i];
            foreach (var edge in To(column.Type))
            {
                for (var part = 0; part < edge.TargetOrdinals.Length; part++)
                {
                    var reference = new IdColumn(edge.Source, edge.SourceOrdinals[part]);
                    if (edge.TargetOrdinals[part] == column.Ordinal && !columns.Contains(reference))
                    {
                        columns.Add(reference);
                    }
                }
            }
        }

        return columns;
    }

    /// <summary>The columns of a type that hold ids which the server gives, and whose.</summary>
    public IEnumerable<(int Ordinal, EntityType Target)> IdsIn(EntityType type) => _idsIn[type.Name];

    private static RelationEdge Resolve(SyncModel model, EntityType source, Relation relation)
    {
        var target = model.Get(relation.Target);
        var targetFields = relation.TargetFields.Count == 0 ? target.Key : relation.TargetFields;
        return new RelationEdge(source, target, relation, source.OrdinalsOf(relation.Fields), target.OrdinalsOf(targetFields));
    }

    private static List<EntityType> Order(SyncModel model, IReadOnlyList<RelationEdge> edges)
    {
        var byName = model.Entities.OrderBy(t => t.Name, StringComparer.Ordinal).ToArray();
        return SyncOrderOf.Types(byName, [edges, [.. edges.Where(e => e.Relation.Required)]]);
    }
}
