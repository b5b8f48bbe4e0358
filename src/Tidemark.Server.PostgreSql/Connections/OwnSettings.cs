using Tidemark.Server.PostgreSql.Schema;

namespace Tidemark.Server.PostgreSql.Connections;

/// <summary>What holds in every transaction of a request, and ends with it.</summary>
internal static class OwnSettings
{
    // Statements go by index and in its order, whatever the planner believes of a table it has not looked at yet, or of a space it has no statistics of: it took a page of
    // a space for a handful of rows, read and sorted all that were left of it.
    private static readonly string[] Off = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit"];

    public static string Statement(TimeSpan statementTimeout) =>
        $"SELECT set_config('{CaptureTables.OwnWrites}', 'on', true), set_config('statement_timeout', '{(long)statementTimeout.TotalMilliseconds}', true), {Planner(isLocal: true)}";

    public static string Planner(bool isLocal) => string.Join(", ", Off.Select(name => $"set_config('{name}', 'off', {(isLocal ? "true" : "false")})"));
}
