using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Entities;

namespace Tidemark.Fuzzing.Wire;

/// <summary>Model JSON: every fault as a <see cref="ModelException"/>, or a model that is the same when it is read again.</summary>
public sealed class ModelJsonTarget : JsonTarget
{
    private static readonly byte[][] Words = [.. new[]
    {
        "entities", "name", "fields", "key", "type", "table", "uniqueKeys", "relations", "target", "targetFields", "required", "onDelete", "rule", "collation", "nullable", "identity", "schema", "kind", "sql", "version", "deletePolicy",
        "softDelete", "conflictFree", "column", "strategy", "storage",
    }.Select(Encoding.UTF8.GetBytes)];

    public override string Name => "model-json";

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        SyncModelJson.ToUtf8(FuzzModel.Model),
        SyncModelJson.ToUtf8(FuzzModel.Model with { Schema = [new SchemaObject { Kind = "table", Name = "boxes", Table = "boxes", Sql = "CREATE TABLE boxes(id TEXT PRIMARY KEY, name TEXT)" }] }, indented: true),
        FuzzModel.Utf8("""{"version":1,"entities":[{"name":"a","fields":[{"name":"id","type":"Integer","nullable":false},{"name":"p","type":"Integer"}],"key":["id"],"relations":[{"fields":["p"],"target":"a","onDelete":"SetNull"}]}]}"""),
    ];

    public override byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => JsonVariations.Vary(input, other, dice, dice.Chance(70) ? Words : FuzzModel.Names);

    public override string Run(byte[] input)
    {
        SyncModel model;
        try
        {
            model = SyncModelJson.Parse(input);
        }
        catch (ModelException e)
        {
            return "faults " + Shapes.Text(e.Faults[0].Message) + (e.InnerException is null ? "" : " @" + Shapes.FrameOf(e.InnerException));
        }

        var again = SyncModelJson.Parse(SyncModelJson.ToUtf8(model));
        Hold(again.Hash == model.Hash, "A model has another hash when it is written and read again.");
        Hold(SyncModelJson.ToUtf8(again).AsSpan().SequenceEqual(SyncModelJson.ToUtf8(model)), "A model is written in another way when it is read again.");
        foreach (var type in model.Entities)
        {
            _ = model.Graph.RankOf(type);
            Hold(ReferenceEquals(model.Find(type.Name), type), "A model does not find its own type.");
            Hold(type.KeyOf(new Model.Values.Value[type.Fields.Count]).Count == type.Key.Count, "A type has no key of its own fields.");
        }

        return $"model {model.Entities.Count} {string.Join(',', model.Entities.SelectMany(e => e.Fields).Select(f => f.Type).Distinct().Order())}";
    }
}
