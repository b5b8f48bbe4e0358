using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Tests.Checkers;

public sealed class AttachmentCheckerTests
{
    private static readonly RandomSchema Schema = Enumerable.Range(0, 1000).Select(seed => RandomSchema.Make(new Dice((ulong)seed))).First(s => Self(s) is not null);

    private static TableShape Table => Self(Schema)!;

    [Fact]
    [Trait("req", "PUSH-02")]
    public void It_sees_a_row_on_a_stranger_and_a_row_that_nobody_took_off_its_parent()
    {
        var given = Edit(attached: [new AttachedTo(Table.Name, "child", Table.References[0].Name, "p1")]);
        Assert.Empty(History.Of(new AttachmentChecker(Schema), given, Quiet("p1")));
        Assert.Single(History.Of(new AttachmentChecker(Schema), given, Quiet("p2")));
        Assert.Single(History.Of(new AttachmentChecker(Schema), given, Quiet(null)));
        Assert.Empty(History.Of(new AttachmentChecker(Schema), given, Edit(attached: [new AttachedTo(Table.Name, "child", Table.References[0].Name, null)]), Quiet(null)));
        Assert.Empty(History.Of(new AttachmentChecker(Schema), given, Edit(gone: [new RowFact(Table.Name, "p1", "p1")]), Quiet(null)));
        Assert.Empty(History.Of(new AttachmentChecker(Schema), given, Edit(replaced: [("p1", "p2")]), Quiet("p2")));
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    public void It_knows_a_row_that_has_the_unique_value_of_one_that_the_same_app_deleted()
    {
        var given = Edit(attached: [new AttachedTo(Table.Name, "child", Table.References[0].Name, "p1")]);
        var freed = new EditSeen("B", "ann", new EditFacts([], [], [], []) { Freed = [new UniqueHolding(Table.Name, "p1", "code x")] });
        EditSeen Takes(string device) => new(device, "ann", new EditFacts([], [], [], []) { Taken = [new UniqueHolding(Table.Name, "p2", "code x")] });
        Assert.Empty(History.Of(new AttachmentChecker(Schema), given, freed, Takes("B"), Quiet("p2")));
        Assert.Single(History.Of(new AttachmentChecker(Schema), given, freed, Takes("C"), Quiet("p2")));
        Assert.Single(History.Of(new AttachmentChecker(Schema), given, Takes("B"), freed, Quiet("p2")));
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    public void Unique_values_are_freed_by_rows_that_go_and_taken_by_rows_that_get_them()
    {
        var schema = Enumerable.Range(0, 1000).Select(seed => RandomSchema.Make(new Dice((ulong)seed))).First(s => s.Tables.Any(t => t.UniqueCollation == "NOCASE"));
        var table = schema.Tables.First(t => t.UniqueCollation == "NOCASE");
        DatabaseImage Rows(params (string Tag, string Code)[] rows)
        {
            var tables = schema.Tables.ToDictionary(t => t.Name, _ => (IReadOnlyList<Value[]>)[], StringComparer.Ordinal);
            tables[table.Name] = [.. rows.Select(r => table.Columns.Select(c => c == TableShape.Tag ? Value.Text(r.Tag) : c == "code" ? Value.Text(r.Code) : Value.Null).ToArray())];
            return new DatabaseImage(tables);
        }

        var (before, after) = (Rows(("a", "Red"), ("b", "blue")), Rows(("c", "RED"), ("b", "Blue")));
        Assert.Equal([new UniqueHolding(table.Name, "a", "code RED")], UniqueHolding.Freed(schema, before, after));
        Assert.Equal([new UniqueHolding(table.Name, "c", "code RED")], UniqueHolding.Taken(schema, before, after));
    }

    private static TableShape? Self(RandomSchema schema) =>
        schema.Tables.FirstOrDefault(t => t.KeyKind == KeyKind.Uuid && t.References.Count > 0 && ReferenceEquals(t.References[0].Target, t));

    private static EditSeen Edit(IReadOnlyList<AttachedTo>? attached = null, IReadOnlyList<RowFact>? gone = null, IReadOnlyList<(string, string)>? replaced = null) =>
        new("A", "ann", new EditFacts([], [], gone ?? [], []) { Attached = attached ?? [], Replaced = replaced ?? [] });

    private static Quiet Quiet(string? parent)
    {
        var tables = Schema.Tables.ToDictionary(t => t.Name, _ => (IReadOnlyList<Value[]>)[], StringComparer.Ordinal);
        tables[Table.Name] = [Row("p1", null), Row("p2", null), Row("child", parent)];
        return new Quiet([History.Server(new DatabaseImage(tables))]);
    }

    private static Value[] Row(string tag, string? parent)
    {
        var row = new Value[Table.Columns.Count];
        Array.Fill(row, Value.Null);
        row[0] = Value.Text(tag);
        row[Table.TagAt] = Value.Text(tag);
        row[((IList<string>)Table.Columns).IndexOf(Table.References[0].Columns[0])] = parent is null ? Value.Null : Value.Text(parent);
        return row;
    }
}
