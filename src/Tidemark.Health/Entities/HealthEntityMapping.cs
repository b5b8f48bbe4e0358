using Tidemark.Model.Health;
using Tidemark.Model.Values;

namespace Tidemark.Health.Entities;

/// <summary>Which samples become rows of which table of the app, and how.</summary>
public sealed class HealthEntityMapping
{
    /// <summary>Names it in the file; stays the same over versions of the app.</summary>
    public required string Name { get; init; }

    /// <summary>Types of samples, such as Workout.</summary>
    public required IReadOnlyList<string> Types { get; init; }

    /// <summary>The app's table, in the same file. Its key is given by the client: the same sample has the same key on every device.</summary>
    public required string Table { get; init; }

    /// <summary>The column of its key. Default: id.</summary>
    public string Key { get; init; } = "id";

    /// <summary>The key of a sample's row. Default: its UUID as text.</summary>
    public Func<Guid, Value> KeyOf { get; init; } = static id => Value.Text(id.ToString("D"));

    /// <summary>The other columns' values; null: no row is made of this sample. Equal samples give equal values on every device: no clocks, no random numbers.</summary>
    public required Func<HealthSample, IReadOnlyDictionary<string, Value>?> Map { get; init; }

    /// <summary>
    /// A synced table with the same key column and nothing else that must be set: a line for each sample that was made a row, never deleted. With it a row that somebody has deleted
    /// is not made again by a device that learns of the sample later. Null: none.
    /// </summary>
    public string? Marks { get; init; }
}

/// <summary>What a reconciliation did.</summary>
/// <param name="Seen">Samples and deletions that were looked at.</param>
/// <param name="Made">Rows made.</param>
/// <param name="Changed">Rows that a new version of their sample changed.</param>
/// <param name="Deleted">Rows that went with their sample.</param>
/// <param name="Left">Rows that somebody has edited since: their sample changes nothing of them any more.</param>
/// <param name="IsDone">False: it may not begin yet, or the source cannot be read now.</param>
public sealed record EntityReport(long Seen, long Made, long Changed, long Deleted, long Left, bool IsDone);
