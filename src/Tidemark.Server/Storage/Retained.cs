using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>From where on a space remembers.</summary>
/// <param name="Deletions">Tombstones and verdicts of positions below are forgotten.</param>
/// <param name="Commits">Commits of positions below are forgotten but the last one, so that the oldest that is left tells from where on all are known: by then no restore of the server is told from the time a device was away.</param>
public readonly record struct Retained(Position Deletions, Position Commits)
{
    /// <summary>Commits are remembered so much longer than deletions. They are small, and what they tell cannot be told otherwise.</summary>
    public static readonly TimeSpan CommitsLonger = TimeSpan.FromDays(730);

    /// <summary>Nothing is forgotten that is not below this position, and all that is.</summary>
    public static Retained From(Position position) => new(position, position);

    public static Retained At(Position now, TimeSpan deletions)
    {
        var kept = deletions.Ticks / TimeSpan.TicksPerMicrosecond;
        return new Retained(Before(now, kept), Before(now, kept + (CommitsLonger.Ticks / TimeSpan.TicksPerMicrosecond)));
    }

    private static Position Before(Position now, long micros) => new(Math.Max(0, now.Value - micros));
}
