using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>How health data is sent. Checked once, with every fault named.</summary>
public sealed class HealthSyncOptions
{
    /// <summary>Time for capture and immediate upload of one wake. Default 25 s of the 30 s that a phone gives.</summary>
    public TimeSpan ImmediateDeadline { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>When the tries of a batch begin, after the one before has failed: of an immediate upload, and of one from the queue, so that a single broken request does not end a window. Default 0, 1 and 3 s.</summary>
    public IReadOnlyList<TimeSpan> ImmediateTries { get; set; } = [TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)];

    /// <summary>One try is cancelled after this. Default 10 s; less when the deadline is nearer.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Items that may wait in the queue; at the limit nothing more is captured, and the source keeps what is new. Default 10,000.</summary>
    public int QueueItemsMax { get; set; } = 10_000;

    /// <summary>Samples of one page. Default 1000.</summary>
    public int PageSamples { get; set; } = 1000;

    /// <summary>How long done items stay in the queue. Default 7 days.</summary>
    public TimeSpan KeepUploaded { get; set; } = TimeSpan.FromDays(7);

    /// <summary>One try in a background window is cancelled after this. Default 60 s.</summary>
    public TimeSpan BackgroundTryTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after it was asked for a background window may begin. Default 30 min.</summary>
    public TimeSpan BackgroundInterval { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Time of a background window whose platform does not say it. Default 3 min.</summary>
    public TimeSpan BackgroundTime { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>How far back a source is asked for what its anchors have missed; by overlap. Default 72 h: a resting heart rate is written up to 48 h after its start.</summary>
    public TimeSpan RecheckWindow { get; set; } = TimeSpan.FromHours(72);

    /// <summary>The days are compared with the server's when the last time that everything was there is longer ago. Default 48 h.</summary>
    public TimeSpan IntegrityAfter { get; set; } = TimeSpan.FromHours(48);

    /// <summary>How long captured samples are known by name, from their end; for sources that can be asked for a time. Default 35 days, longer than a platform keeps a token.</summary>
    public TimeSpan KeepKnown { get; set; } = TimeSpan.FromDays(35);

    /// <summary>The first pause of an item that could not be sent; doubled with each try. Default 2 s.</summary>
    public TimeSpan BackoffMin { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest pause. Default 15 min.</summary>
    public TimeSpan BackoffMax { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>What is sent first: higher goes first. Default: 0 for all but workouts and ECGs (1).</summary>
    public Func<string, int> PriorityOf { get; set; } = static type => type is HealthTypes.Workout or HealthTypes.Ecg ? 1 : 0;

    /// <exception cref="InvalidOperationException">With everything that is wrong.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        void Check(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }

        Check(ImmediateDeadline > TimeSpan.Zero && ImmediateDeadline < TimeSpan.FromMinutes(10), "ImmediateDeadline must be above 0 and below 10 minutes.");
        Check(ImmediateTries.Count > 0 && ImmediateTries.All(t => t >= TimeSpan.Zero), "ImmediateTries needs at least one pause, none below 0.");
        Check(BackgroundTryTimeout > TimeSpan.Zero, "BackgroundTryTimeout must be above 0.");
        Check(BackgroundInterval >= TimeSpan.FromMinutes(1) && BackgroundInterval <= TimeSpan.FromDays(1), "BackgroundInterval must be from 1 minute to 1 day.");
        Check(BackgroundTime > TimeSpan.Zero && BackgroundTime <= TimeSpan.FromHours(1), "BackgroundTime must be above 0 and at most 1 hour.");
        Check(RecheckWindow >= TimeSpan.FromHours(72), "RecheckWindow must be at least 72 hours.");
        Check(IntegrityAfter > TimeSpan.Zero, "IntegrityAfter must be above 0.");
        Check(KeepKnown >= RecheckWindow, "KeepKnown must not be below RecheckWindow.");
        Check(TryTimeout > TimeSpan.Zero, "TryTimeout must be above 0.");
        Check(QueueItemsMax > 0, "QueueItemsMax must be above 0.");
        Check(PageSamples is > 0 and <= HealthLimits.BatchItemsMax, $"PageSamples must be from 1 to {HealthLimits.BatchItemsMax}.");
        Check(PageSamples <= QueueItemsMax, "PageSamples must not be above QueueItemsMax.");
        Check(KeepUploaded >= TimeSpan.Zero, "KeepUploaded must not be below 0.");
        Check(BackoffMin > TimeSpan.Zero && BackoffMax >= BackoffMin, "BackoffMin must be above 0 and not above BackoffMax.");
        if (faults.Count > 0)
        {
            throw new InvalidOperationException(string.Join(' ', faults));
        }
    }
}
