using System.Globalization;

namespace Tidemark.EndToEnd.Tests.Processes;

/// <summary>The ordinary sqlite3 shell: a writer that knows nothing of Tidemark.</summary>
internal static class SqliteShell
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    /// <summary>Runs a script with foreign keys on; any message on standard error fails the test.</summary>
    public static async Task<string> RunAsync(string database, string script)
    {
        await using var process = Start(database, "PRAGMA foreign_keys = ON;\n" + script);
        var result = await process.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode == 0 && result.Errors.Length == 0, result.ToString());
        return result.Output;
    }

    public static RunningProcess Start(string database, string script, bool bail = true) =>
        RunningProcess.Start("sqlite3", bail ? ["-bail", "-cmd", ".timeout 20000", database] : ["-cmd", ".timeout 20000", database], null, script);

    /// <summary>The first column of the only row.</summary>
    public static async Task<string> TextAsync(string database, string query) => (await RunAsync(database, query + ";")).TrimEnd('\n');

    public static async Task<long> CountAsync(string database, string query) =>
        long.Parse((await RunAsync(database, query + ";")).Trim(), CultureInfo.InvariantCulture);

    public static async Task<IReadOnlyList<string>> LinesAsync(string database, string query) =>
        (await RunAsync(database, query + ";")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
