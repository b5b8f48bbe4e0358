using Microsoft.Data.Sqlite;
using Tidemark.Simulation.Clock;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Disk;

/// <summary>The end of a simulated process: thrown between two statements, and again by every later one.</summary>
internal sealed class SimulatedCrashException() : Exception("The process was killed.");

/// <summary>
/// Stands before every statement of one process. It ends the process at a chosen one, leaving a copy of its files as
/// they were then, or answers in SQLite's name that the disk is full, broken or busy.
/// </summary>
internal sealed class DiskWatch(VirtualClock clock) : IStatementWatch
{
    private readonly List<SqliteConnection> _connections = [];
    private long _crashIn = -1;
    private Action? _onCrash;
    private StoreTrouble _trouble;
    private double _troubleChance;
    private Dice? _troubleDice;
    private bool _ended;
    private DiskWatch? _with;

    public long Statements { get; private set; }

    public bool Ended => _ended || _with is { Ended: true };

    public int TroublesMade { get; private set; }

    /// <summary>The process ends before its n-th statement from now.</summary>
    public void CrashIn(long statements, Action onCrash) => (_crashIn, _onCrash) = (statements, onCrash);

    public void NoCrash() => _crashIn = -1;

    /// <summary>From now on statements that write meet this trouble with that chance; none ends it.</summary>
    public void Trouble(StoreTrouble trouble, double chance, Dice dice) => (_trouble, _troubleChance, _troubleDice) = (trouble, chance, dice);

    public void NoTrouble() => _troubleDice = null;

    /// <summary>No statement of this process comes through any more.</summary>
    public void End() => _ended = true;

    /// <summary>When that process is killed its machine is, and this one with it.</summary>
    public void EndsWith(DiskWatch other) => _with = other;

    public void Opened(SqliteConnection connection)
    {
        _connections.Add(connection);
        SqlClock.Install(connection, clock);
    }

    public void BeforeStep(RawStatement statement)
    {
        if (Ended)
        {
            throw new SimulatedCrashException();
        }

        Statements++;
        if (_crashIn >= 0 && _crashIn-- == 0)
        {
            _ended = true;
            _onCrash!();
            throw new SimulatedCrashException();
        }

        if (_troubleDice is { } dice && !statement.IsReadOnly && dice.Chance(_troubleChance))
        {
            Refuse(statement, dice);
        }
    }

    /// <summary>The process is gone: so are its connections.</summary>
    public void CloseAll()
    {
        _ended = true;
        foreach (var connection in _connections)
        {
            connection.Dispose();
        }

        _connections.Clear();
    }

    // As SQLite does: busy before a transaction begins; full and broken at any write, and then now and then with the whole transaction.
    private void Refuse(RawStatement statement, Dice dice)
    {
        var begins = statement.Sql.StartsWith("BEGIN", StringComparison.Ordinal);
        if (_trouble == StoreTrouble.Busy != begins || statement.Sql.StartsWith("ROLLBACK", StringComparison.Ordinal) || statement.Sql.StartsWith("PRAGMA", StringComparison.Ordinal))
        {
            return;
        }

        TroublesMade++;
        if (_trouble != StoreTrouble.Busy && (dice.Chance(0.5) || statement.Sql.StartsWith("COMMIT", StringComparison.Ordinal)))
        {
            foreach (var connection in _connections.Where(c => c.Handle is not null && !c.IsAutocommit() && ReferenceEquals(c.Handle, statement.Database)))
            {
                connection.Run("ROLLBACK");
            }
        }

        throw new StoreException(_trouble, $"(simulated) {_trouble} at: {statement.Sql[..Math.Min(40, statement.Sql.Length)]}");
    }
}
