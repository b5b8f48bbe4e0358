using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Tidemark.Model.Entities;

namespace Tidemark.EntityFrameworkCore;

/// <summary>What an entity type, a property or a unique index is merged by, said in <c>OnModelCreating</c>. Names are those of properties.</summary>
public static class SyncModelExtensions
{
    private const char Between = '\n';

    /// <summary>The type stays on this device.</summary>
    public static EntityTypeBuilder<T> IsNotSynced<T>(this EntityTypeBuilder<T> entity)
        where T : class => With(entity, SyncAnnotations.NotSynced, true);

    /// <summary>Who decides a new row's id. Without it: the server for an integer key that the database gives, else the client.</summary>
    public static EntityTypeBuilder<T> HasSyncIdentity<T>(this EntityTypeBuilder<T> entity, IdentityModel identity)
        where T : class => With(entity, SyncAnnotations.Identity, identity.ToString());

    public static EntityTypeBuilder<T> HasDeletePolicy<T>(this EntityTypeBuilder<T> entity, DeletePolicy policy)
        where T : class => With(entity, SyncAnnotations.DeletePolicy, policy.ToString());

    /// <summary>Rows are only ever added; merging never finds a conflict.</summary>
    public static EntityTypeBuilder<T> IsConflictFree<T>(this EntityTypeBuilder<T> entity)
        where T : class => With(entity, SyncAnnotations.ConflictFree, true);

    /// <summary>Rows are merged by the function of that name.</summary>
    public static EntityTypeBuilder<T> IsMergedBy<T>(this EntityTypeBuilder<T> entity, string customMerge)
        where T : class => With(entity, SyncAnnotations.CustomMerge, customMerge);

    /// <summary>Setting the property is a DELETE on the wire, clearing it a restore.</summary>
    public static EntityTypeBuilder<T> HasSoftDelete<T>(this EntityTypeBuilder<T> entity, string property)
        where T : class => With(entity, SyncAnnotations.SoftDelete, property);

    /// <summary>Rows that share the values of these properties are duplicates of each other. Called again: another natural key.</summary>
    public static EntityTypeBuilder<T> HasNaturalKey<T>(this EntityTypeBuilder<T> entity, params string[] properties)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(entity);
        ArgumentNullException.ThrowIfNull(properties);
        var before = entity.Metadata.FindAnnotation(SyncAnnotations.NaturalKeys)?.Value as string;
        var key = string.Join(Between, properties);
        return With(entity, SyncAnnotations.NaturalKeys, before is null ? key : $"{before}{Between}{Between}{key}");
    }

    /// <summary>What the server does when two rows claim one value of the unique index.</summary>
    public static IndexBuilder<T> HasUniqueRule<T>(this IndexBuilder<T> index, UniqueRule rule)
    {
        ArgumentNullException.ThrowIfNull(index);
        index.HasAnnotation(SyncAnnotations.UniqueRule, rule.ToString());
        return index;
    }

    /// <summary>What decides when both sides changed the property.</summary>
    public static PropertyBuilder<T> HasPolicy<T>(this PropertyBuilder<T> property, FieldPolicy policy) => With(property, SyncAnnotations.Policy, policy.ToString());

    /// <summary>A JSON array, merged; objects in it are told apart by that member.</summary>
    public static PropertyBuilder<T> MergesArray<T>(this PropertyBuilder<T> property, string? key = null)
    {
        property.HasPolicy(FieldPolicy.MergeArrays);
        return key is null ? property : With(property, SyncAnnotations.ArrayKey, key);
    }

    /// <summary>The value only goes forward; texts in that order.</summary>
    public static PropertyBuilder<T> IsMonotonic<T>(this PropertyBuilder<T> property, params string[] states)
    {
        ArgumentNullException.ThrowIfNull(states);
        property.HasPolicy(FieldPolicy.Monotonic);
        return states.Length == 0 ? property : With(property, SyncAnnotations.States, string.Join(Between, states));
    }

    /// <summary>The later edit wins, by the monotonic property that says when it was written.</summary>
    public static PropertyBuilder<T> HasClock<T>(this PropertyBuilder<T> property, string clock) => With(property, SyncAnnotations.Clock, clock);

    /// <summary>Always the server's.</summary>
    public static PropertyBuilder<T> IsServerDerived<T>(this PropertyBuilder<T> property) => With(property, SyncAnnotations.ServerDerived, true);

    /// <summary>What the property holds on the wire, where its CLR type does not say it (JSON in a string), and how this file stores it.</summary>
    public static PropertyBuilder<T> HasFieldType<T>(this PropertyBuilder<T> property, FieldType type, StorageForm form = StorageForm.Default)
    {
        With(property, SyncAnnotations.FieldType, type.ToString());
        return With(property, SyncAnnotations.StorageForm, form.ToString());
    }

    internal static IEnumerable<string[]> NaturalKeysOf(string annotation) => annotation.Split($"{Between}{Between}").Select(k => k.Split(Between));

    internal static string[] StatesOf(string annotation) => annotation.Split(Between);

    private static EntityTypeBuilder<T> With<T>(EntityTypeBuilder<T> entity, string name, object value)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(entity);
        entity.HasAnnotation(name, value);
        return entity;
    }

    private static PropertyBuilder<T> With<T>(PropertyBuilder<T> property, string name, object value)
    {
        ArgumentNullException.ThrowIfNull(property);
        property.HasAnnotation(name, value);
        return property;
    }
}
