using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Workload;

/// <summary>One way in which an app changes its rows. Later parts add theirs to <see cref="Edits.All"/>.</summary>
internal interface IEdit
{
    string Name { get; }

    int Weight { get; }

    /// <summary>Runs SQL in the transaction that is open; false when there was nothing to do it to.</summary>
    bool TryRun(EditContext context);
}

/// <summary>What an edit works with: the app's connection, the rows as they were before, and names that nobody has used yet.</summary>
internal sealed class EditContext(RandomSchema schema, DatabaseImage before, Dice dice, Func<string> nextWord, Action<string, Value[]> run)
{
    public RandomSchema Schema { get; } = schema;

    public Dice Dice { get; } = dice;

    public TableShape AnyTable() => Dice.Pick(Schema.Tables);

    public IReadOnlyList<Value[]> Rows(TableShape table) => before.Rows(table);

    /// <summary>A row of the table, the first ones more often: that is what makes devices meet.</summary>
    public Value[]? AnyRow(TableShape table) => Rows(table) is { Count: > 0 } rows ? rows[Dice.Skewed(rows.Count)] : null;

    /// <summary>A text that was never written before in this run.</summary>
    public Value NextWord() => Value.Text(nextWord());

    public void Run(string sql, params Value[] values) => run(sql, values);

    public static Value[] KeyOf(TableShape table, Value[] row) => row[..table.Key.Count];
}
