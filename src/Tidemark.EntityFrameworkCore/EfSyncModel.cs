using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Tidemark.Model.Entities;

namespace Tidemark.EntityFrameworkCore;

/// <summary>
/// A sync model from an EF Core one: tables, columns, keys, references and unique indexes as EF maps them, the rules of merging from the
/// annotations. Types of one table (a hierarchy, owned types) are one entity type. Wire names are those of tables and columns.
/// </summary>
public static class EfSyncModel
{
    /// <param name="model">The design-time model, <c>context.GetService&lt;IDesignTimeModel&gt;().Model</c>: the run-time one does not tell collations and filters.</param>
    /// <param name="version">Counts upwards with every change of the model.</param>
    /// <exception cref="ModelException">The model has faults; all are listed.</exception>
    public static SyncModel From(IReadOnlyModel model, int version = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        var tables = model.GetEntityTypes()
            .Where(t => t.GetTableName() is not null && t.FindPrimaryKey() is not null && t.FindAnnotation(SyncAnnotations.NotSynced) is null && t.GetRootType().FindAnnotation(SyncAnnotations.NotSynced) is null)
            .GroupBy(t => StoreObjectIdentifier.Table(t.GetTableName()!, t.GetSchema()))
            .OrderBy(t => t.Key.Name, StringComparer.Ordinal)
            .ToList();
        var synced = tables.Select(t => t.Key).ToHashSet();
        return Model.Entities.ModelValidator.Checked(new SyncModel { Version = version, Entities = [.. tables.Select(t => TypeOf(t.Key, [.. t], synced))] });
    }

    private static EntityType TypeOf(StoreObjectIdentifier table, List<IReadOnlyEntityType> types, HashSet<StoreObjectIdentifier> synced)
    {
        var main = types.Find(t => t.BaseType is null && !t.IsOwned()) ?? types[0];
        var key = main.FindPrimaryKey()!.Properties;
        var columns = new Dictionary<string, IReadOnlyProperty>(StringComparer.Ordinal);
        foreach (var property in key.Concat(types.OrderBy(t => t == main ? 0 : 1).ThenBy(t => t.Name, StringComparer.Ordinal).SelectMany(t => t.GetProperties())))
        {
            if (property.GetColumnName(table) is { } column)
            {
                columns.TryAdd(column, property);
            }
        }

        return new EntityType
        {
            Name = table.Name,
            Identity = Said<IdentityModel>(main, SyncAnnotations.Identity) ?? (IsGivenByTheDatabase(key) ? IdentityModel.ServerAssigned : IdentityModel.ClientAssigned),
            Key = Names(key, table),
            Fields = [.. columns.Select(c => FieldOf(c.Key, c.Value, types, table))],
            UniqueKeys = [.. UniqueKeysOf(types, table)],
            NaturalKeys = main.FindAnnotation(SyncAnnotations.NaturalKeys)?.Value is string natural
                ? [.. SyncModelExtensions.NaturalKeysOf(natural).Select(k => new NaturalKey { Fields = [.. k.Select(p => ColumnOf(p, types, table))] })]
                : [],
            Relations = [.. RelationsOf(types, table, synced)],
            DeletePolicy = Said<DeletePolicy>(main, SyncAnnotations.DeletePolicy) ?? DeletePolicy.UpdateWins,
            ConflictFree = main.FindAnnotation(SyncAnnotations.ConflictFree) is not null,
            CustomMerge = main.FindAnnotation(SyncAnnotations.CustomMerge)?.Value as string,
            SoftDelete = main.FindAnnotation(SyncAnnotations.SoftDelete)?.Value is string softDelete ? ColumnOf(softDelete, [main], table) : null,
        };
    }

    private static Field FieldOf(string column, IReadOnlyProperty property, List<IReadOnlyEntityType> types, StoreObjectIdentifier table)
    {
        var (type, form) = Said<FieldType>(property, SyncAnnotations.FieldType) is { } said ? (said, Said<StorageForm>(property, SyncAnnotations.StorageForm) ?? StorageForm.Default) : FieldTypes.Of(property);
        return new Field
        {
            Name = column,
            Type = type,
            Form = form,
            Nullable = property.IsColumnNullable(table) && !property.IsPrimaryKey(),
            Collation = property.GetCollation()?.ToUpperInvariant() switch
            {
                "NOCASE" => Collation.NoCase,
                "RTRIM" => Collation.RTrim,
                _ => Collation.Binary,
            },
            Policy = Said<FieldPolicy>(property, SyncAnnotations.Policy) ?? FieldPolicy.LastWriterWins,
            ArrayKey = property.FindAnnotation(SyncAnnotations.ArrayKey)?.Value as string,
            States = property.FindAnnotation(SyncAnnotations.States)?.Value is string states ? SyncModelExtensions.StatesOf(states) : null,
            Clock = property.FindAnnotation(SyncAnnotations.Clock)?.Value is string clock ? ColumnOf(clock, types, table) : null,
            ServerDerived = property.FindAnnotation(SyncAnnotations.ServerDerived) is not null,
        };
    }

    // Filtered indexes hold for some rows only: the server does not know them, and devices check them alone.
    private static IEnumerable<UniqueKey> UniqueKeysOf(List<IReadOnlyEntityType> types, StoreObjectIdentifier table) =>
        types.SelectMany(t => t.GetDeclaredIndexes()).Where(i => i.IsUnique && i.GetFilter() is null)
            .Select(i => new UniqueKey { Fields = Names(i.Properties, table), Rule = Said<UniqueRule>(i, SyncAnnotations.UniqueRule) ?? UniqueRule.Manual })
            .Concat(types.SelectMany(t => t.GetDeclaredKeys()).Where(k => !k.IsPrimaryKey()).Select(k => new UniqueKey { Fields = Names(k.Properties, table) }))
            .DistinctBy(u => string.Join('\n', u.Fields));

    private static IEnumerable<Relation> RelationsOf(List<IReadOnlyEntityType> types, StoreObjectIdentifier table, HashSet<StoreObjectIdentifier> synced)
    {
        foreach (var reference in types.SelectMany(t => t.GetDeclaredForeignKeys()))
        {
            // What stays on the device is no parent for the server; parts of one row do not refer to each other.
            if (reference.PrincipalEntityType.GetTableName() is not { } name || StoreObjectIdentifier.Table(name, reference.PrincipalEntityType.GetSchema()) is var target && (!synced.Contains(target) || (target.Equals(table) && reference.IsOwnership)))
            {
                continue;
            }

            yield return new Relation
            {
                Fields = Names(reference.Properties, table),
                Target = target.Name,
                TargetFields = reference.PrincipalKey.IsPrimaryKey() ? [] : Names(reference.PrincipalKey.Properties, target),
                Required = reference.Properties.All(p => !p.IsColumnNullable(table)),
                OnDelete = reference.DeleteBehavior switch
                {
                    DeleteBehavior.Cascade => DeleteRule.Cascade,
                    DeleteBehavior.SetNull => DeleteRule.SetNull,
                    _ => DeleteRule.Restrict, // The Client... behaviours are EF's own: the table has no rule.
                },
            };
        }
    }

    private static bool IsGivenByTheDatabase(IReadOnlyList<IReadOnlyProperty> key) =>
        key is [{ ValueGenerated: ValueGenerated.OnAdd } only] && FieldTypes.Of(only).Type == FieldType.Integer;

    private static string[] Names(IReadOnlyList<IReadOnlyProperty> properties, StoreObjectIdentifier table) => [.. properties.Select(p => p.GetColumnName(table)!)];

    private static string ColumnOf(string property, List<IReadOnlyEntityType> types, StoreObjectIdentifier table) =>
        types.Select(t => t.FindProperty(property)?.GetColumnName(table)).FirstOrDefault(c => c is not null) ?? property;

    private static T? Said<T>(IReadOnlyAnnotatable from, string annotation)
        where T : struct, Enum => from.FindAnnotation(annotation)?.Value is string text ? Enum.Parse<T>(text) : null;
}
