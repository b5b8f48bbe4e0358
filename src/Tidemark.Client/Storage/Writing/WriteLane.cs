using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>
/// The order of one file's writes and the turns that work it off. A turn is one task on the scheduler: a group of works
/// and their commit, or a closing. While nothing waits there is no task, thread or timer.
/// </summary>
internal sealed class WriteLane(string path, TaskScheduler scheduler, TimeProvider time)
{
    /// <summary>The most works of one commit.</summary>
    internal const int GroupWorksMax = 512;

    /// <summary>How long a commit may collect works; the last one it takes may run past it.</summary>
    internal const int GroupTimeMsMax = 20;

    private readonly FileGate _file = FileGate.Of(path);
    private readonly Lock _gate = new();
    private readonly Queue<LaneItem> _waiting = new();
    private bool _running;
    private long _lastNumber;
    private WriteSession? _session;

    public string Path => path;

    /// <summary>Queues that are open on the file; guarded by <see cref="WriteLanes"/>.</summary>
    public int Users { get; set; }

    public Func<SqliteConnection> OpenConnection { get; set; } = null!;

    /// <summary>Raised after each commit, before the callers know of it. Handlers return at once.</summary>
    public event Action? Committed;

    /// <summary>Commits made so far, those of works run alone included.</summary>
    public int Commits { get; private set; }

    public bool TryEnqueue(LaneItem item, Func<bool> stillAllowed)
    {
        lock (_gate)
        {
            if (!stillAllowed())
            {
                return false;
            }

            item.Number = ++_lastNumber;
            _waiting.Enqueue(item);
            if (_running)
            {
                return true;
            }

            _running = true;
        }

        TurnStarter.Start(Turn, scheduler);
        return true;
    }

    private void Turn()
    {
        try
        {
            switch (Head())
            {
                case WorkItem:
                    RunGroup();
                    break;
                case ClosingItem closing:
                    Close(closing);
                    break;
            }
        }
        finally
        {
            bool again;
            lock (_gate)
            {
                again = _running = _waiting.Count > 0;
            }

            if (again)
            {
                TurnStarter.Start(Turn, scheduler);
            }
        }
    }

    private LaneItem? Head()
    {
        lock (_gate)
        {
            return _waiting.TryPeek(out var item) ? item : null;
        }
    }

    private void Skip()
    {
        lock (_gate)
        {
            _waiting.Dequeue();
        }
    }

    private void Close(ClosingItem item)
    {
        Skip();
        if (WriteLanes.Leave(this))
        {
            DropSession();
        }

        item.Complete();
    }

    private void RunGroup()
    {
        var lastBefore = Volatile.Read(ref _lastNumber);
        using var turn = _file.Enter();
        if (!TryBegin(out var session, out var trouble))
        {
            // Those that came while SQLite waited for the lock have not had their time yet.
            while (TryTakeWrite(lastBefore, out var refused))
            {
                refused.Fail(trouble);
                refused.Complete();
            }

            return;
        }

        var group = new List<WorkItem>();
        var end = WorkEnd.Kept;
        try
        {
            var started = time.GetTimestamp();
            while (end == WorkEnd.Kept
                && group.Count < GroupWorksMax
                && (group.Count == 0 || time.GetElapsedTime(started).TotalMilliseconds < GroupTimeMsMax)
                && TryTakeWrite(long.MaxValue, out var item))
            {
                group.Add(item);
                end = session.RunInGroup(item);
            }

            Settle(session, group, end);
        }
        catch (Exception e)
        {
            // A fault of the queue itself: nobody waits for ever, and nothing of a doubtful connection is used again.
            DropSession();
            group.ForEach(item => item.Fail(e));
        }

        group.ForEach(item => item.Complete());
    }

    /// <summary>Commits the group; where that cannot be, runs its members one by one, in their order.</summary>
    private void Settle(WriteSession session, List<WorkItem> group, WorkEnd end)
    {
        if (end == WorkEnd.TransactionGone || !session.TryCommitGroup())
        {
            DropSession();
        }
        else
        {
            CountCommit();
            if (end == WorkEnd.Kept)
            {
                return;
            }

            // The others need not wait for the offender, which came last.
            var offender = group[^1];
            group.RemoveAt(group.Count - 1);
            group.ForEach(item => item.Complete());
            group.Clear();
            group.Add(offender);
        }

        foreach (var item in group)
        {
            RunAlone(item);
        }
    }

    private void CountCommit()
    {
        Commits++;
        Committed?.Invoke();
    }

    private void RunAlone(WorkItem item)
    {
        if (!TryBegin(out var session, out var trouble))
        {
            item.Fail(trouble);
            return;
        }

        if (session.RunAlone(item))
        {
            CountCommit();
        }

        if (!session.TryRestore())
        {
            DropSession();
        }
    }

    private bool TryBegin([NotNullWhen(true)] out WriteSession? session, [NotNullWhen(false)] out Exception? trouble)
    {
        session = null;
        trouble = null;
        try
        {
            session = _session ??= new WriteSession(OpenConnection());
            if (!session.TryBegin())
            {
                // A statement that a work left open held on to an old snapshot.
                DropSession();
                session = _session = new WriteSession(OpenConnection());
                session.Begin();
            }

            return true;
        }
        catch (Exception e)
        {
            trouble = e is SqliteException s ? SqliteTrouble.From(s, path) : e;
            if (trouble is not StoreException { Trouble: StoreTrouble.Busy })
            {
                DropSession();
            }

            session = null;
            return false;
        }
    }

    private bool TryTakeWrite(long lastNumber, [NotNullWhen(true)] out WorkItem? item)
    {
        lock (_gate)
        {
            while (_waiting.TryPeek(out var head) && head is WorkItem write && write.Number <= lastNumber)
            {
                _waiting.Dequeue();
                if (write.TryStart())
                {
                    item = write;
                    return true;
                }
            }
        }

        item = null;
        return false;
    }

    private void DropSession()
    {
        var session = _session;
        _session = null;
        session?.Dispose();
    }
}
