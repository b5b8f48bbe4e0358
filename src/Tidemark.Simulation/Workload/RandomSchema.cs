using Tidemark.Model.Entities;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Workload;

/// <summary>A random set of tables: reference graphs with cycles and self references, all kinds of keys, delete rules, unique columns and triggers of the app.</summary>
internal sealed class RandomSchema
{
    private static readonly string[] Names = ["person", "list", "item", "place", "note", "label"];
    private static readonly string[] DeleteRules = ["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"];

    private RandomSchema(IReadOnlyList<TableShape> tables) => Tables = tables;

    public IReadOnlyList<TableShape> Tables { get; }

    public string Sql => string.Join('\n', Tables.Select(t => t.CreateSql()).Append("CREATE TABLE app_log(line TEXT);").Concat(Tables.Select(t => t.IndexSql()).Where(s => s.Length > 0)).Concat(Tables.SelectMany(t => t.Triggers)));

    public static RandomSchema Make(Dice dice, int workload = Runs.Workloads.First)
    {
        var tables = new List<TableShape>();
        var count = dice.Between(1, 4) + (dice.Chance(0.2) ? 2 : 0);
        for (var i = 0; i < count; i++)
        {
            tables.Add(Table(Names[i], dice, workload));
        }

        for (var i = 0; i < tables.Count; i++)
        {
            AddReferences(tables, i, dice);
        }

        foreach (var table in tables)
        {
            AddTriggers(table, dice);
        }

        return new RandomSchema(tables);
    }

    private static TableShape Table(string name, Dice dice, int workload)
    {
        var key = dice.Pick([KeyKind.Integer, KeyKind.Integer, KeyKind.Uuid, KeyKind.Uuid, KeyKind.Code, KeyKind.Composite]);
        if (name == Names[0] && Runs.Workloads.Has(workload, Runs.Workloads.Twelfth))
        {
            key = KeyKind.Integer; // Its rows get other ids from the server.
        }

        var table = new TableShape(name, key)
        {
            WithoutRowId = key != KeyKind.Integer && dice.Chance(0.3),
            AutoIncrement = key == KeyKind.Integer && dice.Chance(0.3),
            Words = [.. Enumerable.Range(1, dice.Between(1, 3)).Select(n => "word" + n)],
            HasNumber = dice.Chance(0.6),
            UniqueCollation = dice.Chance(0.3) ? dice.Chance(0.5) ? "NOCASE" : "BINARY" : null,
            ShelfIndex = !Runs.Workloads.Has(workload, Runs.Workloads.Second) || !dice.Chance(0.4) ? null
                : dice.Pick([ShelfIndex.Composite, ShelfIndex.Composite, ShelfIndex.CompositeOfFew, ShelfIndex.CompositeOfFew, ShelfIndex.Partial, ShelfIndex.Expression]),
        };
        return !Runs.Workloads.Has(workload, Runs.Workloads.Third) ? table : WithPolicies(table, dice);
    }

    private static TableShape WithPolicies(TableShape table, Dice dice) => new(table.Name, table.KeyKind)
    {
        WithoutRowId = table.WithoutRowId,
        AutoIncrement = table.AutoIncrement,
        Words = table.Words,
        HasNumber = table.HasNumber,
        UniqueCollation = table.UniqueCollation,
        ShelfIndex = table.ShelfIndex,
        WordPolicies = [.. table.Words.Select(_ => dice.Pick([FieldPolicy.LastWriterWins, FieldPolicy.LocalWins, FieldPolicy.ServerWins, FieldPolicy.ServerWins]))],
        Merged = [.. Enum.GetValues<MergedColumn>().Where(_ => dice.Chance(0.6))],
        DeletionWins = dice.Chance(0.5),
    };

    /// <summary>The model that was read from the tables, with what they are meant to be merged by.</summary>
    public SyncModel Declared(SyncModel model) => model with { Entities = [.. model.Entities.Select(e => Tables.FirstOrDefault(t => t.Name == e.TableName) is { } table ? Declared(e, table) : e)] };

    private static EntityType Declared(EntityType type, TableShape table) => type with
    {
        DeletePolicy = table.DeletionWins ? DeletePolicy.DeleteWins : DeletePolicy.UpdateWins,
        Fields = [.. type.Fields.Select(f => f with { Policy = PolicyOf(table, f.ColumnName) })],
    };

    private static FieldPolicy PolicyOf(TableShape table, string column)
    {
        if (((IList<string>)table.Words).IndexOf(column) is >= 0 and var word)
        {
            return table.WordPolicies[word];
        }

        foreach (var merged in table.Merged.Where(m => TableShape.NameOf(m) == column))
        {
            return merged switch
            {
                MergedColumn.Total => FieldPolicy.Counter,
                MergedColumn.Peak => FieldPolicy.Monotonic,
                MergedColumn.Items => FieldPolicy.MergeArrays,
                _ => FieldPolicy.Text,
            };
        }

        return FieldPolicy.LastWriterWins;
    }

    // Required references lead back in the order of the tables only, so that a first row can be made; optional ones go anywhere.
    private static void AddReferences(List<TableShape> tables, int index, Dice dice)
    {
        var table = tables[index];
        var count = dice.Below(3);
        for (var n = 0; n < count; n++)
        {
            var required = index > 0 && dice.Chance(0.45);
            var target = required ? tables[dice.Below(index)] : dice.Pick(tables);
            var rule = dice.Pick(DeleteRules);
            if (required && rule == "SET NULL")
            {
                rule = "CASCADE";
            }

            table.References.Add(new ReferenceShape($"ref{n + 1}", target, required, rule));
        }
    }

    private static void AddTriggers(TableShape table, Dice dice)
    {
        if (dice.Chance(0.25))
        {
            table.Triggers.Add($"CREATE TRIGGER log_{table.Name} AFTER INSERT ON {table.QuotedName} BEGIN INSERT INTO app_log(line) VALUES(new.{TableShape.Tag}); END;");
        }

        if (table.HasNumber && dice.Chance(0.25))
        {
            var byKey = string.Join(" AND ", table.Key.Select(k => $"{k} = new.{k}"));
            table.Triggers.Add($"CREATE TRIGGER count_{table.Name} AFTER UPDATE OF word1 ON {table.QuotedName} BEGIN UPDATE {table.QuotedName} SET amount = coalesce(amount, 0) + 1 WHERE {byKey}; END;");
        }
    }
}
