using System.Globalization;
using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>The settings of a shared connection that a work could change for those after it.</summary>
internal sealed class ConnectionSettings
{
    private const string ReadDeferring = "PRAGMA defer_foreign_keys";

    private static readonly string[] Names =
    [
        "foreign_keys", "synchronous", "defer_foreign_keys", "query_only", "recursive_triggers", "ignore_check_constraints",
        "writable_schema", "legacy_alter_table", "trusted_schema", "reverse_unordered_selects", "busy_timeout", "wal_autocheckpoint",
    ];

    private readonly SqliteConnection _connection;
    private readonly StatementCache _statements;
    private readonly long[] _atFirst;

    public ConnectionSettings(SqliteConnection connection, StatementCache statements)
    {
        _connection = connection;
        _statements = statements;
        _atFirst = [.. Names.Select(Read)];
    }

    public bool DefersForeignKeys() => ReadSql(ReadDeferring) != 0;

    public void StopDeferring() => _statements.Execute("PRAGMA defer_foreign_keys=0");

    public bool AreAsOpened()
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (Read(Names[i]) != _atFirst[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Puts back what differs. Outside of a transaction only.</summary>
    public void Restore()
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (Read(Names[i]) != _atFirst[i])
            {
                using var write = new RawStatement(_connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA {Names[i]}={_atFirst[i]}"));
                write.Execute();
            }
        }
    }

    private long Read(string name) => ReadSql("PRAGMA " + name);

    private long ReadSql(string sql)
    {
        using var read = _statements.Get(sql);
        return read.Step() ? read.ColumnInt64(0) : 0;
    }
}
