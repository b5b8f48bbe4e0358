using System.Text.Json;
using Tidemark.Model.Values;

namespace Tidemark.Simulation.Workload;

/// <summary>Edits of what only the third workload has: columns that are merged.</summary>
internal static class MergeEdits
{
    public static IReadOnlyList<IEdit> All { get; } = [new CountOn(), new CountOn(), new Raise(), new ChangeItems(), new ChangeItems(), new ChangeProse(), new ChangeProse()];

    /// <summary>What a new row has there.</summary>
    public static Value First(EditContext context, MergedColumn column) => context.Dice.Chance(0.3) ? Value.Null : column switch
    {
        MergedColumn.Total or MergedColumn.Peak => Value.Integer(context.Dice.Below(4)),
        MergedColumn.Items => Value.Text(context.Dice.Chance(0.5) ? "[]" : ArrayOf([context.NextWord().AsText])),
        _ => Value.Text(context.NextWord().AsText + " " + context.NextWord().AsText),
    };

    /// <summary>The items of an array, or none.</summary>
    public static string[] ItemsOf(Value value) => value.IsNull ? [] : JsonSerializer.Deserialize<string[]>(value.AsText)!;

    /// <summary>The words of a text, or none.</summary>
    public static string[] WordsOf(Value value) => value.IsNull ? [] : value.AsText.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    public static long NumberOf(Value value) => value.IsNull ? 0 : value.AsInteger;

    public static string ArrayOf(IEnumerable<string> items) => JsonSerializer.Serialize(items);
}

/// <summary>An edit of one merged column of one row.</summary>
internal abstract class MergeEdit(MergedColumn column) : IEdit
{
    public abstract string Name { get; }

    public int Weight => 1;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (!table.Merged.Contains(column) || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        context.Run($"UPDATE {table.QuotedName} SET {TableShape.NameOf(column)} = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, Next(context, row[table.IndexOf(column)])]);
        return true;
    }

    protected abstract Value Next(EditContext context, Value now);
}

internal sealed class CountOn() : MergeEdit(MergedColumn.Total)
{
    public override string Name => "count";

    protected override Value Next(EditContext context, Value now) => Value.Integer(MergeEdits.NumberOf(now) + context.Dice.Pick([1, 1, 1, 2, 5, -1, -3]));
}

internal sealed class Raise() : MergeEdit(MergedColumn.Peak)
{
    public override string Name => "raise";

    protected override Value Next(EditContext context, Value now) =>
        context.Dice.Chance(0.1) ? context.Dice.Chance(0.3) ? Value.Null : Value.Integer(MergeEdits.NumberOf(now) - context.Dice.Between(1, 3)) : Value.Integer(MergeEdits.NumberOf(now) + context.Dice.Between(1, 6));
}

internal sealed class ChangeItems() : MergeEdit(MergedColumn.Items)
{
    public override string Name => "change-items";

    protected override Value Next(EditContext context, Value now)
    {
        var items = MergeEdits.ItemsOf(now).ToList();
        if (items.Count > 0 && context.Dice.Chance(0.35))
        {
            items.RemoveAt(context.Dice.Below(items.Count));
        }

        if (context.Dice.Chance(0.8))
        {
            items.Insert(context.Dice.Below(items.Count + 1), context.NextWord().AsText);
        }

        return Value.Text(MergeEdits.ArrayOf(items));
    }
}

internal sealed class ChangeProse() : MergeEdit(MergedColumn.Prose)
{
    public override string Name => "change-prose";

    protected override Value Next(EditContext context, Value now)
    {
        var lines = (now.IsNull || now.AsText.Length == 0 ? [] : now.AsText.Split('\n')).Select(l => l.Split(' ').ToList()).ToList();
        var dice = context.Dice;
        if (lines.Count == 0 || dice.Chance(0.3))
        {
            lines.Insert(dice.Below(lines.Count + 1), [context.NextWord().AsText]);
        }
        else if (dice.Chance(0.15))
        {
            lines.RemoveAt(dice.Below(lines.Count));
        }
        else
        {
            var line = dice.Pick(lines);
            var at = dice.Below(line.Count);
            if (dice.Chance(0.4))
            {
                line[at] = context.NextWord().AsText;
            }
            else
            {
                line.Insert(at, context.NextWord().AsText);
            }
        }

        return Value.Text(string.Join('\n', lines.Select(l => string.Join(' ', l))));
    }
}
