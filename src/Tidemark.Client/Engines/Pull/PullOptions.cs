namespace Tidemark.Client.Engines.Pull;

/// <summary>Bounds of the pull.</summary>
public sealed class PullOptions
{
    /// <summary>Rows per page; the server's own limit wins when it is lower. Default 5,000.</summary>
    public int PageRowsMax { get; set; } = 5000;

    /// <summary>Pages per run; what is left is fetched by the next run, nothing is lost. Default 10,000.</summary>
    public int IterationsMax { get; set; } = 10_000;

    /// <summary>How long one slice of an apply may hold the write lock. Default 50.</summary>
    public int SliceMs { get; set; } = 50;

    /// <summary>How long the write lock stays free between slices. Default 10.</summary>
    public int SlicePauseMs { get; set; } = 10;

    /// <summary>The share of a type's rows that one run may delete without a question. Default 0.5.</summary>
    public double DeleteShareMax { get; set; } = 0.5;

    /// <summary>Fewer deletions than this are never questioned. Default 1,000.</summary>
    public int DeleteFreeRows { get; set; } = 1000;

    /// <summary>A first fetch takes a file where the server offers one: faster from some ten thousand rows on. Catalogs always do. Default false.</summary>
    public bool UsesSnapshots { get; set; }

    /// <summary>The answer to the question: delete all the same.</summary>
    public bool AllowManyDeletes { get; set; }
}

/// <summary>What the pull of one run came to.</summary>
public sealed record PullReport
{
    /// <summary>Pages fetched.</summary>
    public int Iterations { get; set; }

    public int Applied { get; set; }

    public int Deleted { get; set; }

    /// <summary>Rows merged with edits that were not sent yet.</summary>
    public int Merged { get; set; }

    public int Conflicts { get; set; }

    /// <summary>Rows put aside in this run.</summary>
    public int Failed { get; set; }

    public SortedDictionary<string, int> FailedByType { get; } = new(StringComparer.Ordinal);

    public long Bytes { get; set; }

    /// <summary>The head this pull ended at.</summary>
    public long Until { get; set; }

    /// <summary>There is more; the next run goes on.</summary>
    public bool HasMore { get; set; }

    /// <summary>Nothing was fetched: what a restored server may have lost has to be offered first.</summary>
    internal bool IsHeldBack { get; set; }

    /// <summary>Rows put aside that wait after this run.</summary>
    public long Aside { get; set; }

    /// <summary>What another space's pull of the same run came to.</summary>
    internal void Add(PullReport other)
    {
        Iterations += other.Iterations;
        Applied += other.Applied;
        Deleted += other.Deleted;
        Merged += other.Merged;
        Conflicts += other.Conflicts;
        Failed += other.Failed;
        Bytes += other.Bytes;
        Until = Math.Max(Until, other.Until);
        HasMore |= other.HasMore;
        IsHeldBack |= other.IsHeldBack;
        Aside += other.Aside;
        foreach (var (type, failed) in other.FailedByType)
        {
            FailedByType[type] = FailedByType.GetValueOrDefault(type) + failed;
        }
    }
}
