using Tidemark.Model.Entities;

namespace Tidemark.Client.Adoption;

/// <summary>What is synced, what is not and why.</summary>
public sealed record AdoptionReport
{
    public required SyncModel Model { get; init; }

    /// <summary>Rows per synced type.</summary>
    public required IReadOnlyList<(string Type, long Rows)> Rows { get; init; }

    /// <summary>Tables, views and relations that are left out, each with a sentence.</summary>
    public required IReadOnlyList<(string Name, string Reason)> LeftOut { get; init; }

    /// <summary>What is synced but needs an eye.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The app's own triggers and what becomes of them.</summary>
    public IReadOnlyList<string> Triggers { get; init; } = [];
}

/// <summary>What to adopt.</summary>
public sealed class AdoptionOptions
{
    /// <summary>Only these tables; empty: all that can be.</summary>
    public IReadOnlyList<string> Include { get; set; } = [];

    /// <summary>Not these tables.</summary>
    public IReadOnlyList<string> Exclude { get; set; } = [];

    /// <summary>Columns to be encrypted before they leave, as table.column; the file is then synced by the way for several remotes.</summary>
    public IReadOnlyList<string> Encrypt { get; set; } = [];

    public Storage.FirstSync FirstSync { get; set; } = Storage.FirstSync.Match;

    public TimeSpan BusyTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
