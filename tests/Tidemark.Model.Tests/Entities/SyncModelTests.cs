using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Tidemark.Model.Entities;
using Xunit;

namespace Tidemark.Model.Tests.Entities;

public sealed class SyncModelTests
{
    [Fact]
    [Trait("req", "MOD-01")]
    public void A_model_from_code_equals_the_same_model_from_json()
    {
        var parsed = SyncModelJson.Parse(SampleModels.ShopJson);
        Assert.Equal(SampleModels.Shop, parsed);
        Assert.Equal(SampleModels.Shop.Hash, parsed.Hash);
        Assert.Equal(SampleModels.Shop.GetHashCode(), parsed.GetHashCode());
        Assert.NotEqual(SampleModels.Shop, parsed with { Version = 4 });
    }

    [Fact]
    [Trait("req", "MOD-01")]
    public void A_model_comes_back_from_its_json_whether_indented_or_not()
    {
        foreach (var model in SampleModels.All)
        {
            Assert.Equal(model, SyncModelJson.Parse(SyncModelJson.ToUtf8(model)));
            Assert.Equal(model, SyncModelJson.Parse(SyncModelJson.ToUtf8(model, indented: true)));
            Assert.Equal(model, SyncModelJson.Parse([0xEF, 0xBB, 0xBF, .. SyncModelJson.ToUtf8(model)]));
        }
    }

    [Fact]
    [Trait("req", "MOD-01")]
    public void The_hash_does_not_depend_on_the_order_of_members_or_white_space()
    {
        var shuffled = Encoding.UTF8.GetBytes("""{ "entities" : [ { "key":["id"], "fields":[ { "nullable":false, "type":"Integer", "name":"id" } ], "name":"a" } ], "version": 2 }""");
        var plain = Encoding.UTF8.GetBytes("""{"version":2,"entities":[{"name":"a","fields":[{"name":"id","type":"Integer","nullable":false}],"key":["id"]}]}""");
        Assert.Equal(SyncModelJson.Parse(plain).Hash, SyncModelJson.Parse(shuffled).Hash);
        Assert.Matches("^[0-9a-f]{64}$", SyncModelJson.Parse(plain).Hash);
    }

    [Fact]
    [Trait("req", "MOD-03")]
    public void Identity_is_client_assigned_unless_declared_server_assigned()
    {
        Assert.Equal(IdentityModel.ServerAssigned, SampleModels.Shop.Get("categories").Identity);
        Assert.Equal(IdentityModel.ClientAssigned, SampleModels.Shop.Get("products").Identity);
    }

    [Fact]
    [Trait("req", "MOD-01")]
    public void A_copy_with_a_change_has_its_own_index()
    {
        var type = SampleModels.Shop.Get("prices");
        Assert.Equal(1, type.OrdinalOf("since"));
        var copy = type with { Fields = [.. type.Fields.Reverse()] };
        Assert.Equal(1, copy.OrdinalOf("since"));
        Assert.Equal(2, copy.OrdinalOf("product_id"));
        Assert.Equal([2, 1], copy.KeyOrdinals);
        Assert.Equal(0, type.OrdinalOf("product_id"));
        Assert.Equal(-1, type.FindOrdinal("nope"));
        Assert.Throws<KeyNotFoundException>(() => type.OrdinalOf("nope"));
    }

    [Fact]
    [Trait("req", "MOD-01")]
    public void The_json_schema_knows_every_member_and_every_choice_of_the_model()
    {
        var exported = ModelJsonContext.Default.Options.GetJsonSchemaAsNode(typeof(SyncModel));
        AssertSameMembers(exported, exported, JsonNode.Parse(SyncModelSchema.Json)!, "model");
    }

    [Fact]
    [Trait("req", "MOD-01")]
    public void Every_sample_model_keeps_to_the_json_schema()
    {
        var schema = JsonNode.Parse(SyncModelSchema.Json)!;
        AssertKeepsTo(schema, schema, JsonNode.Parse(SampleModels.ShopJson), "model");
        foreach (var model in SampleModels.All)
        {
            AssertKeepsTo(schema, schema, JsonNode.Parse(SyncModelJson.ToUtf8(model)), "model");
        }
    }

    // The exporter writes a type out at its first place and refers to that place afterwards.
    private static void AssertSameMembers(JsonNode exportedRoot, JsonNode exported, JsonNode written, string path)
    {
        if (written["$ref"]?.GetValue<string>() is { } reference)
        {
            written = JsonNode.Parse(SyncModelSchema.Json)!["$defs"]![reference["#/$defs/".Length..]]!;
        }

        if (exported["enum"] is JsonArray choices)
        {
            Assert.Equal(choices.Where(c => c is not null).Select(c => c!.GetValue<string>()), written["enum"]!.AsArray().Select(c => c!.GetValue<string>()));
        }

        if (exported["items"] is { } items)
        {
            AssertSameMembers(exportedRoot, items, written["items"]!, path + "[]");
        }

        if (exported["properties"] is not JsonObject members)
        {
            return;
        }

        Assert.Equal(members.Select(m => m.Key).Order(StringComparer.Ordinal), written["properties"]!.AsObject().Select(m => m.Key).Order(StringComparer.Ordinal));
        Assert.Equal(Names(exported["required"]), Names(written["required"]));
        Assert.False(written["additionalProperties"]!.GetValue<bool>());
        foreach (var (name, member) in members)
        {
            var there = written["properties"]![name]!;
            Assert.True(there["description"] is not null, $"{path}.{name} has no description.");
            AssertSameMembers(exportedRoot, member!, there, path + "." + name);
        }
    }

    private static void AssertKeepsTo(JsonNode root, JsonNode schema, JsonNode? value, string path)
    {
        if (schema["$ref"]?.GetValue<string>() is { } reference)
        {
            schema = root["$defs"]![reference["#/$defs/".Length..]]!;
        }

        if (schema["enum"] is JsonArray choices)
        {
            Assert.Contains(value!.GetValue<string>(), choices.Select(c => c!.GetValue<string>()));
        }

        if (schema["type"] is { } types)
        {
            var allowed = types is JsonArray list ? list.Select(t => t!.GetValue<string>()) : [types.GetValue<string>()];
            Assert.Contains(TypeOf(value), allowed);
        }

        if (value is JsonArray items && schema["items"] is { } itemSchema)
        {
            Assert.All(items, i => AssertKeepsTo(root, itemSchema, i, path + "[]"));
        }

        if (value is JsonObject members && schema["properties"] is JsonObject known)
        {
            Assert.All(Names(schema["required"]), r => Assert.True(members.ContainsKey(r), $"{path} has no {r}."));
            foreach (var (name, member) in members)
            {
                Assert.True(known.ContainsKey(name), $"{path}.{name} is not in the schema.");
                AssertKeepsTo(root, known[name]!, member, path + "." + name);
            }
        }
    }

    private static string TypeOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null => "null",
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.Number => "integer",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "string",
    };

    private static IEnumerable<string> Names(JsonNode? list) => (list?.AsArray() ?? []).Select(n => n!.GetValue<string>()).Order(StringComparer.Ordinal);
}
