using Tidemark.EndToEnd.Tests.Processes;

namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>Compares the app's tables of two files row by row, storage classes included, as the sqlite3 shell sees them.</summary>
internal static class TableComparison
{
    private const int ShownMax = 10;

    public static async Task<IReadOnlyList<string>> TablesAsync(string database) => await SqliteShell.LinesAsync(
        database,
        @"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\_tm\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name");

    public static async Task AssertEqualAsync(string left, string right)
    {
        var tables = await TablesAsync(left);
        Assert.NotEmpty(tables);
        Assert.Equal(tables, await TablesAsync(right));
        foreach (var table in tables)
        {
            await AssertEqualAsync(table, left, right);
        }
    }

    public static async Task AssertHealthyAsync(string database)
    {
        Assert.Equal("ok", (await SqliteShell.RunAsync(database, "PRAGMA integrity_check;")).Trim());
        Assert.Equal("", await SqliteShell.RunAsync(database, "PRAGMA foreign_key_check;"));
    }

    private static async Task AssertEqualAsync(string table, string left, string right)
    {
        var ours = await RowsAsync(left, table);
        var theirs = await RowsAsync(right, table);
        var onlyLeft = ours.Except(theirs, StringComparer.Ordinal).Take(ShownMax).ToList();
        var onlyRight = theirs.Except(ours, StringComparer.Ordinal).Take(ShownMax).ToList();
        Assert.True(
            ours.Count == theirs.Count && onlyLeft.Count == 0 && onlyRight.Count == 0,
            $"{table} differs: {ours.Count} against {theirs.Count} rows.\nOnly in {Path.GetFileName(left)}:\n{string.Join('\n', onlyLeft)}\nOnly in {Path.GetFileName(right)}:\n{string.Join('\n', onlyRight)}");
    }

    // The order of the quoted lines themselves: a file's own collation or row order does not matter.
    private static async Task<IReadOnlyList<string>> RowsAsync(string database, string table)
    {
        var text = await SqliteShell.RunAsync(database, $".mode quote\nSELECT * FROM \"{table.Replace("\"", "\"\"", StringComparison.Ordinal)}\";");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
    }
}
