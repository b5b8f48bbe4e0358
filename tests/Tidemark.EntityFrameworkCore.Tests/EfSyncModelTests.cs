using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Model.Entities;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.EntityFrameworkCore.Tests;

public sealed class EfSyncModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-ef-").FullName;

    [Fact]
    [Trait("req", "MOD-04")]
    public void A_model_of_EF_equals_the_same_one_from_code_and_from_JSON()
    {
        var read = Read();
        var code = new SyncModelBuilder()
            .Version(3)
            .Entity("customers", c => c.Key("Id").ServerAssigned()
                .Field("Id", FieldType.Integer)
                .Field("mail", FieldType.Text, f => f with { Nullable = false, Collation = Collation.NoCase })
                .Field("seen_at", FieldType.Timestamp, f => f with { Form = StorageForm.TimeSpaced, Policy = FieldPolicy.Monotonic })
                .Unique(UniqueRule.Rename, "mail")
                .NaturalKey("mail")
                .NaturalKey("seen_at", "mail"))
            .Entity("orders", o => o.Key("Id").OnDeleteAgainstUpdate(DeletePolicy.DeleteWins)
                .Field("Id", FieldType.Uuid, f => f with { Form = StorageForm.UuidUpper })
                .Field("CustomerId", FieldType.Integer)
                .Field("Discriminator", FieldType.Text, f => f with { Nullable = false })
                .Field("FollowsId", FieldType.Uuid, f => f with { Form = StorageForm.UuidUpper })
                .Field("Likes", FieldType.Integer, f => f with { Nullable = false, Policy = FieldPolicy.Counter })
                .Field("Note", FieldType.Text, f => f with { Policy = FieldPolicy.Text })
                .Field("Paid", FieldType.Boolean, f => f with { Nullable = false })
                .Field("Scan", FieldType.Blob)
                .Field("State", FieldType.Text, f => f with { Nullable = false, Policy = FieldPolicy.Monotonic, States = ["draft", "sent", "done"] })
                .Field("Tags", FieldType.Json, f => f with { Policy = FieldPolicy.MergeArrays, ArrayKey = "id" })
                .Field("Total", FieldType.Decimal, f => f with { Nullable = false, ServerDerived = true })
                .Field("Wish", FieldType.Text)
                .Reference("CustomerId", "customers", required: true, DeleteRule.Cascade)
                .Reference("FollowsId", "orders", onDelete: DeleteRule.SetNull))
            .Build();

        Assert.Equal(Encoding.UTF8.GetString(SyncModelJson.ToUtf8(code, indented: true)), Encoding.UTF8.GetString(SyncModelJson.ToUtf8(read, indented: true)));
        Assert.Equal(code, read);
        Assert.Equal(read, SyncModelJson.Parse(SyncModelJson.ToUtf8(read)));
    }

    [Fact]
    [Trait("req", "MOD-04")]
    public void The_file_that_EF_makes_is_adopted_with_the_same_keys_references_and_unique_values()
    {
        SystemSqlite.Use();
        var path = Path.Combine(_folder, "shop.db");
        using (var shop = new Shop(path))
        {
            shop.Database.EnsureCreated();
        }

        var adopted = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System).Model;
        foreach (var type in Read().Entities)
        {
            var found = adopted.Get(type.Name);
            Assert.Equal(type.Key, found.Key);
            Assert.Equal(type.Identity, found.Identity);
            Assert.Equal(type.Fields.Select(f => (f.Name, f.Nullable, f.Collation)).Order(), found.Fields.Select(f => (f.Name, f.Nullable, f.Collation)).Order());
            Assert.Equal(type.UniqueKeys.Select(u => string.Join(',', u.Fields)), found.UniqueKeys.Select(u => string.Join(',', u.Fields)));
            Assert.Equal(type.Relations.Select(Words).Order(StringComparer.Ordinal), found.Relations.Select(Words).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    [Trait("req", "MOD-04")]
    public void Faults_of_the_model_are_said_all_at_once()
    {
        var builder = new ModelBuilder();
        builder.Entity<Draft>(d =>
        {
            d.HasKey(x => x.Id);
            d.ToTable("drafts").IsMergedBy("").HasSoftDelete("Missing");
            d.Property(x => x.Id).HasPolicy(FieldPolicy.Counter);
        });
        var faults = Assert.Throws<ModelException>(() => EfSyncModel.From((IReadOnlyModel)builder.Model)).Faults;
        Assert.True(faults.Count >= 2, string.Join("; ", faults));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Words(Relation relation) => $"{string.Join(',', relation.Fields)} -> {relation.Target}({string.Join(',', relation.TargetFields)}) {relation.Required} {relation.OnDelete}";

    private SyncModel Read()
    {
        SystemSqlite.Use();
        using var shop = new Shop(Path.Combine(_folder, "unused.db"));
        return EfSyncModel.From(shop.GetService<IDesignTimeModel>().Model, 3);
    }
}
