using Tidemark.Client.Environment;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>
/// What instances of one process share of a file without writing it: times of runs that had nothing to do, pauses as they were first seen.
/// It outlives its instances, so that one made anew (hot reload) does not begin from nothing.
/// </summary>
internal sealed class PaceMemory
{
    private const int FilesMax = 256;
    private static readonly Lock Registry = new();
    private static readonly Dictionary<(string File, string Process, TimeProvider Time), PaceMemory> Known = [];
    private static readonly Queue<(string File, string Process, TimeProvider Time)> Order = new();
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _idle = new(StringComparer.Ordinal);
    private (long NotedAt, long Until, long Stamp, TimeSpan Left)? _seen;
    private readonly HashSet<long> _inHand = [];
    private long _wellSince = long.MinValue;
    private Storage.PaceNote? _unwritten;

    /// <summary>A back-off that could not be written into the file.</summary>
    public Storage.PaceNote? Unwritten
    {
        get
        {
            lock (_lock)
            {
                return _unwritten;
            }
        }
        set
        {
            lock (_lock)
            {
                _unwritten = value;
            }
        }
    }

    /// <summary>The one of a file in this process.</summary>
    public static PaceMemory Of(string file, SyncEnvironment environment)
    {
        var key = (file, environment.ProcessName, environment.Time);
        lock (Registry)
        {
            if (!Known.TryGetValue(key, out var memory))
            {
                Known[key] = memory = new PaceMemory();
                Order.Enqueue(key);
                if (Order.Count > FilesMax)
                {
                    Known.Remove(Order.Dequeue());
                }
            }

            return memory;
        }
    }

    /// <summary>Takes a full fetch to announce it; false when another instance of this process has it in hand.</summary>
    public bool TakeInHand(long fetch)
    {
        lock (_lock)
        {
            return _inHand.Add(fetch);
        }
    }

    public void LetGo(long fetch)
    {
        lock (_lock)
        {
            _inHand.Remove(fetch);
        }
    }

    public void NoteIdle(string trigger, long at)
    {
        lock (_lock)
        {
            _idle[trigger] = at;
            _wellSince = at;
        }
    }

    /// <summary>Did a run go well after that note, without writing it?</summary>
    public bool IsWellSince(long notedAt)
    {
        lock (_lock)
        {
            return _wellSince >= notedAt;
        }
    }

    /// <summary>Times of idle runs, by trigger.</summary>
    public List<KeyValuePair<string, long>> IdleTimes()
    {
        lock (_lock)
        {
            return [.. _idle];
        }
    }

    /// <summary>They stand in the file now.</summary>
    public void ForgetIdle(IEnumerable<KeyValuePair<string, long>> written)
    {
        lock (_lock)
        {
            foreach (var (trigger, at) in written)
            {
                if (_idle.TryGetValue(trigger, out var newest) && newest == at)
                {
                    _idle.Remove(trigger);
                }
            }
        }
    }

    /// <summary>What is left of a pause: by the wall clock when it is first seen, from then on by the timers' clock.</summary>
    public TimeSpan LeftOf(long notedAt, long until, SyncEnvironment environment)
    {
        lock (_lock)
        {
            if (_seen is not { } seen || seen.NotedAt != notedAt || seen.Until != until)
            {
                // Longer than it was when it was noted it cannot be: then the clock was set back.
                var left = TimeSpan.FromMilliseconds(Math.Clamp(until - environment.NowMs, 0, until - notedAt));
                _seen = seen = (notedAt, until, environment.Time.GetTimestamp(), left);
            }

            return seen.Left - environment.Time.GetElapsedTime(seen.Stamp);
        }
    }
}
