namespace Tidemark.Testing.Server;

/// <summary>A clock that stands until it is moved; it may also be set back.</summary>
public sealed class ManualTime : TimeProvider
{
    private long _elapsed;

    public DateTimeOffset Now { get; set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _elapsed;

    /// <summary>Moves wall clock and timestamps.</summary>
    public void Advance(TimeSpan by)
    {
        Now += by;
        _elapsed += by.Ticks;
    }
}
