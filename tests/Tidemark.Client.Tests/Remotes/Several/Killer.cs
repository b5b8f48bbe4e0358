using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>The process is no more.</summary>
internal sealed class KilledException() : Exception("The process was killed.");

/// <summary>From its point on no statement and no call of the process comes through any more.</summary>
internal sealed class Killer : IStatementWatch
{
    private int _statements;
    private volatile bool _isWatching;
    private volatile bool _isBuried;

    public int AtStatement { get; init; } = int.MaxValue;

    public int AtCall { get; init; } = int.MaxValue;

    public int Statements => Volatile.Read(ref _statements);

    public int Calls { get; private set; }

    public bool HasKilled { get; private set; }

    public void Begin() => _isWatching = true;

    public void Opened(SqliteConnection connection)
    {
    }

    public void BeforeStep(RawStatement statement)
    {
        if (_isWatching && !_isBuried)
        {
            Go(Interlocked.Increment(ref _statements) > AtStatement);
        }
    }

    public void Call()
    {
        if (_isWatching)
        {
            Go(Calls++ >= AtCall);
        }
    }

    // Closing rolls back what was not committed, as the end of a process does.
    public async Task BuryAsync(JoinDevice device)
    {
        _isBuried = true;
        await device.DisposeAsync();
    }

    private void Go(bool isOver)
    {
        HasKilled |= isOver;
        if (HasKilled)
        {
            throw new KilledException();
        }
    }
}
