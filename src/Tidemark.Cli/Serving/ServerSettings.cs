using Tidemark.Server.S3;

namespace Tidemark.Cli.Serving;

/// <summary>What `serve` was asked for.</summary>
internal sealed record ServerSettings(IReadOnlyList<string> Urls, string DataDirectory, string? ModelFile, bool Dev, int Leases = 0, string? Postgres = null, TimeSpan Drain = default)
{
    /// <summary>How long deletions and verdicts are kept; null: the server's default.</summary>
    public TimeSpan? Retention { get; init; }

    /// <summary>Requests of one user to this node in a minute; 0: any number.</summary>
    public int UserRate { get; init; }

    /// <summary>Requests of one address to this node in a minute; 0: any number.</summary>
    public int AddressRate { get; init; }

    /// <summary>The bucket of complete blobs; null: they are files in the data folder.</summary>
    public S3Place? Blobs { get; init; }

    /// <summary>Where traces and metrics go; null: what the environment says, or nowhere.</summary>
    public string? Collector { get; init; }
}
