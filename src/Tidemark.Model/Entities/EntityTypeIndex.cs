using System.Text;
using Tidemark.Model.Values;

namespace Tidemark.Model.Entities;

/// <summary>What is looked up again and again for every row of a type.</summary>
internal sealed class EntityTypeIndex
{
    private int[][]? _compositeReferences;
    private string? _policyHash;

    public EntityTypeIndex(EntityType type)
    {
        Owner = type;
        Fields = [.. type.Fields];
        for (var i = 0; i < Fields.Length; i++)
        {
            Ordinals[Fields[i].Name] = i;
        }

        Key = [.. type.Key.Select(name => Ordinals[name])];
        IsKey = new bool[Fields.Length];
        foreach (var ordinal in Key)
        {
            IsKey[ordinal] = true;
        }

        Canonical = [.. Enumerable.Range(0, Fields.Length).OrderBy(i => Fields[i].Name, StringComparer.Ordinal)];
        Places = new int[Fields.Length];
        for (var place = 0; place < Canonical.Length; place++)
        {
            Places[Canonical[place]] = place;
        }

        Names = [.. Fields.Select(f => Encoding.UTF8.GetBytes(f.Name))];
        Members = [.. Fields.Select(f => Member(f.Name))];
        TypeName = Encoding.UTF8.GetBytes(type.Name);
    }

    public EntityType Owner { get; }

    public Field[] Fields { get; }

    public Dictionary<string, int> Ordinals { get; } = new(StringComparer.Ordinal);

    public int[] Key { get; }

    public bool[] IsKey { get; }

    /// <summary>Ordinals sorted by wire name.</summary>
    public int[] Canonical { get; }

    /// <summary>The place of each ordinal in <see cref="Canonical"/>.</summary>
    public int[] Places { get; }

    /// <summary>Wire names in UTF-8, by ordinal.</summary>
    public byte[][] Names { get; }

    /// <summary>The canonical JSON of each name with its colon, by ordinal.</summary>
    public byte[][] Members { get; }

    public byte[] TypeName { get; }

    /// <summary>The fields of references of more than one field, which are merged as one; ordinals rising.</summary>
    public int[][] CompositeReferences => _compositeReferences ??= CompositeReferencesOf(Owner, Ordinals, IsKey);

    /// <summary>See <see cref="Merging.PolicyHash"/>.</summary>
    public string PolicyHash => _policyHash ??= Merging.PolicyHash.Compute(Owner);

    // Composite references that share a field count as one. Key fields are the same on both sides and link nothing.
    private static int[][] CompositeReferencesOf(EntityType type, Dictionary<string, int> ordinals, bool[] isKey)
    {
        var references = new List<HashSet<int>>();
        foreach (var relation in type.Relations)
        {
            if (relation.Fields.Count == 1)
            {
                continue;
            }

            var all = relation.Fields.Select(f => ordinals[f]).Where(o => !isKey[o]).ToHashSet();
            foreach (var other in references.Where(r => r.Overlaps(all)).ToArray())
            {
                all.UnionWith(other);
                references.Remove(other);
            }

            references.Add(all);
        }

        return [.. references.Select(r => r.Order().ToArray())];
    }

    private static byte[] Member(string name)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteString(name);
        writer.WriteByte((byte)':');
        return writer.ToArray();
    }
}
