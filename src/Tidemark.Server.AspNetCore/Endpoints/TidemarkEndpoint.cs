namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Metadata that marks an endpoint as Tidemark's among those of the host.</summary>
internal sealed class TidemarkEndpoint
{
    public static TidemarkEndpoint Mark { get; } = new();
}
