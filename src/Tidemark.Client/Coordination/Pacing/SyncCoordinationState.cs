using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>
/// What all instances and processes know of when to sync one file with one remote: when runs began, which back-off is in force, what the server asked for.
/// Used with the engine's connection, by one at a time.
/// </summary>
internal sealed class SyncCoordinationState(LocalStore store, SyncEnvironment environment, SyncOptions options)
{
    private readonly PaceMemory _memory = PaceMemory.Of(store.Path, environment);
    private readonly PaceRepository _file = new(store.EngineSession.Db, store.EngineSession.Remote);

    /// <summary>When runs of each trigger last began, idle ones of this process included; a time in the future is of a clock that was wrong and does not count.</summary>
    public Dictionary<string, DateTimeOffset> LastRuns()
    {
        var times = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (var (trigger, at) in _file.ReadTimes().Concat(_memory.IdleTimes()))
        {
            if (at <= environment.NowMs && (!times.TryGetValue(trigger, out var known) || known.ToUnixTimeMilliseconds() < at))
            {
                times[trigger] = DateTimeOffset.FromUnixTimeMilliseconds(at);
            }
        }

        return times;
    }

    /// <summary>How long no run may start by itself, and whether that is for want of a network and nothing else.</summary>
    public (TimeSpan Left, bool IsOfNetwork) Backoff()
    {
        if (Note() is not { } note)
        {
            return (TimeSpan.Zero, false);
        }

        var left = _memory.IsWellSince(note.NotedAt) ? AskedLeft(note) : Left(note);
        return left > TimeSpan.Zero ? (left, note.AskedUntil is null && note.Code == SyncErrorCodes.NameOf(SyncErrorCode.NetworkError)) : (TimeSpan.Zero, false);
    }

    /// <summary>Is everything still to be fetched, for the first time or again?</summary>
    public bool IsFullFetchDue() => store.EngineSession.Remotes.Read() is { Cursor: null } or { Resync: not null };

    /// <exception cref="SyncException">The pause the server asked for is not over.</exception>
    public void CheckPause()
    {
        if (Note() is { } note && AskedLeft(note) is var left && left > TimeSpan.Zero)
        {
            throw new PausedException(
                SyncErrorCodes.CodeNamed(note.Code), $"The server asked for a pause; {Math.Ceiling(left.TotalSeconds):0} s of it are left and nothing was sent. ({note.Message})") { WireCode = note.WireCode, RetryAfter = left };
        }
    }

    /// <summary>A run had nothing to do.</summary>
    public void NoteIdle(string trigger, DateTimeOffset startedAt) => _memory.NoteIdle(trigger, startedAt.ToUnixTimeMilliseconds());

    /// <summary>A run has ended, well or not; inside the transaction that ends it.</summary>
    /// <param name="trigger">Who asked for it.</param>
    /// <param name="startedAt">When it began.</param>
    /// <param name="error">Why it failed; null when it did not, or was cancelled.</param>
    /// <param name="jitter">Where in the back-off's span the next run may start, in [0, 1).</param>
    public void NoteEnd(string trigger, DateTimeOffset startedAt, SyncException? error, double jitter)
    {
        var idle = _memory.IdleTimes();
        foreach (var (cause, at) in idle)
        {
            _file.WriteTime(cause, at);
        }

        _file.WriteTime(trigger, startedAt.ToUnixTimeMilliseconds());
        _memory.ForgetIdle(idle);
        if (error is null)
        {
            if (_file.Read() is not null)
            {
                _file.Clear();
            }

            _memory.Unwritten = null;
            return;
        }

        _file.Write(NoteOf(error, jitter));
        _memory.Unwritten = null;
    }

    /// <summary>A run has failed, and the file does not take a note of it.</summary>
    public void NoteEndInMemory(SyncException error, double jitter) => _memory.Unwritten = NoteOf(error, jitter);

    private PaceNote NoteOf(SyncException error, double jitter)
    {
        var before = Note();
        var failures = before is null || _memory.IsWellSince(before.NotedAt) ? 1 : Math.Min(before.Failures + 1, 1_000_000);
        var now = environment.NowMs;
        long? asked = error.RetryAfter is { } wish && wish > TimeSpan.Zero ? now + (long)Math.Ceiling(wish.TotalMilliseconds) : null;
        var note = new PaceNote(failures, now, (asked ?? now) + options.Backoff.DelayMs(failures, jitter), asked, SyncErrorCodes.NameOf(error.Code), error.WireCode, error.Message);
        Left(note); // Measured from now on.
        return note;
    }

    private PaceNote? Note()
    {
        var note = _file.Read();
        return _memory.Unwritten is { } unwritten && (note is null || note.NotedAt < unwritten.NotedAt) ? unwritten : note;
    }

    private TimeSpan Left(PaceNote note) => _memory.LeftOf(note.NotedAt, note.Until, environment);

    // The own back-off lies behind the pause that was asked for.
    private TimeSpan AskedLeft(PaceNote note) =>
        note.AskedUntil is { } asked ? Left(note) - TimeSpan.FromMilliseconds(note.Until - asked) : TimeSpan.Zero;
}

/// <summary>Refused without asking anybody: the pause that the server asked for is not over.</summary>
internal sealed class PausedException(SyncErrorCode code, string message) : SyncException(code, message, retryable: true);
