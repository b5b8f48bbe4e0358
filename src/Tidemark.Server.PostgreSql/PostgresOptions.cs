using System.Text.RegularExpressions;

namespace Tidemark.Server.PostgreSql;

/// <summary>What a host may set. Checked once, when the store is opened.</summary>
public sealed partial class PostgresOptions
{
    /// <summary>Npgsql's connection string. Behind a pooler in transaction mode leave out everything that needs a session: prepared statements, search paths.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Another way to the same database, for the one connection that listens. Null (default): the connection string; needed when that one leads to a pooler in transaction mode.</summary>
    public string? ListenConnectionString { get; init; }

    /// <summary>The schema of all tables; made when it is missing. Lower-case letters, digits and underscores. Default: tidemark.</summary>
    public string Schema { get; init; } = "tidemark";

    /// <summary>The longest time for one statement. Default: 30 s.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a push that has written waits for a row that another program holds, before it gives way and starts again. Below PostgreSQL's deadlock_timeout (1 s), so that the other program is never the victim. Default: 700 ms.</summary>
    public TimeSpan GiveWayAfter { get; init; } = TimeSpan.FromMilliseconds(700);

    /// <exception cref="InvalidOperationException">Every fault, one a line.</exception>
    internal void Validate()
    {
        var faults = new List<string>();
        if (!SchemaName().IsMatch(Schema))
        {
            faults.Add("Schema must be 1 to 50 lower-case letters, digits and underscores, and not begin with a digit or pg_.");
        }

        if (StatementTimeout < TimeSpan.FromMilliseconds(100) || GiveWayAfter < TimeSpan.FromMilliseconds(10) || GiveWayAfter > StatementTimeout)
        {
            faults.Add("StatementTimeout must be at least 100 ms, GiveWayAfter at least 10 ms and not above it.");
        }

        if (faults.Count > 0)
        {
            throw new InvalidOperationException("The store's options have faults:\n" + string.Join('\n', faults));
        }
    }

    [GeneratedRegex("^(?!pg_)[a-z_][a-z0-9_]{0,49}$", RegexOptions.None, 1000)]
    private static partial Regex SchemaName();
}
