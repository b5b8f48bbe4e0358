using System.Text;
using Tidemark.Model.Entities;

namespace Tidemark.Model.Tests;

/// <summary>Models that use every member between them.</summary>
internal static class SampleModels
{
    /// <summary>A shop: composite keys, a self reference, forms, policies, unique keys.</summary>
    public static SyncModel Shop { get; } = new SyncModelBuilder()
        .Version(3)
        .Entity("categories", e => e
            .Table("Category")
            .Field("id", FieldType.Integer, f => f with { Column = "Id" })
            .Field("parent_id", FieldType.Integer)
            .Field("name", FieldType.Text, f => f with { Nullable = false, Collation = Collation.NoCase })
            .Key("id")
            .ServerAssigned()
            .Unique("name")
            .Reference("parent_id", "categories", onDelete: DeleteRule.SetNull))
        .Entity("products", e => e
            .Field("id", FieldType.Uuid, f => f with { Form = StorageForm.UuidBlob })
            .Field("category_id", FieldType.Integer)
            .Field("name", FieldType.Text, f => f with { Policy = FieldPolicy.ServerWins })
            .Field("price", FieldType.Decimal, f => f with { Form = StorageForm.DecimalReal })
            .Field("photo", FieldType.Blob)
            .Field("details", FieldType.Json)
            .Field("weight", FieldType.Real)
            .Field("listed", FieldType.Boolean)
            .Field("views", FieldType.Integer, f => f with { ServerDerived = true })
            .Field("deleted_at", FieldType.Timestamp, f => f with { Form = StorageForm.TimeUnixMilliseconds })
            .Key("id")
            .SoftDelete("deleted_at")
            .OnDeleteAgainstUpdate(DeletePolicy.DeleteWins)
            .NaturalKey("category_id", "name")
            .Reference("category_id", "categories", required: true, onDelete: DeleteRule.Cascade))
        .Entity("prices", e => e
            .Field("product_id", FieldType.Uuid)
            .Field("since", FieldType.Timestamp)
            .Field("amount", FieldType.Exact)
            .Key("product_id", "since")
            .Reference("product_id", "products", required: true, onDelete: DeleteRule.Cascade)
            .ConflictFree())
        .Build();

    public static byte[] ShopJson { get; } = Encoding.UTF8.GetBytes("""
        {
          "$schema": "tidemark-model.schema.json",
          "version": 3,
          "entities": [
            { "name": "categories", "table": "Category", "identity": "ServerAssigned",
              "fields": [
                { "name": "id", "column": "Id", "type": "Integer", "nullable": false },
                { "name": "parent_id", "type": "Integer" },
                { "name": "name", "type": "Text", "nullable": false, "collation": "NoCase" } ],
              "key": [ "id" ],
              "uniqueKeys": [ { "fields": [ "name" ] } ],
              "relations": [ { "fields": [ "parent_id" ], "target": "categories", "onDelete": "SetNull" } ] },
            { "name": "products",
              "fields": [
                { "name": "id", "type": "Uuid", "form": "UuidBlob", "nullable": false },
                { "name": "category_id", "type": "Integer", "nullable": false },
                { "name": "name", "type": "Text", "policy": "ServerWins" },
                { "name": "price", "type": "Decimal", "form": "DecimalReal" },
                { "name": "photo", "type": "Blob" },
                { "name": "details", "type": "Json" },
                { "name": "weight", "type": "Real" },
                { "name": "listed", "type": "Boolean" },
                { "name": "views", "type": "Integer", "serverDerived": true },
                { "name": "deleted_at", "type": "Timestamp", "form": "TimeUnixMilliseconds" } ],
              "key": [ "id" ], "softDelete": "deleted_at", "deletePolicy": "DeleteWins",
              "naturalKeys": [ { "fields": [ "category_id", "name" ] } ],
              "relations": [ { "fields": [ "category_id" ], "target": "categories", "required": true, "onDelete": "Cascade" } ] },
            { "name": "prices", "conflictFree": true,
              "fields": [
                { "name": "product_id", "type": "Uuid", "nullable": false },
                { "name": "since", "type": "Timestamp", "nullable": false },
                { "name": "amount" } ],
              "key": [ "product_id", "since" ],
              "relations": [ { "fields": [ "product_id" ], "target": "products", "required": true, "onDelete": "Cascade" } ] }
          ]
        }
        """);

    /// <summary>As `adopt` makes them: exact fields, odd names, the app's DDL.</summary>
    public static SyncModel Adopted { get; } = ModelValidator.Checked(new SyncModel
    {
        Entities =
        [
            new EntityType
            {
                Name = "my \"odd\" table",
                Fields = [new Field { Name = "a b", Nullable = false }, new Field { Name = "c'd" }],
                Key = ["a b"],
                Relations = [new Relation { Fields = ["c'd"], Target = "my \"odd\" table", TargetFields = ["a b"] }],
            },
        ],
        Schema = [new SchemaObject { Kind = "table", Name = "my \"odd\" table", Table = "my \"odd\" table", Sql = "CREATE TABLE ..." }],
    });

    public static IEnumerable<SyncModel> All => [Shop, Adopted];
}
