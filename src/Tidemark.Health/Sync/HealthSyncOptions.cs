using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>How health data is sent. Checked once, with every fault named.</summary>
public sealed class HealthSyncOptions
{
    /// <summary>Time for capture and immediate upload of one wake. Default 25 s of the 30 s that a phone gives.</summary>
    public TimeSpan ImmediateDeadline { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>When the tries of an immediate upload begin, after the one before has failed. Default 0, 1 and 3 s.</summary>
    public IReadOnlyList<TimeSpan> ImmediateTries { get; set; } = [TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)];

    /// <summary>One try is cancelled after this. Default 10 s; less when the deadline is nearer.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Items that may wait in the queue; at the limit nothing more is captured, and the source keeps what is new. Default 10,000.</summary>
    public int QueueItemsMax { get; set; } = 10_000;

    /// <summary>Samples of one page. Default 1000.</summary>
    public int PageSamples { get; set; } = 1000;

    /// <summary>How long done items stay in the queue. Default 7 days.</summary>
    public TimeSpan KeepUploaded { get; set; } = TimeSpan.FromDays(7);

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
