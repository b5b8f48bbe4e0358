namespace Tidemark.Model.Entities;

/// <summary>A model from code. What it builds equals the same model read from JSON.</summary>
public sealed class SyncModelBuilder
{
    private readonly List<EntityTypeBuilder> _entities = [];
    private int _version = 1;

    /// <summary>Counts upwards with every change of the model; 1 when not called.</summary>
    public SyncModelBuilder Version(int version)
    {
        _version = version;
        return this;
    }

    public SyncModelBuilder Entity(string name, Action<EntityTypeBuilder> declare)
    {
        ArgumentNullException.ThrowIfNull(declare);
        var entity = new EntityTypeBuilder(name);
        declare(entity);
        _entities.Add(entity);
        return this;
    }

    /// <summary>The model, validated whole.</summary>
    /// <exception cref="ModelException">The model has faults; all are listed.</exception>
    public SyncModel Build() =>
        ModelValidator.Checked(new SyncModel { Version = _version, Entities = [.. _entities.Select(e => e.Build())] });
}

/// <summary>Declares one entity type. Its key is client-assigned unless said otherwise.</summary>
public sealed class EntityTypeBuilder
{
    private readonly List<Field> _fields = [];
    private readonly List<UniqueKey> _uniqueKeys = [];
    private readonly List<NaturalKey> _naturalKeys = [];
    private readonly List<Relation> _relations = [];
    private readonly string _name;
    private IReadOnlyList<string> _key = [];
    private EntityType _rest;

    internal EntityTypeBuilder(string name)
    {
        _name = name;
        _rest = new EntityType { Name = name, Fields = [], Key = [] };
    }

    /// <summary>The table on the device, when it is not named as the type.</summary>
    public EntityTypeBuilder Table(string table)
    {
        _rest = _rest with { Table = string.Equals(table, _name, StringComparison.Ordinal) ? null : table };
        return this;
    }

    /// <summary>The key fields in key order; they become not nullable.</summary>
    public EntityTypeBuilder Key(params IReadOnlyList<string> fields)
    {
        _key = fields;
        return this;
    }

    /// <summary>The server's id replaces the proposed one when that is taken.</summary>
    public EntityTypeBuilder ServerAssigned()
    {
        _rest = _rest with { Identity = IdentityModel.ServerAssigned };
        return this;
    }

    public EntityTypeBuilder Field(string name, FieldType type, Func<Field, Field>? with = null)
    {
        var field = new Field { Name = name, Type = type };
        _fields.Add(with is null ? field : with(field));
        return this;
    }

    public EntityTypeBuilder Unique(params IReadOnlyList<string> fields) => Unique(UniqueRule.Manual, fields);

    public EntityTypeBuilder Unique(UniqueRule rule, params IReadOnlyList<string> fields)
    {
        _uniqueKeys.Add(new UniqueKey { Fields = fields, Rule = rule });
        return this;
    }

    /// <summary>Rows that share these values are duplicates; see <see cref="Entities.NaturalKey"/>.</summary>
    public EntityTypeBuilder NaturalKey(params IReadOnlyList<string> fields)
    {
        _naturalKeys.Add(new NaturalKey { Fields = fields });
        return this;
    }

    /// <summary>A reference of one field to the key of another type. A required one makes its field not nullable.</summary>
    public EntityTypeBuilder Reference(string field, string target, bool required = false, DeleteRule onDelete = DeleteRule.Restrict) =>
        Reference([field], target, [], required, onDelete);

    /// <summary>A reference to the key or a unique key of another type. A required one makes its fields not nullable.</summary>
    /// <param name="fields">The fields here.</param>
    /// <param name="target">The referenced type.</param>
    /// <param name="targetFields">Its fields, in the order of <paramref name="fields"/>; its key when empty.</param>
    /// <param name="required">A row may not exist without its parent.</param>
    /// <param name="onDelete">What becomes of a row when its parent is deleted.</param>
    public EntityTypeBuilder Reference(IReadOnlyList<string> fields, string target, IReadOnlyList<string> targetFields, bool required = false, DeleteRule onDelete = DeleteRule.Restrict)
    {
        _relations.Add(new Relation { Fields = fields, Target = target, TargetFields = targetFields, Required = required, OnDelete = onDelete });
        return this;
    }

    public EntityTypeBuilder OnDeleteAgainstUpdate(DeletePolicy policy)
    {
        _rest = _rest with { DeletePolicy = policy };
        return this;
    }

    /// <summary>Setting the field is a DELETE on the wire, clearing it a restore.</summary>
    public EntityTypeBuilder SoftDelete(string field)
    {
        _rest = _rest with { SoftDelete = field };
        return this;
    }

    /// <summary>Rows are only ever added; merging never finds a conflict.</summary>
    public EntityTypeBuilder ConflictFree()
    {
        _rest = _rest with { ConflictFree = true };
        return this;
    }

    /// <summary>Rows of this type are merged by the function of that name, see <see cref="Merging.CustomMergeRegistry"/>.</summary>
    public EntityTypeBuilder MergedBy(string customMerge)
    {
        _rest = _rest with { CustomMerge = customMerge };
        return this;
    }

    /// <summary>Public rows of this type come from a catalog.</summary>
    public EntityTypeBuilder Catalog(string name)
    {
        _rest = _rest with { Catalog = name };
        return this;
    }

    /// <summary>The field that says which space a row is in: a space's id, or a reference to the row it shares its space with.</summary>
    public EntityTypeBuilder Space(string field)
    {
        _rest = _rest with { Space = field };
        return this;
    }

    internal EntityType Build()
    {
        var notNull = _key.Concat(_relations.Where(r => r.Required).SelectMany(r => r.Fields)).ToHashSet(StringComparer.Ordinal);
        return _rest with
        {
            Fields = [.. _fields.Select(f => notNull.Contains(f.Name) ? f with { Nullable = false } : f)],
            Key = _key,
            UniqueKeys = [.. _uniqueKeys],
            NaturalKeys = [.. _naturalKeys],
            Relations = [.. _relations],
        };
    }
}
