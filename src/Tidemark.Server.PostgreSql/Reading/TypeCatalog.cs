using System.Runtime.CompilerServices;
using Tidemark.Model.Entities;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>The statements of every entity type that was asked for; made once for each.</summary>
internal sealed class TypeCatalog(string schema)
{
    private readonly ConditionalWeakTable<EntityType, TypeQueries> _queries = [];

    public string Schema => schema;

    public TypeQueries Of(EntityType type) => _queries.TryGetValue(type, out var queries) ? queries : _queries.GetValue(type, t => new TypeQueries(schema, t));
}
