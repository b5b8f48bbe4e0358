using Microsoft.EntityFrameworkCore;
using Tidemark.Model.Entities;

namespace Tidemark.EntityFrameworkCore.Tests;

internal sealed class Customer
{
    public int Id { get; set; }

    public required string Mail { get; set; }

    public DateTime? SeenAt { get; set; }

    public List<Order> Orders { get; } = [];
}

internal class Order
{
    public Guid Id { get; set; }

    public int CustomerId { get; set; }

    public Guid? FollowsId { get; set; }

    public string? Note { get; set; }

    public string? Tags { get; set; }

    public int Likes { get; set; }

    public decimal Total { get; set; }

    public bool Paid { get; set; }

    public string State { get; set; } = "draft";

    public byte[]? Scan { get; set; }
}

internal sealed class GiftOrder : Order
{
    public string? Wish { get; set; }
}

internal sealed class Draft
{
    public int Id { get; set; }
}

/// <summary>A shop: a hierarchy in one table, references of two kinds, unique indexes, a table that stays here.</summary>
internal sealed class Shop(string path) : DbContext
{
    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder) => optionsBuilder.UseSqlite($"Data Source={path};Pooling=False");

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Draft>().ToTable("drafts").IsNotSynced();
        modelBuilder.Entity<Customer>(c =>
        {
            c.ToTable("customers");
            c.HasNaturalKey(nameof(Customer.Mail)).HasNaturalKey(nameof(Customer.SeenAt), nameof(Customer.Mail));
            c.Property(x => x.Mail).HasColumnName("mail").UseCollation("NOCASE");
            c.Property(x => x.SeenAt).HasColumnName("seen_at").IsMonotonic();
            c.HasIndex(x => x.Mail).IsUnique().HasUniqueRule(UniqueRule.Rename);
        });
        modelBuilder.Entity<Order>(o =>
        {
            o.ToTable("orders").HasDeletePolicy(DeletePolicy.DeleteWins);
            o.HasOne<Customer>().WithMany(c => c.Orders).HasForeignKey(x => x.CustomerId).OnDelete(DeleteBehavior.Cascade);
            o.HasOne<Order>().WithMany().HasForeignKey(x => x.FollowsId).OnDelete(DeleteBehavior.SetNull);
            o.Property(x => x.Note).HasPolicy(FieldPolicy.Text);
            o.Property(x => x.Tags).HasFieldType(FieldType.Json).MergesArray("id");
            o.Property(x => x.Likes).HasPolicy(FieldPolicy.Counter);
            o.Property(x => x.Total).IsServerDerived();
            o.Property(x => x.State).IsMonotonic("draft", "sent", "done");
        });
        modelBuilder.Entity<GiftOrder>();
    }
}
