using Tidemark.Model.Values;

namespace Tidemark.Simulation.Workload;

/// <summary>The edits there are.</summary>
internal static class Edits
{
    public static IReadOnlyList<IEdit> All { get; } =
    [
        new InsertRow(), new UpdateWord(), new UpdateNumber(), new UpdateCode(), new UpdateReference(), new DeleteRow(), new Upsert(), new ReplaceRow(), new ChangeKey(), new DeleteAndInsert(),
    ];

    /// <summary>Edits of what only the second workload has.</summary>
    public static IReadOnlyList<IEdit> Shelves { get; } = [new UpdateShelf(), new TakeShelf()];

    /// <summary>Edits of the row that SQLite has given the highest id: the next one may get it again.</summary>
    public static IEdit InsertLast { get; } = new InsertLastRow();

    public static IEdit DeleteLast { get; } = new DeleteLastRow();
}

internal static class NewRows
{
    private static readonly string[] Codes = ["red", "Red", "green", "blue", "BLUE", "gold"];

    /// <summary>Values for a new row, or null when a required parent is missing.</summary>
    public static Value[]? Make(EditContext context, TableShape table)
    {
        var values = new List<Value>();
        values.AddRange(Key(context, table));
        values.Add(context.NextWord());
        values.AddRange(table.Words.Select(_ => context.NextWord()));
        if (table.HasNumber)
        {
            values.Add(Number(context));
        }

        if (table.UniqueCollation is not null)
        {
            values.Add(Code(context));
        }

        if (table.ShelfIndex is not null)
        {
            values.Add(Shelf(context, table));
        }

        values.AddRange(table.Merged.Select(m => MergeEdits.First(context, m)));
        foreach (var reference in table.References)
        {
            if (Reference(context, reference) is not { } target)
            {
                return null;
            }

            values.AddRange(target);
        }

        return [.. values];
    }

    public static Value Number(EditContext context) => context.Dice.Below(6) switch
    {
        0 => Value.Null,
        1 => Value.Real(context.Dice.Below(8) / 4.0),
        _ => Value.Integer(context.Dice.Below(4)),
    };

    public static Value Code(EditContext context) => context.Dice.Chance(0.4) ? Value.Null : context.Dice.Chance(0.5) ? context.NextWord() : Value.Text(context.Dice.Pick(Codes));

    // What the server does not check is never the same on two devices, unless a row that lost its value comes back.
    public static Value Shelf(EditContext context, TableShape table) => context.Dice.Below(4) switch
    {
        0 => Value.Null,
        1 when table.ShelfIndex != ShelfIndex.Expression => Value.Text("none"),
        _ => table.UncheckedByServer ? context.NextWord() : Value.Text("shelf" + context.Dice.Below(3).ToString(System.Globalization.CultureInfo.InvariantCulture)),
    };

    public static Value[]? Reference(EditContext context, ReferenceShape reference)
    {
        if ((reference.Required || context.Dice.Chance(0.7)) && context.AnyRow(reference.Target) is { } parent)
        {
            return EditContext.KeyOf(reference.Target, parent);
        }

        return reference.Required ? null : [.. reference.Columns.Select(_ => Value.Null)];
    }

    public static Value[] Key(EditContext context, TableShape table) => table.KeyKind switch
    {
        KeyKind.Integer => [context.Dice.Chance(0.8) ? Value.Null : Value.Integer(context.Dice.Between(1, 9))],
        KeyKind.Uuid => [Value.Text(new Guid(Bytes(context)).ToString("D"))],
        KeyKind.Code => [Value.Text("k" + context.Dice.Below(12).ToString(System.Globalization.CultureInfo.InvariantCulture))],
        _ => [Value.Text(context.Dice.Pick(["north", "south"])), Value.Integer(context.Dice.Between(1, 5))],
    };

    public static void Insert(EditContext context, TableShape table, Value[] row, string verb = "INSERT", string suffix = "") =>
        context.Run($"{verb} INTO {table.QuotedName}({string.Join(", ", table.Columns)}) VALUES({string.Join(", ", row.Select((_, i) => $"?{i + 1}"))}){suffix}", row);

    private static byte[] Bytes(EditContext context)
    {
        var bytes = new byte[16];
        context.Dice.Fill(bytes);
        return bytes;
    }
}

internal sealed class InsertRow : IEdit
{
    public string Name => "insert";

    public int Weight => 30;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (NewRows.Make(context, table) is not { } row)
        {
            return false;
        }

        NewRows.Insert(context, table, row, context.Dice.Chance(0.1) ? "INSERT OR IGNORE" : "INSERT");
        return true;
    }
}

internal sealed class UpdateWord : IEdit
{
    public string Name => "update-word";

    public int Weight => 35;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        var word = context.Dice.Pick(table.Words);
        context.Run($"UPDATE {table.QuotedName} SET {word} = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, context.NextWord()]);
        return true;
    }
}

internal sealed class UpdateNumber : IEdit
{
    public string Name => "update-number";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (!table.HasNumber || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        context.Run($"UPDATE {table.QuotedName} SET amount = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, NewRows.Number(context)]);
        return true;
    }
}

internal sealed class UpdateCode : IEdit
{
    public string Name => "update-unique";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (table.UniqueCollation is null || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        if (context.Rows(table).Count > 1 && context.Dice.Chance(0.3))
        {
            SwapCodes(context, table, row);
            return true;
        }

        var key = EditContext.KeyOf(table, row);
        context.Run($"UPDATE {table.QuotedName} SET code = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, NewRows.Code(context)]);
        return true;
    }

    private static void SwapCodes(EditContext context, TableShape table, Value[] row)
    {
        var other = context.Dice.Pick(context.Rows(table));
        var code = table.Columns.ToList().IndexOf("code");
        if (ReferenceEquals(other, row))
        {
            return;
        }

        foreach (var (target, value) in new[] { (other, Value.Null), (row, other[code]), (other, row[code]) })
        {
            var key = EditContext.KeyOf(table, target);
            context.Run($"UPDATE {table.QuotedName} SET code = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, value]);
        }
    }
}

internal sealed class UpdateReference : IEdit
{
    public string Name => "update-reference";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (table.References.Count == 0 || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var reference = context.Dice.Pick(table.References);
        if (NewRows.Reference(context, reference) is not { } target)
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        var set = string.Join(", ", reference.Columns.Select((c, i) => $"{c} = ?{key.Length + 1 + i}"));
        context.Run($"UPDATE {table.QuotedName} SET {set} WHERE {table.ByKey}", [.. key, .. target]);
        return true;
    }
}

internal sealed class DeleteRow : IEdit
{
    public string Name => "delete";

    public int Weight => 14;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (context.AnyRow(table) is not { } row)
        {
            return false;
        }

        context.Run($"DELETE FROM {table.QuotedName} WHERE {table.ByKey}", EditContext.KeyOf(table, row));
        return true;
    }
}

internal sealed class Upsert : IEdit
{
    public string Name => "upsert";

    public int Weight => 8;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (NewRows.Make(context, table) is not { } row)
        {
            return false;
        }

        if (context.AnyRow(table) is { } present)
        {
            EditContext.KeyOf(table, present).CopyTo(row, 0);
        }

        var word = context.Dice.Pick(table.Words);
        NewRows.Insert(context, table, row, "INSERT", $" ON CONFLICT({string.Join(", ", table.Key)}) DO UPDATE SET {word} = excluded.{word}");
        return true;
    }
}

internal sealed class ReplaceRow : IEdit
{
    public string Name => "replace";

    public int Weight => 5;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (NewRows.Make(context, table) is not { } row)
        {
            return false;
        }

        if (context.Dice.Chance(0.6) && context.AnyRow(table) is { } present)
        {
            EditContext.KeyOf(table, present).CopyTo(row, 0);
        }

        NewRows.Insert(context, table, row, "INSERT OR REPLACE");
        return true;
    }
}

internal sealed class ChangeKey : IEdit
{
    public string Name => "change-key";

    public int Weight => 4;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (context.AnyRow(table) is not { } row || (table.KeyKind == KeyKind.Integer && !context.Dice.Chance(0.2)))
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        var fresh = table.KeyKind == KeyKind.Integer ? [Value.Integer(context.Dice.Between(100, 130))] : NewRows.Key(context, table);
        context.Run($"UPDATE {table.QuotedName} SET {string.Join(", ", table.Key.Select((k, i) => $"{k} = ?{key.Length + 1 + i}"))} WHERE {table.ByKey}", [.. key, .. fresh]);
        return true;
    }
}

internal sealed class DeleteAndInsert : IEdit
{
    public string Name => "delete-and-insert";

    public int Weight => 4;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (context.AnyRow(table) is not { } present || NewRows.Make(context, table) is not { } row)
        {
            return false;
        }

        context.Run($"DELETE FROM {table.QuotedName} WHERE {table.ByKey}", EditContext.KeyOf(table, present));
        EditContext.KeyOf(table, present).CopyTo(row, 0);
        NewRows.Insert(context, table, row);
        return true;
    }
}

internal sealed class UpdateShelf : IEdit
{
    public string Name => "update-shelf";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (table.ShelfIndex is null || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var key = EditContext.KeyOf(table, row);
        context.Run($"UPDATE {table.QuotedName} SET shelf = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, NewRows.Shelf(context, table)]);
        return true;
    }
}

/// <summary>A row takes another one's shelf: that one is thrown out, whatever kind of unique index it clashed with.</summary>
internal sealed class TakeShelf : IEdit
{
    public string Name => "take-shelf";

    public int Weight => 5;

    public bool TryRun(EditContext context)
    {
        var table = context.AnyTable();
        if (table.ShelfIndex is null || context.AnyRow(table) is not { } row)
        {
            return false;
        }

        var shelf = context.Dice.Pick(context.Rows(table))[table.Columns.ToList().IndexOf("shelf")];
        var key = EditContext.KeyOf(table, row);
        context.Run($"UPDATE OR REPLACE {table.QuotedName} SET shelf = ?{key.Length + 1} WHERE {table.ByKey}", [.. key, shelf]);
        return true;
    }
}
