using System.Text;

namespace Tidemark.Simulation.Network;

/// <summary>A request as it leaves a device; it can reach the server later, twice or never.</summary>
internal sealed record WireRequest(string Method, string Path, string Token, byte[] Body, bool AcceptsGzip)
{
    /// <summary>The lease it names.</summary>
    public string? Lease { get; init; }

    /// <summary>What stands behind the question mark.</summary>
    public string Query { get; init; } = "";

    /// <summary>The first byte of a file that is wanted, and of which file.</summary>
    public (long From, string ETag)? Rest { get; init; }
}

/// <summary>What a server, or something that stands in its place, answers.</summary>
internal sealed record WireReply(int Status, string MediaType, byte[] Body)
{
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    public static WireReply Html(int status, string text) => new(status, "text/html", Encoding.UTF8.GetBytes($"<html><body>{text}</body></html>"));
}
