using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Xunit;

namespace Tidemark.Model.Tests.Entities;

public sealed class RelationGraphTests
{
    [Fact]
    [Trait("req", "MOD-02")]
    public void Parents_come_before_children()
    {
        var graph = SampleModels.Shop.Graph;
        Assert.Equal(["categories", "products", "prices"], graph.SyncOrder.Select(t => t.Name));
        Assert.Equal(1, graph.RankOf(SampleModels.Shop.Get("products")));
        Assert.Equal("prices(product_id) -> products", Assert.Single(graph.From(SampleModels.Shop.Get("prices"))).ToString());
        Assert.Equal(2, graph.To(SampleModels.Shop.Get("categories")).Count);
        Assert.True(graph.Edges.All(e => e.TargetsKey));
    }

    [Fact]
    [Trait("req", "MOD-02")]
    public void A_self_reference_does_not_hold_a_type_back() =>
        Assert.Equal(["a", "b"], Order(("b", "a", true), ("a", "a", true)));

    [Fact]
    [Trait("req", "MOD-02")]
    public void A_cycle_is_opened_at_an_optional_reference()
    {
        Assert.Equal(["b", "c", "a"], Order(("a", "c", true), ("c", "b", true), ("b", "a", false)));
        Assert.Equal(["c", "a", "b"], Order(("a", "c", true), ("c", "b", false), ("b", "a", true)));
    }

    [Fact]
    [Trait("req", "MOD-02")]
    public void A_cycle_without_optional_references_starts_with_the_first_name_and_keeps_its_children_behind() =>
        Assert.Equal(["a", "b", "z"], Order(("a", "b", true), ("b", "a", true), ("z", "a", true)));

    [Fact]
    [Trait("req", "MOD-02")]
    public void A_child_of_a_cycle_comes_after_the_cycle_whatever_its_name() =>
        Assert.Equal(["m", "n", "a"], Order(("m", "n", true), ("n", "m", true), ("a", "m", true)));

    [Fact]
    [Trait("req", "MOD-02")]
    public void The_order_is_the_same_for_every_order_of_declaration_and_puts_required_parents_first_when_that_is_possible()
    {
        var edges = (from source in Gen.Choose(0, 6)
                     from target in Gen.Choose(0, 6)
                     from required in Gen.Elements(true, false)
                     select (source, target, required)).ListOf();
        Prop.ForAll(edges.ToArbitrary(), ArbMap.Default.ArbFor<int>(), (list, seed) =>
        {
            var model = Model(list);
            var order = model.Graph.SyncOrder.Select(t => t.Name).ToArray();
            var shuffled = model with { Entities = [.. model.Entities.OrderBy(e => HashCode.Combine(e.Name, seed))] };
            Assert.Equal(order, shuffled.Graph.SyncOrder.Select(t => t.Name));
            foreach (var edge in model.Graph.Edges.Where(e => e.Relation.Required && !Reaches(model, e.Target, e.Source, requiredOnly: true)))
            {
                Assert.True(model.Graph.RankOf(edge.Target) < model.Graph.RankOf(edge.Source), $"{edge} in {string.Join(' ', order)}");
            }

            foreach (var edge in model.Graph.Edges.Where(e => !Reaches(model, e.Target, e.Source, requiredOnly: false)))
            {
                Assert.True(model.Graph.RankOf(edge.Target) < model.Graph.RankOf(edge.Source), $"{edge} in {string.Join(' ', order)}");
            }
        }).QuickCheckThrowOnFailure();
    }

    private static bool Reaches(SyncModel model, EntityType from, EntityType to, bool requiredOnly)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { from.Name };
        var queue = new Queue<EntityType>([from]);
        while (queue.TryDequeue(out var type))
        {
            if (ReferenceEquals(type, to))
            {
                return true;
            }

            foreach (var edge in model.Graph.From(type).Where(e => (!requiredOnly || e.Relation.Required) && seen.Add(e.Target.Name)))
            {
                queue.Enqueue(edge.Target);
            }
        }

        return false;
    }

    private static SyncModel Model(IEnumerable<(int Source, int Target, bool Required)> edges)
    {
        var distinct = edges.DistinctBy(e => (e.Source, e.Target)).ToLookup(e => e.Source);
        return ModelValidator.Checked(new SyncModel
        {
            Entities = [.. Enumerable.Range(0, 7).Select(i => TypeOf("t" + i, [.. distinct[i].Select(e => ("t" + e.Target, e.Required))]))],
        });
    }

    private static IEnumerable<string> Order(params (string Source, string Target, bool Required)[] edges)
    {
        var names = edges.SelectMany(e => new[] { e.Source, e.Target }).Distinct(StringComparer.Ordinal);
        var model = ModelValidator.Checked(new SyncModel { Entities = [.. names.Select(n => TypeOf(n, [.. edges.Where(e => e.Source == n).Select(e => (e.Target, e.Required))]))] });
        return model.Graph.SyncOrder.Select(t => t.Name);
    }

    private static EntityType TypeOf(string name, IReadOnlyList<(string Target, bool Required)> parents) => new()
    {
        Name = name,
        Fields = [new Field { Name = "id", Nullable = false }, .. parents.Select(p => new Field { Name = p.Target + "_id", Nullable = !p.Required })],
        Key = ["id"],
        Relations = [.. parents.Select(p => new Relation { Fields = [p.Target + "_id"], Target = p.Target, Required = p.Required })],
    };
}
