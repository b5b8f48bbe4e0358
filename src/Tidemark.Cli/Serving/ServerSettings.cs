namespace Tidemark.Cli.Serving;

/// <summary>What `serve` was asked for.</summary>
internal sealed record ServerSettings(IReadOnlyList<string> Urls, string DataDirectory, string? ModelFile, bool Dev, int Leases = 0, string? Postgres = null, TimeSpan Drain = default);
