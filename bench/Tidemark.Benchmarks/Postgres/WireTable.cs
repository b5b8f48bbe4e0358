using System.Text;
using Tidemark.Benchmarks.Rows;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>The table of the measurements as a server knows it, and commands for its rows.</summary>
internal static class WireTable
{
    public static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity(BenchTable.Name, e => e
            .Field("id", FieldType.Text)
            .Field("user_id", FieldType.Text)
            .Field("kind", FieldType.Text)
            .Field("title", FieldType.Text)
            .Field("body", FieldType.Text)
            .Field("created_at", FieldType.Text)
            .Field("updated_at", FieldType.Text)
            .Field("mood", FieldType.Integer)
            .Field("score", FieldType.Real)
            .Field("revision", FieldType.Integer)
            .Key("id"))
        .Build();

    private static EntityType Type { get; } = Model.Get(BenchTable.Name);

    public static PushCommand Create(BenchRow row)
    {
        var values = new Row(
            Type,
            [
                Text(row.Id), Text(row.UserId), Text(row.Kind), Text(row.Title), Text(row.Body), Text(row.CreatedAt), Text(row.UpdatedAt),
                Value.Integer(row.Mood), Value.Real(row.Score), Value.Integer(row.Revision),
            ]);
        return new PushCommand { Id = Guid.CreateVersion7(), Type = Type, Operation = Operation.Create, EntityId = values.Key, Payload = values };
    }

    /// <summary>Another title.</summary>
    public static PushCommand Update(BenchRow row, long version)
    {
        var values = new Value[Type.Fields.Count];
        values[Type.OrdinalOf("title")] = Text(row.Title);
        return new PushCommand
        {
            Id = Guid.CreateVersion7(),
            Type = Type,
            Operation = Operation.Update,
            EntityId = new EntityKey(Text(row.Id)),
            BaseVersion = version,
            Payload = new Row(Type, values),
        };
    }

    private static Value Text(byte[] utf8) => Value.Text(Encoding.UTF8.GetString(utf8));
}
