using Microsoft.Data.Sqlite;

namespace Tidemark.Sqlite;

/// <summary>
/// One prepared statement for each text, kept for the connection's life. Whoever uses one resets it and never disposes it; unlike one
/// of a <see cref="StatementCache"/> it must not be asked for again while it is being stepped. Not for two threads at once.
/// </summary>
/// <param name="connection">Whose statements they are.</param>
/// <param name="translate">What is thrown in place of SQLite's trouble; null: the trouble itself.</param>
public sealed class KeptStatements(SqliteConnection connection, Func<StoreException, Exception>? translate = null) : IDisposable
{
    private readonly Dictionary<string, RawStatement> _statements = new(StringComparer.Ordinal);

    public int Count => _statements.Count;

    public RawStatement Get(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            _statements[sql] = statement = Make(sql);
        }

        return statement;
    }

    private RawStatement Make(string sql)
    {
        try
        {
            return new RawStatement(connection, sql) { Translate = translate };
        }
        catch (StoreException e) when (translate is not null)
        {
            throw translate(e);
        }
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _statements.Clear();
    }
}
