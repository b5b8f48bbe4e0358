using System.Text;
using Tidemark.Model.Entities;
using Xunit;

namespace Tidemark.Model.Tests.Entities;

public sealed class ModelValidatorTests
{
    private static readonly Dictionary<string, (Func<EntityType, EntityType> Spoil, string? Field, string Told)> Spoilt = new(StringComparer.Ordinal)
    {
        ["empty name"] = (e => e with { Name = " " }, null, "name is empty"),
        ["name that is Tidemark's"] = (e => e with { Name = "_TM_outbox" }, null, "Tidemark's"),
        ["table that is SQLite's"] = (e => e with { Table = "sqlite_master" }, null, "SQLite's"),
        ["name with NUL"] = (e => e with { Name = "a\0b" }, null, "NUL"),
        ["long name"] = (e => e with { Name = new string('n', ModelValidator.NameCharsMax + 1) }, null, "201 characters"),
        ["no fields"] = (e => e with { Fields = [] }, null, "at least one field"),
        ["null field"] = (e => e with { Fields = [.. e.Fields, null!] }, null, "without nulls"),
        ["1001 fields"] = (e => e with { Fields = [.. e.Fields, .. Enumerable.Range(0, 998).Select(i => new Field { Name = "f" + i })] }, null, "1001 fields"),
        ["field apart from case"] = (e => e with { Fields = [.. e.Fields, new Field { Name = "ID" }] }, "id", "stands 2 times"),
        ["column twice"] = (e => Change(e, "note", f => f with { Column = "Id" }), "id", "column"),
        ["field without name"] = (e => e with { Fields = [.. e.Fields, new Field { Name = "" }] }, "", "name is empty"),
        ["column that is Tidemark's"] = (e => Change(e, "note", f => f with { Column = "_tm_version" }), "note", "Tidemark's"),
        ["field that is the server's"] = (e => Change(e, "note", f => f with { Name = "Space_Id" }), "Space_Id", "tell spaces apart"),
        ["form that does not fit"] = (e => Change(e, "note", f => f with { Form = StorageForm.TimeTicks }), "note", "does not fit"),
        ["unknown enum"] = (e => Change(e, "note", f => f with { Policy = (FieldPolicy)99 }), "note", "none of the known"),
        ["policy that does not fit"] = (e => Change(e, "id", f => f with { Policy = FieldPolicy.MergeObject }), "id", "does not fit"),
        ["key that both make"] = (e => Change(e, "id", f => f with { Policy = FieldPolicy.Counter }), "id", "A key field cannot have"),
        ["reference that both make"] = (e => Change(e, "parent", f => f with { Policy = FieldPolicy.Counter }), "parent", "nobody meant"),
        ["array key without arrays"] = (e => Change(e, "note", f => f with { ArrayKey = "id" }), "note", "arrayKey"),
        ["one state"] = (e => Change(e, "note", f => f with { Policy = FieldPolicy.Monotonic, States = ["draft"] }), "note", "states are two or more"),
        ["state twice"] = (e => Change(e, "note", f => f with { Policy = FieldPolicy.Monotonic, States = ["draft", "draft"] }), "note", "states are two or more"),
        ["clock that is not there"] = (e => Change(e, "note", f => f with { Clock = "nope" }), "note", "The clock nope"),
        ["clock that goes back"] = (e => Change(e, "note", f => f with { Clock = "parent" }), "note", "The clock parent"),
        ["clock of itself"] = (e => Change(e, "note", f => f with { Clock = "note" }), "note", "names another field"),
        ["custom merge without name"] = (e => e with { CustomMerge = " " }, null, "custom merge is empty"),
        ["custom merge of what never conflicts"] = (e => e with { CustomMerge = "m", ConflictFree = true }, null, "never merged"),
        ["unknown identity"] = (e => e with { Identity = (IdentityModel)7 }, null, "none of the known"),
        ["collation of a number"] = (e => Change(e, "id", f => f with { Collation = Collation.NoCase }), "id", "collation"),
        ["encrypted"] = (e => Change(e, "note", f => f with { Encrypted = true, ServerDerived = true }), "note", "cannot be server-derived"),
        ["no key"] = (e => e with { Key = [] }, null, "1 to 8"),
        ["wide key"] = (e => e with { Fields = [.. e.Fields, .. Enumerable.Range(0, 9).Select(i => new Field { Name = "k" + i, Nullable = false })], Key = [.. Enumerable.Range(0, 9).Select(i => "k" + i)] }, null, "1 to 8"),
        ["key that is not there"] = (e => e with { Key = ["nope"] }, "nope", "does not exist"),
        ["key field twice"] = (e => e with { Key = ["id", "id"] }, "id", "twice"),
        ["nullable key"] = (e => Change(e, "id", f => f with { Nullable = true }), "id", "nullable"),
        ["encrypted key"] = (e => Change(e, "id", f => f with { Encrypted = true }), "id", "finds rows by them"),
        ["JSON key"] = (e => Change(e, "id", f => f with { Type = FieldType.Json }), "id", "many spellings"),
        ["server-assigned text"] = (e => Change(e, "id", f => f with { Type = FieldType.Text }) with { Identity = IdentityModel.ServerAssigned }, null, "server-assigned"),
        ["server-assigned pair"] = (e => Change(e, "note", f => f with { Nullable = false }) with { Identity = IdentityModel.ServerAssigned, Key = ["id", "note"] }, null, "server-assigned"),
        ["unique key that is not there"] = (e => e with { UniqueKeys = [new UniqueKey { Fields = ["nope"] }] }, "nope", "does not exist"),
        ["empty unique key"] = (e => e with { UniqueKeys = [new UniqueKey { Fields = [] }] }, null, "needs fields"),
        ["natural key that is not there"] = (e => e with { NaturalKeys = [new NaturalKey { Fields = ["nope"] }] }, "nope", "does not exist"),
        ["natural key field twice"] = (e => e with { NaturalKeys = [new NaturalKey { Fields = ["note", "note"] }] }, "note", "twice"),
        ["empty natural key"] = (e => e with { NaturalKeys = [new NaturalKey { Fields = [] }] }, null, "needs fields"),
        ["natural key that is the key"] = (e => e with { NaturalKeys = [new NaturalKey { Fields = ["id"] }] }, null, "finds nothing"),
        ["JSON in a natural key"] = (e => Change(e, "note", f => f with { Type = FieldType.Json }) with { NaturalKeys = [new NaturalKey { Fields = ["note"] }] }, "note", "many spellings"),
        ["soft-delete that is not there"] = (e => e with { SoftDelete = "nope" }, "nope", "does not exist"),
        ["soft-delete of another type"] = (e => e with { SoftDelete = "note" }, "note", "nullable Timestamp"),
        ["soft-delete in the key"] = (e => Change(e, "id", f => f with { Type = FieldType.Boolean }) with { SoftDelete = "id" }, "id", "app's to set"),
        ["target that is not there"] = (e => Relating(e, r => r with { Target = "nowhere" }), "parent", "no entity type"),
        ["relation field that is not there"] = (e => Relating(e, r => r with { Fields = ["nope"] }), "nope", "does not exist"),
        ["target field that is not there"] = (e => Relating(e, r => r with { TargetFields = ["nope"] }), "parent", "no field nope"),
        ["target that is not unique"] = (e => Relating(e, r => r with { TargetFields = ["parent"] }), "parent", "unique key"),
        ["arity"] = (e => Relating(e, r => r with { Fields = ["parent", "note"] }), "parent, note", "2 fields"),
        ["types"] = (e => Relating(e, r => r with { Fields = ["note"] }), "note", "refers to is Integer"),
        ["required but nullable"] = (e => Relating(e, r => r with { Required = true }), "parent", "required"),
        ["set null but not nullable"] = (e => Relating(Change(e, "parent", f => f with { Nullable = false }), r => r with { OnDelete = DeleteRule.SetNull }), "parent", "set the field to null"),
        ["relation twice"] = (e => e with { Relations = [.. e.Relations, .. e.Relations] }, "parent", "stands twice"),
        ["null relation"] = (e => e with { Relations = [null!] }, null, "needs fields"),
    };

    public static TheoryData<string> Cases => [.. Spoilt.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    [Trait("req", "MOD-05")]
    public void Each_fault_is_told_with_its_place(string name)
    {
        var (spoil, field, told) = Spoilt[name];
        var entity = spoil(Sound());
        var faults = ModelValidator.FaultsOf(new SyncModel { Entities = [entity] });
        Assert.Contains(faults, f => f.Entity == entity.Name && f.Field == field && f.Message.Contains(told, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    [Trait("req", "MOD-05")]
    public void A_sound_model_has_no_fault()
    {
        Assert.Empty(ModelValidator.FaultsOf(new SyncModel { Entities = [Sound()] }));
        Assert.All(SampleModels.All, m => Assert.Empty(ModelValidator.FaultsOf(m)));
        Assert.Empty(ModelValidator.FaultsOf(new SyncModel { Entities = [Sound() with { Fields = [.. Sound().Fields, .. Enumerable.Range(0, 997).Select(i => new Field { Name = "f" + i })] }] }));
    }

    [Fact]
    [Trait("req", "MOD-05")]
    public void All_faults_are_listed_at_once()
    {
        var model = new SyncModel
        {
            Version = -1,
            Entities = [Sound(), Sound() with { Name = "THINGS" }, Sound() with { Name = "others", Key = ["nope"], SoftDelete = "nope" }, null!],
            Schema = [new SchemaObject { Kind = "sequence", Name = "s", Table = "t", Sql = "" }],
        };
        var faults = Assert.Throws<ModelException>(() => ModelValidator.Checked(model)).Faults;
        Assert.Equal(
            ["version", "without nulls", "stands 2 times", "key names", "soft-delete", "a kind"],
            new[] { "version", "without nulls", "stands 2 times", "key names", "soft-delete", "a kind" }.Where(t => faults.Any(f => f.Message.Contains(t, StringComparison.Ordinal))));
    }

    [Fact]
    [Trait("req", "MOD-05")]
    public void Two_types_on_one_table_are_a_fault()
    {
        var faults = ModelValidator.FaultsOf(new SyncModel { Entities = [Sound(), Sound() with { Name = "others", Table = "Things", Relations = [] }] });
        var fault = Assert.Single(faults);
        Assert.Equal("things: The table things stands 2 times, apart from case: things, others.", fault.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html></html>")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"entities":null}""")]
    [InlineData("""{"entities":[null]}""")]
    [InlineData("""{"entities":[{}]}""")]
    [InlineData("""{"entities":[],"version":"x"}""")]
    [InlineData("""{"entities":[],"version":99999999999}""")]
    [InlineData("""{"entities":[],"colour":"red"}""")]
    [InlineData("""{"entities":[{"name":"\ud800","fields":[{"name":"id","nullable":false}],"key":["id"]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[null],"key":["id"]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[{"name":"id","nullable":false}],"key":[null]}]}""")]
    [InlineData("""{"entities":[{"name":null,"fields":[],"key":[]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[{"name":"id","type":77}],"key":["id"]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[{"name":"id","type":"Colour"}],"key":["id"]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[{"name":"id","nullable":false}],"key":["id"],"relations":[{"fields":[null],"target":"a"}]}]}""")]
    [InlineData("""{"entities":[{"name":"a","fields":[{"name":"id","nullable":false}],"key":["id"],"uniqueKeys":[null],"relations":[null]}],"schema":[null]}""")]
    [Trait("req", "MOD-05")]
    public void Text_that_is_no_model_is_a_model_exception(string text) =>
        Assert.NotEmpty(Assert.Throws<ModelException>(() => SyncModelJson.Parse(Encoding.UTF8.GetBytes(text))).Faults);

    [Fact]
    [Trait("req", "MOD-05")]
    public void A_model_cut_off_or_damaged_anywhere_is_a_model_exception_or_a_sound_model()
    {
        for (var i = 0; i < SampleModels.ShopJson.Length; i++)
        {
            Assert.Throws<ModelException>(() => SyncModelJson.Parse(SampleModels.ShopJson.AsSpan(0, i)));
            var damaged = (byte[])SampleModels.ShopJson.Clone();
            damaged[i] ^= 0x15;
            try
            {
                Assert.Empty(ModelValidator.FaultsOf(SyncModelJson.Parse(damaged)));
            }
            catch (ModelException e)
            {
                Assert.NotEmpty(e.Faults);
            }
        }
    }

    private static EntityType Sound() => new()
    {
        Name = "things",
        Fields = [new Field { Name = "id", Type = FieldType.Integer, Nullable = false }, new Field { Name = "parent", Type = FieldType.Integer }, new Field { Name = "note", Type = FieldType.Text }],
        Key = ["id"],
        Relations = [new Relation { Fields = ["parent"], Target = "things" }],
    };

    private static EntityType Change(EntityType type, string field, Func<Field, Field> change) =>
        type with { Fields = [.. type.Fields.Select(f => f.Name == field ? change(f) : f)] };

    private static EntityType Relating(EntityType type, Func<Relation, Relation> change) => type with { Relations = [change(type.Relations[0])] };
}
