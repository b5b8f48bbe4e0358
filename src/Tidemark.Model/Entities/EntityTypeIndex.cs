using System.Text;
using Tidemark.Model.Values;

namespace Tidemark.Model.Entities;

/// <summary>What is looked up again and again for every row of a type.</summary>
internal sealed class EntityTypeIndex
{
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

    private static byte[] Member(string name)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteString(name);
        writer.WriteByte((byte)':');
        return writer.ToArray();
    }
}
