using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Server.Access;
using Tidemark.Server.Hooks;
using Tidemark.Server.Leases;
using Tidemark.Server.Sharing;

namespace Tidemark.Server;

/// <summary>What a host may set. Checked once, when the server is made.</summary>
public sealed class ServerOptions
{
    /// <summary>The least size of <see cref="CursorKey"/> in bytes.</summary>
    public const int CursorKeyBytesMin = 32;

    // The envelope, its list, a command, a payload, and an exact value in it.
    private const int JsonDepthLeast = 8;

    /// <summary>Told to every client. Default: <see cref="WireLimits"/>' own.</summary>
    public WireLimits Limits { get; init; } = new();

    /// <summary>Any user may register a model. Default: false.</summary>
    public bool Dev { get; init; }

    /// <summary>How long tombstones and verdicts are kept; the commits that tell of a restored server are kept two years longer. Default: 90 days.</summary>
    public TimeSpan TombstoneRetention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>How often the host forgets what is past the retention. Default: 6 hours.</summary>
    public TimeSpan CompactEvery { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Signs cursors; the same on all nodes. Null (default): the store makes one and keeps it.</summary>
    public byte[]? CursorKey { get; init; }

    /// <summary>Rows of a page when the request does not say. Default: 1000.</summary>
    public int PageRowsDefault { get; init; } = 1000;

    /// <summary>A page ends when it has this many bytes, whatever the limit of rows. Default: 8 MiB.</summary>
    public int PageBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Keys asked for in one POST /sync/rows or ids in one POST /sync/verdicts. Default: 5000.</summary>
    public int KeysMax { get; init; } = 5000;

    /// <summary>Admission for bulk work. Default: none is needed.</summary>
    public LeaseOptions Leases { get; init; } = new();

    /// <summary>Bounds of shared spaces. Default: <see cref="SharingOptions"/>' own.</summary>
    public SharingOptions Sharing { get; init; } = new();

    /// <summary>Where files for first fetches are kept. Null (default): none are made.</summary>
    public string? SnapshotFolder { get; init; }

    /// <summary>A space with fewer rows is fetched in pages; catalogs are offered as files whatever their size. Default: 20,000.</summary>
    public int SnapshotRowsMin { get; init; } = 20_000;

    /// <summary>A file is offered until more rows than this, or a tenth of its own where that is more, changed since; then it is made anew. Default: 1,000.</summary>
    public int SnapshotChangesMax { get; init; } = 1000;

    /// <summary>Live connections that one user may have. Default: 100.</summary>
    public int ListenersPerUserMax { get; init; } = 100;

    /// <summary>How often a live connection is pinged. Default: 30 s.</summary>
    public TimeSpan PingEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A ping that is not answered for so long ends the connection. Default: 15 s.</summary>
    public TimeSpan PongWithin { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a node that is told to stop goes on serving while it says that it is not ready. Default: zero.</summary>
    public TimeSpan DrainTime { get; init; }

    /// <summary>Devices and revocation. Default: <see cref="AccessOptions"/>' own.</summary>
    public AccessOptions Access { get; init; } = new();

    /// <summary>The host's own rules for commands and rows. Default: none.</summary>
    public SyncHooks Hooks { get; init; } = SyncHooks.None;

    /// <summary>Custom merges for types whose unique keys have the rule `merge`: only there the server merges. A type whose merge is missing is merged by its fields' policies. Default: none.</summary>
    public CustomMergeRegistry Merges { get; init; } = CustomMergeRegistry.None;

    /// <exception cref="InvalidOperationException">Every fault, one a line.</exception>
    internal void Validate()
    {
        var faults = new List<string>();
        if (CursorKey is { Length: < CursorKeyBytesMin })
        {
            faults.Add($"CursorKey needs at least {CursorKeyBytesMin} bytes.");
        }

        if (TombstoneRetention <= TimeSpan.Zero || CompactEvery < TimeSpan.FromSeconds(1) || CompactEvery > TimeSpan.FromDays(30))
        {
            faults.Add("TombstoneRetention must be longer than zero, CompactEvery one second to 30 days.");
        }

        faults.AddRange(Leases.Faults());
        faults.AddRange(Sharing.Faults());
        faults.AddRange(Access.Faults());
        if (ListenersPerUserMax < 1 || PingEvery <= TimeSpan.Zero || PongWithin <= TimeSpan.Zero)
        {
            faults.Add("ListenersPerUserMax must be at least 1, PingEvery and PongWithin longer than zero.");
        }

        if (DrainTime < TimeSpan.Zero || DrainTime > TimeSpan.FromHours(1))
        {
            faults.Add("DrainTime must be zero to one hour.");
        }

        if (PageRowsDefault < 1 || PageRowsDefault > Limits.PageRowsMax)
        {
            faults.Add($"PageRowsDefault must be 1 to {Limits.PageRowsMax} (Limits.PageRowsMax).");
        }

        if (PageBytesMax < 1024 || KeysMax < 1 || Limits.CommandsMax < 1 || Limits.FieldsMax < 1 || Limits.RowBytesMax < 1 || Limits.RequestBytesMax < 1)
        {
            faults.Add("Every limit must be at least 1, PageBytesMax at least 1024.");
        }

        if (Limits.FieldsMax > ModelValidator.FieldsMax || Limits.JsonDepthMax < JsonDepthLeast || Limits.JsonDepthMax > WireLimits.JsonDepthBound)
        {
            faults.Add($"Limits.FieldsMax may be at most {ModelValidator.FieldsMax}, Limits.JsonDepthMax {JsonDepthLeast} to {WireLimits.JsonDepthBound}.");
        }

        if (faults.Count > 0)
        {
            throw new InvalidOperationException("The server's options have faults:\n" + string.Join('\n', faults));
        }
    }
}
