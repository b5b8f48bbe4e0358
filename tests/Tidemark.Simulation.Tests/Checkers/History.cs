using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>Histories made by hand, for one table with a word, whose rows may hang below each other.</summary>
internal static class History
{
    public static RandomSchema Schema { get; } = SchemaOf(KeyKind.Uuid);

    public static TableShape Table => Schema.Tables[0];

    /// <summary>What the checker calls out over this history.</summary>
    public static List<string> Of(IChecker checker, params Observation[] seen)
    {
        var violations = new List<string>();
        foreach (var one in seen)
        {
            checker.Observe(one, violations.Add);
        }

        return violations;
    }

    public static EditSeen Makes(string device, string row, string word, string user = "ann") =>
        new(device, user, new EditFacts([new WordWritten(Table.Name, row, "word1", word, null)], [new RowFact(Table.Name, row, row)], [], []));

    public static EditSeen Writes(string device, string row, string former, string word) =>
        new(device, "ann", new EditFacts([new WordWritten(Table.Name, row, "word1", word, former)], [], [], []));

    public static EditSeen Deletes(string device, string row) =>
        new(device, "ann", new EditFacts([], [], [new RowFact(Table.Name, row, row)], []));

    public static DatabaseImage Rows(params (string Row, string Word)[] rows) =>
        new(new Dictionary<string, IReadOnlyList<Value[]>>(StringComparer.Ordinal) { [Table.Name] = [.. rows.Select(r => RowOf(r.Row, r.Row, r.Word))] });

    public static DatabaseImage Hanging(string row, string parent) =>
        new(new Dictionary<string, IReadOnlyList<Value[]>>(StringComparer.Ordinal) { [Table.Name] = [RowOf(parent, parent, "w"), RowOf(row, row, "w", parent)] });

    public static DatabaseImage Twice(string row, string word, TableShape? table = null) =>
        new(new Dictionary<string, IReadOnlyList<Value[]>>(StringComparer.Ordinal) { [(table ?? Table).Name] = [RowOf("1", row, word, table: table), RowOf("2", row, word, table: table)] });

    public static ReplicaAtRest Server(DatabaseImage rows, string user = "ann") => new("", user, rows, new HashSet<string>(StringComparer.Ordinal), null);

    public static ReplicaAtRest Device(string name, DatabaseImage rows, Books? books = null, params string[] open) =>
        new(name, "ann", rows, open.ToHashSet(StringComparer.Ordinal), books ?? new Books { File = "file" });

    private static Value[] RowOf(string key, string tag, string word, string? parent = null, TableShape? table = null)
    {
        table ??= Table;
        var row = new Value[table.Columns.Count];
        Array.Fill(row, Value.Null);
        row[0] = Value.Text(key);
        row[table.TagAt] = Value.Text(tag);
        row[table.TagAt + 1] = Value.Text(word);
        if (parent is not null)
        {
            row[table.Columns.ToList().IndexOf(table.References[0].Name)] = Value.Text(parent);
        }

        return row;
    }

    /// <summary>One table whose rows may hang below each other.</summary>
    public static RandomSchema SchemaOf(KeyKind key)
    {
        for (var seed = 0UL; ; seed++)
        {
            var schema = RandomSchema.Make(new Tidemark.Simulation.Clock.Dice(seed));
            if (schema.Tables is [{ References.Count: 1 } table] && table.KeyKind == key)
            {
                return schema;
            }
        }
    }
}
